"""Unread responses are limited over all connections: large answers wait their turn, slow readers are cut."""

import socket
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from eventorg.serving import budget as budgets
from eventorg.serving.budget import MAX_UNREAD_BYTES, UNREAD_SECONDS, Budget
from eventorg.settings import Settings
from eventorg.testing import check_problem, running

SHARE = MAX_UNREAD_BYTES // 4


class Reader:
    """A client that leaves `size` bytes unread since a second."""

    def __init__(self, unread_since: float | None, size: int = SHARE) -> None:
        self.unread_since = unread_since
        self.size = size
        self.is_cut = False

    @property
    def transport(self) -> "Reader":
        return self

    def get_write_buffer_size(self) -> int:
        return self.size

    def abort(self) -> None:
        self.is_cut = True


def budget_of(*readers: Reader) -> Budget:
    budget = Budget()
    for reader in readers:
        budget.add_slow(reader)
    return budget


def test_an_answer_has_room_until_it_is_used_up() -> None:
    budget = budget_of(*(Reader(0) for _ in range(3)))
    assert budget.has_room(SHARE)
    assert not budget.has_room(SHARE + 1)
    assert Budget().has_room(2 * MAX_UNREAD_BYTES)
    leaver = Reader(0)
    budget.add_slow(leaver)
    assert not budget.has_room(1)
    budget.remove_slow(leaver)
    assert budget.has_room(1)


def test_the_slowest_are_cut_until_half_is_free() -> None:
    readers = [Reader(second) for second in (3, 1, 0, 2)]
    assert budget_of(*readers).cut_slowest(UNREAD_SECONDS + 3) == 2
    assert [reader.is_cut for reader in readers] == [False, True, True, False]


def test_nobody_is_cut_while_there_is_room_or_before_the_time() -> None:
    assert budget_of(Reader(0), Reader(0)).cut_slowest(1_000) == 0
    assert budget_of(*(Reader(0) for _ in range(4)), Reader(None)).cut_slowest(UNREAD_SECONDS - 0.125) == 0


def test_there_is_no_patience_with_twice_as_much() -> None:
    assert budget_of(*(Reader(0) for _ in range(8))).cut_slowest(0) == 6


def test_a_large_answer_is_503_while_others_do_not_read_and_they_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MAX_UNREAD_BYTES", 100_000)
    monkeypatch.setattr(budgets, "UNREAD_SECONDS", 1_000.0)
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", metrics="on")
    with running(settings) as server:
        user = server.sign_up()
        for _ in range(30):
            user.create_event(description="x" * 4_000)
        size = len(user.get("/events").content)
        assert size > 100_000
        url = httpx.URL(server.url)
        with closing(socket.socket()) as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((url.host, url.port))
            slow.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n" * (40_000_000 // size))
            refused = server.wait_for(lambda: (answer := server.client.get("/events")).is_error and answer)
            assert isinstance(refused, httpx.Response)
            check_problem(refused, 503, "busy")
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["x-request-id"]
            assert user.get("/users/me").status_code == 200
            assert 'route="/events",status="503"' in server.client.get("/metrics").text
            assert server.client.head("/events").status_code == 200
            monkeypatch.setattr(budgets, "UNREAD_SECONDS", 0.0)
            server.wait_for(lambda: server.client.get("/events").status_code == 200)
