"""Fewer system calls for each response: uvicorn writes the head and the body separately, and uvloop sends each at once.
This transport sends everything that is written in one step of the event loop together."""

import asyncio

_LARGE = 64 * 1024


class CoalescingTransport(asyncio.Transport):
    """A transport that buffers writes until the current step of the event loop ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.get_write_buffer_size = transport.get_write_buffer_size  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Sends the data at the end of the current step; large data at once."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(bytes(data))
        if len(data) >= _LARGE:
            self._send()

    def close(self) -> None:
        """Sends the buffered data and closes the connection."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Closes the connection at once and discards the buffered data."""
        self._waiting.clear()
        self._transport.abort()

    def _send(self) -> None:
        if self._waiting:
            if not self.is_closing():  # a broken connection would raise an error that nothing handles
                self._transport.write(b"".join(self._waiting))
            self._waiting.clear()
