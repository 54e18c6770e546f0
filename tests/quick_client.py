"""A transport for httpx that takes a quarter of the CPU time of httpx's own, for the clients of servers in tests.

It sends what most requests are: to plain HTTP, with a body that has a length. httpx's transport sends the others.
"""

import re
import select
import socket
import threading
from collections.abc import Iterator
from typing import Final

import httpx
from httptools import HttpParserError, HttpResponseParser

_USUAL_VALUE: Final = re.compile(rb"[!-~\x80-\xff](?:[ -~\x80-\xff]*[!-~\x80-\xff])?")
_UNUSUAL: Final = frozenset((b"connection", b"expect", b"transfer-encoding", b"upgrade"))
_BLOCK: Final = 65_536


class QuickTransport(httpx.BaseTransport):
    """Sends requests over connections that it keeps. Threads can share it."""

    def __init__(self) -> None:
        self._usual = httpx.HTTPTransport(verify=False)
        self._idle: dict[tuple[str, int], list[socket.socket]] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Returns the response, whose body is still to be read. Raises what httpx's transport raises."""
        if not _is_usual(request):
            return self._usual.handle_request(request)
        assert isinstance(request.stream, httpx.SyncByteStream)
        head = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
        head += [b"%b: %b" % header for header in request.headers.raw]
        message = b"\r\n".join((*head, b"", b"".join(request.stream)))
        timeouts = request.extensions.get("timeout", {})
        answer = _Answer(self, self._connect(request.url, timeouts.get("connect")), _place(request.url))
        answer.connection.settimeout(timeouts.get("read"))
        answer.begin(message)
        return httpx.Response(
            answer.parser.get_status_code(),
            headers=answer.headers,
            stream=answer,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason},
        )

    def _connect(self, url: httpx.URL, seconds: float | None) -> socket.socket:
        with self._lock:
            idle = self._idle.setdefault(_place(url), [])
            while idle:
                connection = idle.pop()
                if not select.select([connection], [], [], 0)[0]:
                    return connection
                connection.close()  # the server has closed it
        try:
            connection = socket.create_connection(_place(url), seconds)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return connection

    def keep(self, place: tuple[str, int], connection: socket.socket) -> None:
        """Keeps a connection for another request."""
        with self._lock:
            if not self._is_closed:
                self._idle[place].append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Closes the idle connections."""
        self._usual.close()
        with self._lock:
            self._is_closed = True
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()


class _Answer(httpx.SyncByteStream):
    """A response while it is read: httptools calls the methods that begin with `on_`."""

    def __init__(self, transport: QuickTransport, connection: socket.socket, place: tuple[str, int]) -> None:
        self.connection = connection
        self.parser = HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.reason = b""
        self._transport = transport
        self._place = place
        self._blocks: list[bytes] = []
        self._has_begun = self._may_stay = self._is_complete = self._is_closed = False

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._has_begun = True
        self._may_stay = self.parser.should_keep_alive()

    def on_body(self, block: bytes) -> None:
        self._blocks.append(block)

    def on_message_complete(self) -> None:
        self._is_complete = True

    def begin(self, message: bytes) -> None:
        """Sends the request and reads until the headers are complete."""
        try:
            self.connection.sendall(message)
        except TimeoutError as error:
            self.connection.close()
            raise httpx.WriteTimeout(str(error)) from error
        except OSError:
            pass  # the server may have answered before it has read the whole request
        while not self._has_begun:
            self._read("Server disconnected without sending a response.")

    def _read(self, incomplete: str) -> None:
        """Reads a block. Closes the connection if that fails."""
        try:
            block = self.connection.recv(_BLOCK)
            if block:
                self.parser.feed_data(block)
                return
            raise httpx.RemoteProtocolError(incomplete)
        except TimeoutError as error:
            failure: Exception = httpx.ReadTimeout(str(error))
        except OSError as error:
            failure = httpx.ReadError(str(error))
        except HttpParserError as error:
            failure = httpx.RemoteProtocolError(str(error))
        except httpx.RemoteProtocolError as error:
            failure = error
        self.connection.close()
        raise failure

    def __iter__(self) -> Iterator[bytes]:
        while True:
            blocks, self._blocks = self._blocks, []
            yield from blocks
            if self._is_complete:
                return
            self._read("peer closed connection without sending complete message body")

    def close(self) -> None:
        """Keeps the connection if the whole response was read, and closes it otherwise."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._is_complete and self._may_stay:
            self._transport.keep(self._place, self.connection)
        else:
            self.connection.close()


def _place(url: httpx.URL) -> tuple[str, int]:
    return url.host, url.port or 80


def _is_usual(request: httpx.Request) -> bool:
    if request.method == "HEAD" or request.url.scheme != "http":
        return False
    return all(
        _USUAL_VALUE.fullmatch(value) and (name.lower() not in _UNUSUAL or value == b"keep-alive")
        for name, value in request.headers.raw
    )
