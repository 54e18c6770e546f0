"""Protects the server from slow and numerous clients: deadlines for requests and responses, limits on the size of a
head, and a maximum number of connections. uvicorn has none of these.

No request needs a timer of its own: each connection stores when it began to wait for its client, and the
server checks all connections once a second. A malformed request is answered with a problem document too.

This module overrides internals of uvicorn. Delete it when uvicorn has such deadlines and limits.
"""

import resource
from asyncio import BaseTransport, Transport
from typing import Any, Final, cast

import structlog
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from litestar.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from eventorg.domain.errors import DomainError, Unavailable
from eventorg.serving.answers import checked, problem_answer
from eventorg.serving.budget import Budget
from eventorg.serving.lingering import LingeringTransport
from eventorg.serving.pipelining import PipeliningProtocol
from eventorg.serving.request_head import check_host, path_of
from eventorg.web import bodies
from eventorg.web.errors import HeadTooLarge, Malformed, TargetTooLong

ANSWER_SECONDS = 60.0
"""Longest time that a client can leave a part of a response unread."""
LINGER_SECONDS = 5.0
"""Time that a client has to read the last response of a connection while it is still sending."""
MAX_CONNECTIONS: Final = 10_000
MAX_HEAD_BYTES: Final = 64 * 1024
"""Maximum size of the request line and the headers."""
_MAX_FRAMING = 8 * MAX_HEAD_BYTES  # for the framing of chunks, which can have one byte each
_OTHER_FILES = 100
_MAX_REFUSED: Final = 30
"""Connections beyond the limit that are waited for, so that they get a 503 in response to their request. What comes on
top gets one at once: `_OTHER_FILES` are for these too."""
_REFUSED_SECONDS: Final = 1.0

log = structlog.get_logger("eventorg.server")


