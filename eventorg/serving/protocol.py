"""Connections that do not hold the server up: deadlines for slow clients and limits for long ones, which uvicorn lacks,
and a bounded number.

Nothing here costs a request a timer: each connection notes when its client began to owe something, and the server
looks at all of them once a second. What is no HTTP is a problem document too.
"""

import re
import resource
from asyncio import BaseTransport, Transport
from ipaddress import IPv6Address
from typing import Any, Final, cast

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from litestar import Request
from litestar.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from eventorg.domain.errors import DomainError, Unavailable
from eventorg.serving.write_coalescing import CoalescingTransport
from eventorg.web import bodies
from eventorg.web.errors import HeadTooLarge, Malformed, TargetTooLong
from eventorg.web.problems import MEDIA_TYPE, problem_response

ANSWER_SECONDS = 60.0
"""How long a client may leave a part of an answer unread."""
MAX_CONNECTIONS: Final = 10_000
MAX_HEAD_BYTES: Final = 64 * 1024
"""The request line and the headers."""
_MAX_FRAMING = 8 * MAX_HEAD_BYTES  # what is around the pieces of a body, which may be a byte each
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]*|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::(?P<port>\d{0,5}))?")
_LAST_PORT: Final = 65_535
_OTHER_FILES = 100


class DeadlineProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with an eye on the client."""

    def __init__(self, config: Config, *arguments: Any, **named: Any) -> None:
        super().__init__(config, *arguments, **named)
        self._most = config.limit_concurrency
        self.limit_concurrency = None  # uvicorn's own refusal is plain text, and does not say when to come again
        self.url = b""
        self._arrived = 0
        self._first = self._more = 0
        self._is_in_head = False
        self._running: RequestResponseCycle | None = None
        self._host = b""  # of the request before

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(CoalescingTransport(cast("Transport", transport), self.loop))
        self._owed_since: float | None = self.loop.time()
        self._unread_since: float | None = None
        if self._most is not None and len(self.connections) > self._most:
            self.app = _turn_away

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells the request that is being answered, if others wait behind it: uvicorn tells the last one alone."""
        running, self._running = self._running, None
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on. A request is counted from the end of the bytes that it began in (`_more`): where in them it began
        is not known."""
        self._unset_keepalive_if_required()
        self._arrived = len(data)
        self._more += self._arrived
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._stay(memoryview(data)[upgrade.args[0] :])
        except HttpParserError as error:
            self._refuse(_reason(error))
        else:
            if self._more > MAX_HEAD_BYTES and (self._is_in_head or self._more > _MAX_FRAMING):
                self._refuse(self._too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._owed_since = self.loop.time()
        self._is_in_head = True
        self._first, self._more = self._arrived, 0

    def on_headers_complete(self) -> None:
        """Lets the application begin, unless another protocol is asked for: see `_stay`. Raises `HeadTooLarge` and
        `TargetTooLong`, and `Malformed` without one `Host` that is one (RFC 9112, section 3.2)."""
        if self.parser.should_upgrade():
            return
        self._is_in_head = False
        if self._first + self._more > MAX_HEAD_BYTES:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > MAX_HEAD_BYTES:
                raise self._too_large()
        hosts, host = 0, self._host
        for name, value in self.headers:  # no comprehension: a call takes twice as long as all of this
            if name == b"host":
                hosts, host = hosts + 1, value
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            raise Malformed("bad_request")
        if host != self._host:
            _check_host(host)
            self._host = host
        super().on_headers_complete()
        self.headers = []  # what follows a body in pieces is no header: it would be one of the request all the same

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._more -= len(body)

    def on_message_complete(self) -> None:
        if self._is_in_head:
            return
        super().on_message_complete()
        self._owed_since = None

    def _stay(self, rest: memoryview) -> None:
        """Goes on in HTTP/1.1 after the head of a request that asks for another protocol. The parser takes it for the
        end of HTTP, whatever follows; Java's client asks for `h2c` with its first request, and the body follows.
        With `Connection: close` it would read no more, so there is a new one."""
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
                self._refuse(_reason(error))

    def _head_without_upgrade(self) -> bytes:
        """The head that was read last. Raises `Malformed` for what is a tunnel, whatever its headers."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            raise Malformed("bad_request")
        headers = (pair for pair in self.headers if pair[0] != b"upgrade")
        lines = (b"%b %b HTTP/%b" % (method, self.url, version.encode()), *(b"%b: %b" % pair for pair in headers))
        return b"\r\n".join((*lines, b"", b""))

    def _too_large(self) -> DomainError:
        return TargetTooLong() if len(self.url) > MAX_HEAD_BYTES / 2 else HeadTooLarge()

    def _refuse(self, error: DomainError) -> None:
        """Answers what cannot be read as a request, and ends the connection. What it asked before is answered first,
        and then this is not."""
        if isinstance(self.parser, _IgnoringParser):
            return
        self.parser = _IgnoringParser()  # type: ignore[assignment]
        self.logger.warning("what is no request was refused: %s", error.code)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            self._answer(error)
        elif not cycle.more_body:
            cycle.keep_alive = False
        elif cycle.response_started or self.pipeline:
            self.transport.close()
        else:
            cycle.disconnected = True
            cycle.message_event.set()
            self._answer(error)

    def _answer(self, error: DomainError) -> None:
        scope = {"type": "http", "headers": self.scope["headers"] if cast("Any", self.scope) else []}
        response = problem_response(Request(cast("Any", scope)), error)
        body = msgspec.json.encode(response.content)
        headers = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [f"{name}: {value}\r\n".encode() for name, value in (response.headers | headers).items()]
        lines += [b"%b: %b\r\n" % header for header in self.server_state.default_headers]
        self.transport.write(b"".join((STATUS_LINE[response.status_code or 400], *lines, b"\r\n", body)))
        self.transport.close()

    def enforce_deadlines(self, now: float) -> None:
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


class _IgnoringParser:
    """In the place of the parser, once nothing more is read."""

    def feed_data(self, data: bytes) -> None:
        """Does nothing."""


def _check_host(host: bytes) -> None:
    """Raises `Malformed` for what is no name or address, with or without a port: links are made of it."""
    found = _HOST.fullmatch(host)
    try:
        if found is None or int(found["port"] or 0) > _LAST_PORT:
            raise Malformed("bad_request")
        if found["address"]:
            IPv6Address(found["address"].decode())
    except ValueError:
        raise Malformed("bad_request") from None


def _reason(error: Exception) -> DomainError:
    """Why the parser stopped: ours, if one of its callbacks had one."""
    reason = error.__context__ if isinstance(error, HttpParserError) else error
    return reason if isinstance(reason, DomainError) else Malformed("bad_request")


def find_room() -> int:
    """How many connections there may be at once, after as many files as allowed have been asked for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _OTHER_FILES
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, soft - _OTHER_FILES))


async def _turn_away(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers that there are too many already."""
    request: Request[Any, Any, Any] = Request(scope)
    response = problem_response(request, Unavailable("busy"))
    response.headers["Connection"] = "close"
    await response.to_asgi_response(None, request)(scope, receive, send)
