"""Fewer system calls for an answer: uvicorn writes its head and its body one after the other, and uvloop hands each to
the system at once. Here what is written in one step of the event loop goes out together."""

import asyncio

_LARGE = 64 * 1024


class CoalescingTransport(asyncio.Transport):
    """A transport that waits with what is written until the present step of the event loop is over."""

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
        """Sends, in a moment; what is large, at once."""
        if not self._waiting:
            self._loop.call_soon(self._send)
        self._waiting.append(bytes(data))
        if len(data) >= _LARGE:
            self._send()

    def close(self) -> None:
        """Sends what waits, and closes."""
        self._send()
        self._transport.close()

    def abort(self) -> None:
        """Closes at once; what waits is lost."""
        self._waiting.clear()
        self._transport.abort()

    def _send(self) -> None:
        if self._waiting:
            if not self.is_closing():  # else it broke off meanwhile, and would raise an error that nobody hears
                self._transport.write(b"".join(self._waiting))
            self._waiting.clear()
