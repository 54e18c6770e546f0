"""The last answer of a connection reaches a client that is still sending (RFC 9112, section 9.6)."""

from collections.abc import Callable

import pytest

from eventorg.serving.lingering import MAX_DISCARDED_BYTES
from eventorg.serving.protocol import LINGER_SECONDS
from eventorg.testing import Server, User
from tests.serving.test_pipelining import Line
from tests.serving.test_protocol import POST
from tests.serving.test_wire import GET, LOGIN, connected, is_cut, read, statuses

pytestmark = pytest.mark.anyio

LARGE = b"Content-Length: 1000000\r\n\r\n"
TEXT = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
EARLY = [
    (LOGIN, 413),
    (b"POST /events HTTP/1.1\r\nHost: x\r\n", 401),
    (b"POST /nowhere HTTP/1.1\r\nHost: x\r\n", 404),
    (b"POST //login HTTP/1.1\r\nHost: x\r\n", 404),
    (b"DELETE /login HTTP/1.1\r\nHost: x\r\n", 405),
    (b"GET /events?limit=x HTTP/1.1\r\nHost: x\r\n", 422),
    (GET, 200),
]


@pytest.mark.parametrize(("top", "status"), EARLY, ids=[str(status) for _, status in EARLY])
def test_an_answer_before_the_body_ends_the_connection_and_says_so(server: Server, top: bytes, status: int) -> None:
    with connected(server) as connection:
        connection.sendall(top + LARGE + b"x" * 1000)
        answer = read(connection)  # until its side is closed
        assert statuses(answer) == [status]
        assert b"\r\nconnection: close\r\n" in answer
        for _ in range(20):  # what was on its way is no next request, and no reset
            connection.sendall(b"x" * 10_000 + GET + b"\r\n")
        assert read(connection) == b""


async def test_an_answer_that_says_close_itself_does_not_wait_for_the_body() -> None:
    line = Line()
    line.headers.append((b"connection", b"close"))
    line.may_answer.set()
    line.connection.data_received(POST.replace(b"100000", b"100"))
    await line.rest()
    assert (line.answers(), line.wire.has_ended) == (1, True)


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_what_waits_for_100_continue_is_answered_at_once(server: Server, version: bytes) -> None:
    top = EARLY[1][0].replace(b"1.1", version)
    with connected(server) as connection:
        connection.sendall(top + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        answer = connection.recv(4096)
    assert statuses(answer) == [401]
    assert b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize(("top", "status"), [*EARLY[1:], (TEXT, 415), (LOGIN, 422)])
def test_a_body_in_a_packet_of_its_own_keeps_the_connection(server: Server, top: bytes, status: int) -> None:
    with connected(server) as connection:
        connection.sendall(top + b"Content-Length: 2\r\n\r\n")
        assert read(connection, 0.05) == b""
        connection.sendall(b"{}" + GET + b"Connection: close\r\n\r\n")
        assert statuses(read(connection)) == [status, 200]


def test_a_refusal_of_what_is_no_request_is_read_by_who_goes_on(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n" + b"x" * 100_000)
        assert statuses(read(connection)) == [400]
        connection.sendall(b"x" * 100_000)
        assert read(connection) == b""


def test_who_sends_without_an_end_is_cut(server: Server) -> None:
    assert MAX_DISCARDED_BYTES < 64_000_000 - 10_000_000
    assert is_cut(server, LOGIN + b"Content-Length: 99999999999\r\n\r\n", b"x" * 1000)


async def test_a_client_that_does_not_close_its_side_is_cut_after_a_while() -> None:
    line = Line()
    line.may_answer.set()
    line.connection.data_received(POST)
    await line.until(lambda: line.wire.has_ended)
    now = line.connection.loop.time() + 100
    line.connection.enforce_deadlines(now)
    line.connection.enforce_deadlines(now + LINGER_SECONDS - 0.125)
    assert line.wire.ended == ""
    line.connection.enforce_deadlines(now + LINGER_SECONDS)
    assert line.wire.ended == "aborted"


def test_another_protocol_version_is_400(server: Server) -> None:
    for version in (b"2.0", b"0.9"):
        with connected(server) as connection:
            connection.sendall(GET.replace(b"1.1", version) + b"\r\n")
            assert statuses(read(connection)) == [400]


def test_http_1_0_sends_no_pieces(server: Server) -> None:
    with connected(server) as connection:
        connection.sendall(LOGIN.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert statuses(read(connection)) == [400]


def test_http_1_0_gets_no_pieces(server: Server, sign_up: Callable[[], User]) -> None:
    top = "GET /changes?after=0 HTTP/1.{}\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer {}\r\n\r\n"
    user = sign_up()
    user.create_event()
    for version in (0, 1):
        with connected(server) as connection:
            connection.sendall(top.format(version, user.token).encode())
            answer = b""
            while b"event.created" not in answer:
                answer += connection.recv(4096)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert (b"transfer-encoding: chunked" in head) is (version == 1)
        assert (b"connection: close" in head) is (version == 0)
        assert body.startswith((b"id:", b"data:", b"event:", b":")) is (version == 0), body


def test_http_1_0_knows_no_100_continue(server: Server) -> None:
    top = LOGIN.replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(top)
        assert read(connection, 0.2) == b""
        connection.sendall(b"{}")
        assert statuses(read(connection)) == [422]
