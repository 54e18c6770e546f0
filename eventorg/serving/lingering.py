"""Closes a connection so that its client can read the last response (RFC 9112, section 9.6)."""

import asyncio
from collections.abc import Callable
from typing import Final

from eventorg.serving.write_coalescing import CoalescingTransport

MAX_DISCARDED_BYTES: Final = 32 * 1024 * 1024
"""The bytes that a client may send after the last response. A client that sends a large body reads the response after
it."""


class LingeringTransport(CoalescingTransport):
    """A transport that can go on reading after `close`.

    A socket that is closed while bytes of its client are unread resets the connection, and the reset can overtake the
    response. A transport that lingers ends its own side only. Its owner has `discard` count what comes, and aborts it
    after a while; a client that closes its side ends the connection too.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, on_linger: Callable[[], None]
    ) -> None:
        super().__init__(transport, loop)
        self._on_linger = on_linger
        self.will_linger = False
        """True if the next `close` lingers. The owner sets it when the client may still be sending."""
        self.lingers = False
        self._discarded = 0

    def close(self) -> None:
        """Sends what waits, and closes or begins to linger."""
        if not self.will_linger or self.is_closing():
            super().close()
            return
        self._send()
        self.lingers = True
        self.is_closing = lambda: True  # type: ignore[method-assign]
        self._transport.write_eof()
        self._on_linger()

    def discard(self, size: int) -> None:
        """Counts bytes that came while it lingers, and aborts the connection if there are too many."""
        self._discarded += size
        if self._discarded > MAX_DISCARDED_BYTES:
            self.abort()
