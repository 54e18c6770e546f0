"""The change feed as server-sent events, and how waiting ends when the server stops."""

import json
import queue
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from eventorg.settings import Settings
from eventorg.testing import Bot, Server, User, check_problem, running
from tests import telegram

PATIENCE = 10  # far less than the 30 seconds a long poll may take


class Stream:
    """Server-sent events as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def block(self) -> dict[str, str]:
        """The fields of the next block; a comment has no name. Empty when the stream has ended."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return fields
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        return fields

    def event(self) -> dict[str, str]:
        """The next block that is no comment."""
        while "" in (block := self.block()):
            pass
        return block


@contextmanager
def stream(server: Server, user: User | Bot, url: str = "/changes", **headers: str) -> Iterator[Stream]:
    """A stream on a connection of its own."""
    headers = {"Accept": "text/event-stream"} | user.headers | headers
    with (
        httpx.Client(base_url=server.url, timeout=PATIENCE) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        yield Stream(response)


def test_changes_come_as_events_when_they_happen(server: Server) -> None:
    user = server.sign_up()
    with stream(server, user) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert events.response.headers["cache-control"] == "no-store"
        assert events.event()["event"] == "user.created"
        for _ in range(3):
            made = user.create_event()
            event = events.event()
            change = json.loads(event["data"])
            assert (event["event"], event["id"]) == ("event.created", str(change["seq"]))
            assert change["event_id"] == made["id"]
    listed = user.get("/changes").json()["changes"]
    assert listed[-1] == change


def test_a_stream_goes_on_after_the_last_event_id(server: Server) -> None:
    user = server.sign_up()
    for _ in range(3):
        user.create_event()
    numbers = [row["seq"] for row in user.get("/changes").json()["changes"]]
    with stream(server, user, "/changes?after=0", **{"Last-Event-ID": str(numbers[1])}) as events:
        assert [events.event()["id"] for _ in numbers[2:]] == [str(number) for number in numbers[2:]]
    with stream(server, user, f"/changes?after={numbers[-2]}") as events:
        assert events.event()["id"] == str(numbers[-1])


def test_more_than_a_page_comes_whole(server: Server) -> None:
    user = server.sign_up()
    for _ in range(5):
        user.create_event()
    numbers = [str(row["seq"]) for row in user.get("/changes").json()["changes"]]
    with stream(server, user, "/changes?limit=2") as events:
        assert [events.event()["id"] for _ in numbers] == numbers


def test_an_empty_last_event_id_is_the_beginning(server: Server) -> None:
    user = server.sign_up()
    user.create_event()
    numbers = [str(row["seq"]) for row in user.get("/changes").json()["changes"]]
    for url, headers in (
        (f"/changes?after={numbers[-1]}", {"Last-Event-ID": ""}),
        (f"/changes?after={numbers[-1]}&lastEventId={numbers[-1]}", {"Last-Event-ID": ""}),
        (f"/changes?after={numbers[-1]}&lastEventId=", {}),
    ):
        with stream(server, user, url, **headers) as events:
            assert [events.event()["id"] for _ in numbers] == numbers


def test_the_header_wins_over_the_parameter_and_that_over_after(server: Server) -> None:
    user = server.sign_up()
    for _ in range(3):
        user.create_event()
    numbers = [row["seq"] for row in user.get("/changes").json()["changes"]]
    with stream(server, user, f"/changes?after={numbers[0]}&lastEventId={numbers[1]}") as events:
        assert events.event()["id"] == str(numbers[2])
    with stream(server, user, f"/changes?lastEventId={numbers[0]}", **{"Last-Event-ID": str(numbers[2])}) as events:
        assert events.event()["id"] == str(numbers[3])


def test_a_stream_after_the_latest_tells_only_what_follows(server: Server) -> None:
    user = server.sign_up()
    with stream(server, user, "/changes?after=latest") as events:
        assert events.block() == {"": "keep-alive"}
        made = user.create_event()
        assert json.loads(events.event()["data"])["event_id"] == made["id"]


ODD_IDS = [
    b"x", b"-1", b"+1", b"1.5", b"1_0", b"9" * 16, b"9" * 30, b"0" * 5000, b"0" * 20 + b"9" * 20, "²".encode(), b"\xb2",
    "٣".encode(), b"1 2", b"1,2",
]  # fmt: skip


@pytest.mark.parametrize("last", [*ODD_IDS, bytes(range(0x80, 0x100)), b"\xff", b"1\x80"])
def test_a_last_event_id_out_of_form_is_422(server: Server, last: bytes) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
    response = server.sign_up().get("/changes", headers=headers)
    assert check_problem(response, 422)["errors"][0]["field"] == "Last-Event-ID"


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("last", ODD_IDS)
def test_a_last_event_id_in_the_query_out_of_form_is_422(server: Server, last: bytes, accept: str) -> None:
    response = server.sign_up().get(f"/changes?lastEventId={quote(last)}", headers={"Accept": accept})
    assert check_problem(response, 422)["errors"][0]["field"] == "lastEventId"


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream;charset=utf-8", True),
        ("text/event-stream, application/json;q=0.5", True),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.1, application/json", False),
        ("text/event-stream-not", False),
        ("application/text/event-stream", False),
        ('application/json;profile="text/event-stream"', False),
        ("*/*", False),
    ],
)
def test_a_stream_is_for_clients_that_prefer_one(server: Server, accept: str, is_stream: bool) -> None:
    user = server.sign_up()
    with stream(server, user, Accept=accept) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream") == is_stream


