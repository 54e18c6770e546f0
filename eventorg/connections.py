"""Connections that do not hold the server up: deadlines for slow clients, which uvicorn lacks, and a bounded number.

Nothing here costs a request a timer: each connection notes when its client began to owe something, and the server
looks at all of them once a second.
"""

import resource
from asyncio import BaseTransport, Transport
from typing import Any, Final, cast

from litestar import Request
from litestar.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from eventorg.api import bodies
from eventorg.api.problems import problem_response
from eventorg.domain.errors import Unavailable
from eventorg.gathering import GatheringTransport

ANSWER_SECONDS = 60.0
"""How long a client may leave a part of an answer unread."""
MOST_CONNECTIONS: Final = 10_000
_OTHER_FILES = 100


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, with an eye on the client."""

    def __init__(self, config: Config, *arguments: Any, **named: Any) -> None:
        super().__init__(config, *arguments, **named)
        self._most = config.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own refusal is plain text, and does not say when to come again

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(GatheringTransport(cast("Transport", transport), self.loop))
        self._owed_since: float | None = self.loop.time()
        self._unread_since: float | None = None
        if self._most is not None and len(self.connections) > self._most:
            self.app = _refuse

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._owed_since = self.loop.time()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._owed_since = None

    def look(self, now: float) -> None:
        """Ends the connection if its client takes too long to send a request or to read an answer; who waits for a
        body is woken at its deadline, and answers."""
        if not self.transport.get_write_buffer_size():
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now
        elif now - self._unread_since >= ANSWER_SECONDS:
            self.transport.abort()
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_answered = cycle is None or cycle.response_complete
        if self._owed_since is None:
            if is_answered and self.timeout_keep_alive_task is None:
                self._owed_since = now  # bytes between two requests have ended uvicorn's own timer
            return
        if self.flow.read_paused:
            self._owed_since = now  # it is for us to read on
        late = now - self._owed_since - bodies.REQUEST_SECONDS
        if late >= bodies.REQUEST_SECONDS:
            self.transport.abort()
        elif late >= 0 and is_answered:
            self.transport.close()
        elif late >= 0:
            self.cycle.message_event.set()


def find_room() -> int:
    """How many connections there may be at once, after as many files as allowed have been asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, soft - _OTHER_FILES))


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers that there are too many already."""
    request: Request[Any, Any, Any] = Request(scope)
    response = problem_response(request, Unavailable("busy"))
    response.headers["Connection"] = "close"
    await response.to_asgi_response(None, request)(scope, receive, send)
