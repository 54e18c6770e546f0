"""A real receiver on loopback that keeps what it is sent and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

from msgspec import Struct


class Received(Struct, frozen=True):
    """A message as it came; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Answer(Struct, frozen=True):
    """A response. With `hangs`, there is none until the test ends."""

    status: int = 204
    headers: dict[str, str] = {}
    body: bytes = b""
    hangs: bool = False


class Receiver:
    """A receiver: its URL, the messages, and the responses by path, or else `answer`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.received: list[Received] = []
        self.answer = Answer()
        self.answers: dict[str, Answer] = {}
        self.over = threading.Event()

    def at(self, path: str) -> list[Received]:
        """Returns the messages to one path."""
        return [message for message in list(self.received) if message.path == path]


@contextmanager
def receiving(tls: SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port, until the block ends; behind TLS if that is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            answer = receiver.answers.get(self.path, receiver.answer)
            if answer.hangs:
                receiver.over.wait(30)
                return
            with suppress(OSError):  # the caller may not read all of it
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            return

    class Listener(ThreadingHTTPServer):
        def get_request(self) -> tuple[Any, Any]:
            connection, address = super().get_request()
            if tls is None:
                return connection, address
            return tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

        def handle_error(self, *_: Any) -> None:
            return  # a caller that went away

    with Listener(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            server.shutdown()
            thread.join()
