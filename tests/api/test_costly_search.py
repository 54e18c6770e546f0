"""A costly search is interrupted, and holds up nothing but other searches."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from eventorg.storage import database, transactions
from eventorg.storage.statements import Statement
from eventorg.testing import Server, check_problem

ENDLESS = Statement(
    "find_events",
    "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT max(n) FROM numbers",
    (),
    "here",
)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every search one that does not end by itself."""
    monkeypatch.setattr("eventorg.repositories.event_pages.compose_text_searches", lambda *_: [(ENDLESS, {})])


def search(server: Server) -> httpx.Response:
    return httpx.get(f"{server.url}/events?q=tea", timeout=60)


@pytest.mark.usefixtures("endless")
def test_a_search_that_takes_too_long_is_refused(fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MAX_SEARCH_SECONDS", 0.1)
    for _ in range(2):
        response = search(fresh_server)
        check_problem(response, 503, "busy")
        assert int(response.headers["retry-after"]) >= 1
    monkeypatch.undo()
    assert fresh_server.client.get("/events?q=tea").json()["events"] == [], "the reader can be used again"


def waiting(server: Server) -> Any:
    return server._core.database._searches_waiting


@pytest.mark.usefixtures("endless")
def test_searches_hold_up_neither_health_nor_other_reads(fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "time", SimpleNamespace(monotonic=lambda: 0.0))  # no search ends
    monkeypatch.setattr(database, "MAX_SEARCH_QUEUE", 2)
    user = fresh_server.sign_up()
    with ThreadPoolExecutor(4) as pool:
        searches: list[Future[httpx.Response]] = [pool.submit(search, fresh_server) for _ in range(3)]
        fresh_server.wait_for(lambda: waiting(fresh_server) == 2)
        assert fresh_server.client.get("/health").status_code == 200
        assert user.get("/users/me/export").status_code == 200
        check_problem(search(fresh_server), 503, "busy")
        assert not any(one.done() for one in searches)
        monkeypatch.setattr(transactions, "time", time)
        monkeypatch.setattr(database, "MAX_SEARCH_SECONDS", 0.1)
        for one in searches:
            check_problem(one.result(), 503, "busy")
    assert waiting(fresh_server) == 0