class DeadlineProtocol(PipeliningProtocol):
    """uvicorn's protocol with deadlines and limits."""

    def __init__(self, config: Config, *arguments: Any, budget: Budget | None = None, **named: Any) -> None:
        super().__init__(config, *arguments, budget=budget or Budget(), **named)
        self._max_connections = config.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own response is plain text without `Retry-After`
        self.url = b""
        self._arrived = 0
        self._first = self._more = 0
        self._is_in_head = False
        self._running: RequestResponseCycle | None = None
        self._host = b""  # of the previous request
        self._is_http_1_0 = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(LingeringTransport(cast("Transport", transport), self.loop, self.discard_input))
        self._owed_since: float | None = self.loop.time()
        self.unread_since: float | None = None
        self._lingering_since: float | None = None
        self._is_refused = self._max_connections is not None and len(self.connections) > self._max_connections
        if self._is_refused:
            self.app = _answer_busy
            if len(self.connections) > cast("int", self._max_connections) + _MAX_REFUSED:
                self._answer(Unavailable("busy"))
                self.transport.close()  # without lingering: too many wait already

    def connection_lost(self, exc: Exception | None) -> None:
        """Also disconnects the running request if others wait behind it: uvicorn disconnects only the last one."""
        running, self._running = self._running, None
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        self.pipeline.clear()
        self.budget.remove_slow(self)
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Counts what the client leaves unread, and has the application wait."""
        self.budget.add_slow(self)
        super().pause_writing()

    def resume_writing(self) -> None:
        """Ends what `pause_writing` began."""
        self.budget.remove_slow(self)
        super().resume_writing()

    def read(self, data: memoryview) -> None:
        """Parses the data. The size of a request excludes the bytes that it began in (`_more`), because its position in
        them is unknown."""
        self._arrived = len(data)
        self._more += self._arrived
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._continue_in_http1(data[upgrade.args[0] :])
        except HttpParserError as error:
            self.reject(_reason(error))
        else:
            if self._more > MAX_HEAD_BYTES and (self._is_in_head or self._more > _MAX_FRAMING):
                self.reject(self._too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._owed_since = self.loop.time()
        self._is_in_head = True
        self._first, self._more = self._arrived, 0

    def on_headers_complete(self) -> None:
        """Starts the application, unless the client asks for another protocol (see `_continue_in_http1`).

        Raises `HeadTooLarge`, `TargetTooLong`, and `Malformed` if there is not exactly one valid `Host` (RFC 9112,
        section 3.2).
        """
        if self.parser.should_upgrade():
            return
        self._is_in_head = False
        if self._first + self._more > MAX_HEAD_BYTES:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEAD_BYTES:
                raise self._too_large()
        self._check_version()
        hosts, host = 0, self._host
        for name, value in self.headers:  # a comprehension would take twice as long
            if name == b"host":
                hosts, host = hosts + 1, value
        if hosts != 1 and (hosts or not self._is_http_1_0):
            raise Malformed("bad_request")
        if host != self._host:
            check_host(host)
            self._host = host
        super().on_headers_complete()
        self.headers = []  # otherwise the trailers of a chunked body would become headers of the request

    def _check_version(self) -> None:
        """Makes of the request what its version allows. Raises `Malformed` for a version that is not HTTP/1, and for a
        body in pieces in HTTP/1.0 (RFC 9112, section 6.1)."""
        version = self.parser.get_http_version()
        self._is_http_1_0 = version == "1.0"
        if not self._is_http_1_0:
            if version != "1.1":
                raise Malformed("bad_request")
        elif any(name == b"transfer-encoding" for name, _ in self.headers):
            raise Malformed("bad_request")
        else:
            self.expect_100_continue = False  # which HTTP/1.0 does not know (RFC 9110, section 10.1.1)
        if self.url[:1] != b"/":
            self.url = path_of(self.url, self.parser.get_method())
        elif b"#" in self.url:
            raise Malformed("bad_request")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, checked(app, cycle, self.transport, self.budget))

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._more -= len(body)

    def on_message_complete(self) -> None:
        if self._is_in_head:
            return
        super().on_message_complete()
        self._owed_since = None

    def _continue_in_http1(self, rest: memoryview) -> None:
        """Continues with HTTP/1.1 after the head of a request that asks for another protocol. The parser would end HTTP
        here, but Java's client asks for `h2c` with its first request and then sends the body. The parser is replaced,
        because it reads nothing more after `Connection: close`."""
        while not isinstance(self.parser, _IgnoringParser):
            try:
                head = self._head_without_upgrade()
                self.parser = HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
                self.parser.feed_data(head)
                self.parser.feed_data(rest)
                return
            except HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            except (HttpParserError, Malformed) as error:
                self.reject(_reason(error))

    def _head_without_upgrade(self) -> bytes:
        """Returns the last head without `Upgrade`. Raises `Malformed` for CONNECT, which asks for a tunnel."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise Malformed("bad_request")
        headers = (pair for pair in self.headers if pair[0] != b"upgrade")
        lines = (b"%b %b HTTP/%b" % (method, self.url, version.encode()), *(b"%b: %b" % pair for pair in headers))
        return b"\r\n".join((*lines, b"", b""))

    def _too_large(self) -> DomainError:
        return TargetTooLong() if len(self.url) > MAX_HEAD_BYTES / 2 else HeadTooLarge()

    def reject(self, error: DomainError) -> None:
        """Rejects a malformed request and closes the connection. If an earlier request is still running, that one is
        answered instead."""
        if isinstance(self.parser, _IgnoringParser):
            return
        self.parser = _IgnoringParser()  # type: ignore[assignment]
        log.warning("malformed_request_rejected", code=error.code)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._answer(error)
        elif not cycle.more_body:
            cycle.keep_alive = False
            self.transport.will_linger = True
        elif cycle.response_started or self.pipeline:
            self.transport.close()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self._answer(error)

    def _answer(self, error: DomainError) -> None:
        scope = {"type": "http", "headers": self.scope["headers"] if cast("Any", self.scope) else []}
        status, headers, body = problem_answer(cast("Any", scope), error)
        headers += [(b"connection", b"close"), *self.server_state.default_headers]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        self.transport.will_linger = True
        self.transport.close()

    def enforce_deadlines(self, now: float) -> None:
        """Closes the connection if the client takes too long to send a request or to read a response. A handler that
        waits for the body is woken at the deadline, and answers."""
        if not self.transport.get_write_buffer_size():
            self.unread_since = None
        elif self.unread_since is None:
            self.unread_since = now
        elif now - self.unread_since >= ANSWER_SECONDS:
            self.transport.abort()
            return
        if self.transport.lingers:
            self._enforce_lingering(now)
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        is_answered = cycle is None or cycle.response_complete
        if self._owed_since is None:
            if is_answered and self.timeout_keep_alive_task is None:
                self._owed_since = now  # bytes between two requests stopped uvicorn's own timer
            return
        if self.flow.read_paused:
            self._owed_since = now  # the server is not reading
        if self._is_refused and is_answered and now - self._owed_since >= _REFUSED_SECONDS:
            self._answer(Unavailable("busy"))
            return
        late = now - self._owed_since - bodies.REQUEST_SECONDS
        if late >= bodies.REQUEST_SECONDS:
            self.transport.abort()
        elif late >= 0 and is_answered:
            self.transport.close()
        elif late >= 0:
            self.cycle.message_event.set()

    def _enforce_lingering(self, now: float) -> None:
        if self.unread_since is not None:
            return
        if self._lingering_since is None:
            self._lingering_since = now
        elif now - self._lingering_since >= (_REFUSED_SECONDS if self._is_refused else LINGER_SECONDS):
            self.transport.abort()


class _IgnoringParser:
    """Replaces the parser when the connection reads nothing more."""

    def feed_data(self, data: bytes) -> None:
        """Ignores the data."""


def _reason(error: Exception) -> DomainError:
    """Returns the error that a callback of the parser raised, or `Malformed` for an error of the parser itself."""
    reason = error.__context__ if isinstance(error, HttpParserError) else error
    return reason if isinstance(reason, DomainError) else Malformed("bad_request")


def raise_file_limit() -> int:
    """Raises the limit of open files as far as allowed, and returns the maximum number of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, soft - _OTHER_FILES))


async def _answer_busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers that the server has too many connections."""
    status, headers, body = problem_answer(scope, Unavailable("busy"))
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
