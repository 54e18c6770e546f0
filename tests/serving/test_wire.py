"""Malformed and oversized requests: they get a problem document, and the connection is closed."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from eventorg.serving.protocol import MAX_HEAD_BYTES
from eventorg.testing import Server, User, check_problem

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
LOGIN = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
IN_PIECES = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
PIECES = [b"X-A: " + b"a" * 1000 + b"\r\n", b"a" * 1000]
LAST = GET + b"Connection: close\r\n\r\n"


@contextmanager
def connected(server: Server) -> Iterator[socket.socket]:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 0), 10) as connection:
        yield connection


def read(connection: socket.socket, seconds: float = 10) -> bytes:
    """Returns what arrives until the server closes the connection or stops sending."""
    connection.settimeout(seconds)
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def ask(server: Server, sent: bytes) -> bytes:
    with connected(server) as connection:
        connection.sendall(sent)
        return read(connection)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def answered(server: Server, sent: bytes) -> list[int]:
    """Returns the statuses of the answers. Checks that the connection can still be used for another request."""
    *found, last = statuses(ask(server, sent + LAST))
    assert last == 200
    return found


def is_cut(server: Server, begun: bytes, piece: bytes) -> bool:
    """Returns true if the server disconnects a client that never stops sending before the deadline for slow ones."""
    with connected(server) as connection:
        connection.sendall(begun)
        try:
            for _ in range(64_000):
                connection.sendall(piece)
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def check(answer: bytes, status: int, code: str) -> dict[str, Any]:
    """Returns the problem document of an answer. Checks that the answer closed the connection."""
    top, _, body = answer.partition(b"\r\n\r\n")
    lines = top.lower().split(b"\r\n")
    assert statuses(answer) == [status]
    assert {b"connection: close", b"content-type: application/problem+json", b"cache-control: no-store"} <= set(lines)
    assert b"x-content-type-options: nosniff" in lines
    assert b"content-length: %d" % len(body) in lines
    problem: dict[str, Any] = json.loads(body)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"/problems/{code}"
    return problem


@pytest.mark.parametrize(
    "sent",
    [
        b"NONSENSE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"FOO /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /h\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\nHost: x\n\n",
        b"GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        GET + b"Host: y\r\n\r\n",
        GET + b"X-A: a\x00b\r\n\r\n",
        GET + b"X-A: a\r\n b\r\n\r\n",
        LOGIN + b"Content-Length: -2\r\n\r\n{}",
        LOGIN + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        LOGIN + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        LOGIN + b"Transfer-Encoding: gzip\r\n\r\n{}",
        LOGIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_a_malformed_request_gets_a_problem_document(server: Server, sent: bytes) -> None:
    check(ask(server, sent), 400, "bad_request")


def test_the_problem_is_in_the_language_of_the_parsed_headers(server: Server) -> None:
    sent = GET + b"Accept-Language: en\r\nX-A: a\x00b\r\n\r\n"
    assert check(ask(server, sent), 400, "bad_request")["title"] == "Bad request"
    sent = LOGIN + b"Accept-Language: en\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    assert check(ask(server, sent), 400, "bad_request")["title"] == "Bad request"


@pytest.mark.parametrize(
    "host",
    ["a b", "x/../y", "user:secret@x", "x:99999", "x:65536", "x:-1", "x:80:80", "[::1", "[zz]", "[:::::]", "::1", "<x>",
     "x, y", "\xe9", "x" + "\\"],
)  # fmt: skip
def test_host_must_be_a_name_or_an_address(server: Server, sign_up: Callable[[], User], host: str) -> None:
    top = b"POST /users/me/link-codes HTTP/1.1\r\nIdempotency-Key: key\r\nAuthorization: Bearer %b\r\nHost: %b\r\n\r\n"
    check(ask(server, top % (sign_up().token.encode(), host.encode("latin-1"))), 400, "bad_request")


@pytest.mark.parametrize(
    "host", ["", "x", "a_b.example", "xn--e1afmkfd.xn--p1ai:8000", "127.0.0.1:0", "[::1]", "[fe80::1]:65535"]
)
def test_host_can_have_a_port(server: Server, host: str) -> None:
    sent = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert statuses(ask(server, sent.encode())) == [200]


def test_http_1_0_needs_no_host(server: Server) -> None:
    assert statuses(ask(server, b"GET /health HTTP/1.0\r\n\r\n")) == [200]


def test_earlier_requests_are_answered_before_the_connection_closes(server: Server) -> None:
    assert statuses(ask(server, GET + b"\r\n" + GET + b"\r\nNONSENSE\r\n\r\n" + GET + b"\r\n")) == [200, 200]


def padded(size: int) -> bytes:
    """Returns a request for /health with a head of this many bytes."""
    line = b"X-A: "
    rest = size - len(GET) - len(b"\r\n")
    lines = [line + b"a" * (1000 - len(line) - 2) + b"\r\n"] * (rest // 1000 - 1)
    left = rest - sum(map(len, lines))
    return GET + b"".join(lines) + line + b"a" * (left - len(line) - 2) + b"\r\n\r\n"


def test_a_head_of_64_kib_is_accepted(server: Server) -> None:
    assert len(padded(MAX_HEAD_BYTES)) == MAX_HEAD_BYTES
    assert answered(server, padded(MAX_HEAD_BYTES)) == [200]
    check(ask(server, padded(MAX_HEAD_BYTES + 1000)), 431, "head_too_large")


@pytest.mark.parametrize("piece", PIECES, ids=["lines", "one line"])
def test_an_endless_head_is_disconnected(server: Server, piece: bytes) -> None:
    assert is_cut(server, GET + b"X-A: ", piece)


@pytest.mark.parametrize("size", [MAX_HEAD_BYTES, 3 * MAX_HEAD_BYTES])
def test_a_long_target_is_414(server: Server, size: int) -> None:
    check(ask(server, b"GET /" + b"a" * size + b" HTTP/1.1\r\nHost: x\r\n\r\n"), 414, "target_too_long")


def test_pipelined_requests_do_not_count_as_a_long_one(server: Server) -> None:
    requests = (GET + b"X-A: " + b"a" * 1000 + b"\r\n\r\n") * 200
    assert answered(server, requests) == [200] * 200


def test_trailers_do_not_become_headers(server: Server, sign_up: Callable[[], User]) -> None:
    token = sign_up().token.encode()
    top = b"POST /users/me/link-codes HTTP/1.1\r\nHost: x\r\n" + IN_PIECES
    assert answered(server, top + b"Authorization: Bearer %b\r\n\r\n" % token) == [401]


@pytest.mark.parametrize("piece", PIECES, ids=["lines", "one line"])
def test_endless_trailers_are_disconnected(server: Server, piece: bytes) -> None:
    assert is_cut(server, LOGIN + IN_PIECES + b"X-A: ", piece)


def test_a_body_can_arrive_one_byte_at_a_time(server: Server) -> None:
    body = b" " * 60_000 + b"{}"
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert answered(server, LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n") == [422]


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_request_is_answered_in_http_1(server: Server, protocol: bytes) -> None:
    """RFC 9110, section 7.8: the server ignores `Upgrade`, and reads the body and the next request."""
    wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAEA\r\n" % protocol
    with_body = LOGIN + wish + b"Content-Length: 2\r\n\r\n{}"
    without = GET + wish + b"\r\n"
    for sent in (with_body, with_body + without * 3 + with_body + GET + b"\r\n"):
        expected = [422] if sent is with_body else [422, 200, 200, 200, 422, 200]
        assert answered(server, sent) == expected
    with connected(server) as connection:
        for piece in (with_body[:-2], b"{"):
            connection.sendall(piece)
            assert read(connection, 0.1) == b""
        connection.sendall(b"}" + LAST)
        assert statuses(read(connection)) == [422, 200]


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_an_upgrade_request_can_close_the_connection(server: Server, version: bytes) -> None:
    wish = b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
    login = (LOGIN + wish + b"Content-Length: 2\r\n\r\n{}").replace(b"1.1", version, 1)
    answer = ask(server, login + LAST)
    assert statuses(answer) == [422]
    assert b"connection: close\r\n" in answer


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "{event}/cancel"),
        ("DELETE", "{event}"),
        ("DELETE", "{event}/register"),
        ("POST", "/users/me/link-codes"),
    ],
)
def test_a_large_body_is_rejected_on_routes_without_a_body(
    server: Server, sign_up: Callable[[], User], method: str, path: str
) -> None:
    user = sign_up()
    event = f"/events/{user.create_event()['id']}"
    user.post(f"{event}/register")
    before = user.get(event).json()
    url, large = path.format(event=event), b" " * (64 * 1024 + 1)
    for content in (large, iter([large[1:], b" "])):
        answer = user.client.request(method, url, content=content, headers=user.headers)
        check_problem(answer, 413, "body_too_large")
        check_problem(user.client.request(method, url, content=large), 401)
    assert user.get(event).json() == before
    assert user.client.request(method, url, content=large[1:], headers=user.headers).is_success
