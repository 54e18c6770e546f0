"""Limits on the memory that all connections together may take for bytes that wait."""

from collections.abc import Iterable
from typing import Final, Protocol

MAX_UNREAD_BYTES: Final = 64 * 1024 * 1024
"""The parts of responses that clients have not read yet."""
MAX_HELD_BYTES: Final = 16 * 1024 * 1024
"""Pipelined requests that have arrived before their turn."""
UNREAD_SECONDS: Final = 5.0
"""The time for which a client may leave a response unread while the server is short of room for others."""


class _Buffered(Protocol):
    def get_write_buffer_size(self) -> int: ...

    def abort(self) -> None: ...


class _Reader(Protocol):
    @property
    def unread_since(self) -> float | None: ...

    @property
    def transport(self) -> _Buffered: ...


class Budget:
    """The bytes that wait, over all connections."""

    def __init__(self) -> None:
        self.held = 0
        self._slow: set[_Reader] = set()

    def add_slow(self, connection: _Reader) -> None:
        """Counts the unread bytes of a connection from now on."""
        self._slow.add(connection)

    def remove_slow(self, connection: _Reader) -> None:
        """Ends the count of a connection, if there is one."""
        self._slow.discard(connection)

    def has_room(self, size: int) -> bool:
        """Returns whether a response of this size may be sent. A larger one than the budget may be sent alone."""
        unread = _unread(self._slow)
        return not unread or unread + size <= MAX_UNREAD_BYTES

    def cut_slowest(self, now: float) -> int:
        """Aborts the connections that have not read for the longest time, until half of the room is free. Returns
        their number."""
        unread = _unread(self._slow)
        if unread <= MAX_UNREAD_BYTES / 2:
            return 0
        excess = unread - MAX_UNREAD_BYTES / 2
        patience = UNREAD_SECONDS if unread < 2 * MAX_UNREAD_BYTES else 0
        late = [
            (connection.unread_since, connection.transport)
            for connection in self._slow
            if connection.unread_since is not None and now - connection.unread_since >= patience
        ]
        cut = 0
        for _, transport in sorted(late, key=lambda pair: pair[0]):
            if excess <= 0:
                break
            excess -= transport.get_write_buffer_size()
            transport.abort()
            cut += 1
        return cut


def _unread(connections: Iterable[_Reader]) -> int:
    return sum(connection.transport.get_write_buffer_size() for connection in connections)