def test_a_last_event_id_that_is_not_kept_is_410(server: Server) -> None:
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(2**50)}
    check_problem(server.sign_up().get("/changes", headers=headers), 410, "cursor_expired")


def test_a_quiet_stream_says_that_it_is_still_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.api.changes.HEARTBEAT_SECONDS", 0.01)
    user = server.sign_up()
    with stream(server, user) as events:
        assert events.block()["event"] == "user.created"
        assert [events.block() for _ in range(3)] == [{"": "keep-alive"}] * 3


@pytest.mark.parametrize("who", ["user", "bot"])
def test_a_stream_ends_with_the_login_of_who_listens(
    fresh_server: Server, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr("eventorg.api.changes.HEARTBEAT_SECONDS", 0.01)
    user, bot = fresh_server.sign_up(), fresh_server.make_bot("act")
    with stream(fresh_server, user if who == "user" else bot.acting_for(user.id)) as events:
        assert events.event()["event"] == "user.created"
        if who == "user":
            fresh_server.clock.advance(days=1)
        else:
            fresh_server.revoke(bot)
        assert {} in (events.block() for _ in range(100))


def test_who_waits_is_told_nothing_once_its_token_is_dead(server: Server, waits: "queue.Queue[float]") -> None:
    user, bot = server.sign_up(), server.make_bot("act")
    acting = bot.acting_for(user.id)
    after = user.get("/changes").json()["next"]
    with ThreadPoolExecutor() as pool, stream(server, acting, f"/changes?after={after}") as events:
        poll = pool.submit(acting.get, f"/changes?after={after}&timeout=30")
        for _ in range(2):
            waits.get(timeout=PATIENCE)
        server.revoke(bot)
        user.create_event()
        assert [*iter(events.block, {})] in ([], [{"": "keep-alive"}])
        check_problem(poll.result(PATIENCE), 401, "token_revoked")


def test_who_acts_for_an_account_that_has_moved_is_told_what_concerns_its_new_user(
    server: Server, waits: "queue.Queue[float]"
) -> None:
    user, bot = server.sign_up(), server.make_bot("act")
    person = telegram.Person(server, bot)
    after = person.bot.get("/changes").json()["next"]
    with ThreadPoolExecutor() as pool, stream(server, person.bot, f"/changes?after={after}") as events:
        poll = pool.submit(person.bot.get, f"/changes?after={after}&timeout=30")
        for _ in range(2):
            waits.get(timeout=PATIENCE)
        telegram.link(bot, person.telegram_id, user)
        told = [json.loads(events.event()["data"]), *poll.result(PATIENCE).json()["changes"]]
    assert {change["user_id"] for change in told} == {user.id}


def test_a_stream_ends_with_its_connection_although_more_was_asked_behind_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, waits: "queue.Queue[float]"
) -> None:
    monkeypatch.setattr("eventorg.api.changes.HEARTBEAT_SECONDS", 0.01)
    head = f"Host: x\r\nAuthorization: Bearer {server.sign_up().token}\r\n"
    asked = f"GET /changes HTTP/1.1\r\n{head}Accept: text/event-stream\r\n\r\nGET /health HTTP/1.1\r\n{head}\r\n"
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 0), PATIENCE) as connection:
        connection.sendall(asked.encode())
        assert connection.recv(1).startswith(b"H")
        waits.get(timeout=PATIENCE)
    more = (waits.get(timeout=1) for _ in range(1_000))
    with pytest.raises(queue.Empty):
        list(more)


def test_waiting_ends_when_the_server_stops(tmp_path: Path, waits: "queue.Queue[float]") -> None:
    with ThreadPoolExecutor() as pool:
        with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
            user = server.sign_up()
            after = user.get("/changes").json()["next"]

            def poll() -> httpx.Response:
                url = f"{server.url}/changes?after={after}&timeout=30"
                return httpx.get(url, headers=user.headers, timeout=PATIENCE)

            def listen() -> list[dict[str, str]]:
                with stream(server, user) as events:
                    return list(iter(events.block, {}))

            polls, streams = pool.submit(poll), pool.submit(listen)
            for _ in range(2):
                waits.get(timeout=PATIENCE)
        assert (polls.result().status_code, polls.result().json()) == (200, {"changes": [], "next": after})
        assert [block["event"] for block in streams.result() if "event" in block] == ["user.created"]
