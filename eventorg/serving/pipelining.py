"""Requests that a client sends before it has its responses: they wait as bytes.

The server does not read from the client meanwhile.
"""

from abc import ABC, abstractmethod
from asyncio import BaseTransport, Transport
from collections.abc import Callable
from typing import Any, Final, cast

from uvicorn import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from eventorg.domain.errors import DomainError, Unavailable
from eventorg.serving import budget as budgets
from eventorg.serving.budget import Budget
from eventorg.serving.lingering import LingeringTransport

PIECE_BYTES: Final = 1024
"""The bytes that are parsed at once. This limits the requests that wait as objects: the parser cannot stop early."""
_NOTHING: Final = memoryview(b"")


class PipeliningProtocol(HttpToolsProtocol, ABC):
    """uvicorn's protocol, which parses one request while another is answered, and no more.

    uvicorn makes an object of several kilobytes of each request that has arrived, and reads on while they wait.
    """

    transport: LingeringTransport

    def __init__(self, config: Config, *arguments: Any, budget: Budget, **named: Any) -> None:
        super().__init__(config, *arguments, **named)
        self.budget = budget
        self._held = _NOTHING

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        self.flow = _Flow(cast("Transport", transport), self._is_behind)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets what is held."""
        self._hold(_NOTHING)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on, as far as it is the turn of what has arrived."""
        if self.transport.is_closing():
            self.transport.discard(len(data))
            return
        self._unset_keepalive_if_required()
        if self._is_behind():
            self._hold(memoryview(b"".join((self._held, data))))
        elif len(data) <= PIECE_BYTES:
            self.read(memoryview(data))
        else:
            self._hold(memoryview(data))
            self._catch_up()

    def on_response_complete(self) -> None:
        """Begins with the next request."""
        super().on_response_complete()
        if self._held:
            self._catch_up()
        if not self.flow.read_paused or self._is_behind() or self.transport.is_closing():
            return
        if len(self.cycle.body) <= HIGH_WATER_LIMIT:
            self.flow.resume_reading()

    @abstractmethod
    def read(self, data: memoryview) -> None:
        """Parses what has arrived."""

    @abstractmethod
    def reject(self, error: DomainError) -> None:
        """Ends the connection after the responses to what has been parsed."""

    def discard_input(self) -> None:
        """Forgets what the client has sent and is not answered, and goes on reading without an end."""
        self.pipeline.clear()
        self._hold(_NOTHING)
        self.flow.resume_reading()

    def _is_behind(self) -> bool:
        return bool(self.pipeline or self._held)

    def _catch_up(self) -> None:
        while self._held and not self.pipeline and not self.transport.is_closing():
            piece = self._held[:PIECE_BYTES]
            self._hold(self._held[PIECE_BYTES:])
            self.read(piece)
        if self._held:
            self.flow.pause_reading()
            if self.budget.held > budgets.MAX_HELD_BYTES:
                self._hold(_NOTHING)
                self.reject(Unavailable("busy"))

    def _hold(self, data: memoryview) -> None:
        self.budget.held += len(data) - len(self._held)
        self._held = data


class _Flow(FlowControl):
    """Reads on only when nothing waits: uvicorn would after each response."""

    def __init__(self, transport: Transport, is_behind: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._is_behind = is_behind

    def resume_reading(self) -> None:
        if not self._is_behind():
            super().resume_reading()
