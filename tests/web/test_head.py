"""HEAD (RFC 9110, section 9.3.2): the answer to GET without the body."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from litestar.types import Message

from eventorg.background.feed import Feed
from eventorg.settings import load
from eventorg.testing import Server, User, running

OF_EACH_ANSWER = ("date", "x-request-id")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins, and with metrics."""
    settings = {"EVENTORG_DATABASE": str(tmp_path_factory.mktemp("head") / "eventorg.db"), "EVENTORG_METRICS": "on"}
    with running(load(settings | {"EVENTORG_LOG_LEVEL": "error"})) as server:
        yield server


@pytest.fixture(scope="module")
def user(served: Server) -> User:
    return served.sign_up()


def headers_of(response: httpx.Response) -> list[tuple[str, str]]:
    return [pair for pair in response.headers.multi_items() if pair[0] not in OF_EACH_ANSWER]


def test_every_route_that_is_read_has_it(served: Server, user: User) -> None:
    event = user.create_event()["id"]
    assert user.post(f"/events/{event}/register").status_code == 201
    calendar = user.post("/users/me/calendar").json()["url"].split("/")[-2]
    invitation = user.post(f"/events/{event}/invitations").json()["code"]
    broadcast = user.post(f"/events/{event}/broadcasts", json={"text": "Tea"}).json().get("id", "none")
    series = user.post("/series", json={"event_id": event, "rrule": "FREQ=DAILY"}).json().get("id", "none")
    values = {
        "series_id": series,
        "event_id": event,
        "user_id": user.id,
        "secret": calendar,
        "path": "",
        "code": "forbidden",
        "file_path": "swagger-ui.css",
    }
    assert served.app is not None
    paths = [
        route.path_format
        for route in served.app.routes
        if isinstance(route, HTTPRoute) and "GET" in route.route_handler_map and route.path != "/metrics"
    ]
    assert len(paths) > 20
    for path in paths:
        for headers in ({}, user.headers):
            code = {"code": invitation} if path.startswith("/invitations") else {}
            url = path.format_map(
                {"webhook_id": event, "broadcast_id": broadcast, "telegram_id": 1, **values, **code}
            ).rstrip("/")
            url += f"?ids={user.id}" * (url == "/users")
            got, asked = (served.client.request(method, url, headers=headers) for method in ("GET", "HEAD"))
            assert (asked.status_code, asked.content) == (got.status_code, b""), url
            assert headers_of(asked) == headers_of(got), url
        if "webhook" not in path:
            assert got.status_code in (200, 403), path


def test_it_counts_as_what_it_is(served: Server) -> None:
    assert served.client.head("/metrics").status_code == 200
    counted = 'method="HEAD",route="/health",status="200"'
    assert served.client.head("/health").status_code == 200
    assert counted in served.client.get("/metrics").text


def test_it_is_304_for_what_one_has(user: User) -> None:
    url = f"/events/{user.create_event()['id']}"
    tag = user.head(url).headers["etag"]
    assert user.head(url, headers={"If-None-Match": tag}).status_code == 304
    assert user.patch(url, json={"title": "New"}, headers={"If-Match": tag}).status_code == 200


def test_a_stream_has_an_end(served: Server, user: User) -> None:
    for _ in range(3):
        answer = user.head("/changes", headers={"Accept": "text/Event-Stream"})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert user.head("/changes").status_code == 200
    assert served.app is not None
    feed: Feed = served.app.state.feed
    served.wait_for(lambda: feed.followers == 0)


def test_a_path_tells_of_it(user: User) -> None:
    for path, methods in (
        ("/events", "GET, HEAD, OPTIONS, POST"),
        ("/users/me", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/login", "OPTIONS, POST"),
    ):
        refused = user.client.request("PUT", path)
        assert (refused.status_code, refused.headers["allow"]) == (405, methods)
        assert user.client.options(path).headers["allow"] == methods
    assert user.head("/login").status_code == 405


def test_the_application_itself_sends_no_body(served: Server) -> None:
    assert served.app is not None
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/nowhere", "raw_path": b"/nowhere", "query_string": b""}
    whole: Any = scope | {"headers": [], "client": None, "server": None, "scheme": "http", "root_path": "", "state": {}}
    asyncio.run(served.app(whole, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b""
    assert whole["method"] == "HEAD"
