"""Bounds: how many requests of a bot wait, how many cards of an event it has, and what ends a wait."""

import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from eventorg.testing import Bot, Server, User, check_problem

from .conftest import Chat


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as executor:
        yield executor


@pytest.fixture(autouse=True)
def two_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two requests of a bot can wait, instead of 20."""
    monkeypatch.setattr(sys.modules["eventorg.domain.waiting"], "MAX_WAITING", 2)


def wait(pool: ThreadPoolExecutor, bot: Bot | User) -> "Future[httpx.Response]":
    """Starts a request that waits, once `lease` of the test has given its place back."""

    def work() -> httpx.Response:
        while (response := lease(bot, 30)).status_code == 429:
            pass
        return response

    return pool.submit(work)


def lease(bot: Bot | User, seconds: int = 1) -> httpx.Response:
    response: httpx.Response = bot.post("/placements/lease", json={"timeout": seconds, "limit": 1})
    return response


def check_both_wait(chat: Chat) -> None:
    chat.server.wait_for(lambda: lease(chat.bot).status_code == 429)


def shown_card(chat: Chat, message_id: str = "1", by: User | None = None) -> str:
    """Places a card of a new event that shows the newest state, and returns the event's ID."""
    event_id = str(chat.host.create_event()["id"])
    chat.place(event_id, message_id, by=by)
    chat.show()
    chat.server.clock.advance(seconds=3)
    return event_id


def test_so_many_requests_of_a_bot_wait(chat: Chat, eventorg: Server, pool: ThreadPoolExecutor) -> None:
    events = [shown_card(chat, message_id) for message_id in "12"]
    waiting = [wait(pool, bot) for bot in (chat.bot, chat.as_host)]
    check_both_wait(chat)
    refused = lease(chat.bot)
    check_problem(refused, 429, "too_many_waiting")
    assert refused.headers["Retry-After"] == "5"
    assert chat.lease() == [], "one that does not wait needs no place"
    assert lease(eventorg.make_bot("deliver")).status_code == 200, "another bot has places of its own"
    for event_id in events:
        chat.register(event_id)
    leased = [each for future in waiting for each in future.result().json()["placements"]]
    assert sorted(each["event_id"] for each in leased) == sorted(events)
    assert lease(chat.bot).status_code == 200


def test_a_revoked_token_leases_nothing_after_the_wait(chat: Chat, eventorg: Server, pool: ThreadPoolExecutor) -> None:
    event_id = shown_card(chat)
    waiting = [wait(pool, chat.bot) for _ in range(2)]
    check_both_wait(chat)
    eventorg.revoke(chat.bot)
    chat.register(event_id)
    for future in waiting:
        check_problem(future.result(), 401, "token_revoked")
    chat.bot.token = eventorg.run("token", "create", chat.bot.name, "--scope", "deliver").strip()
    assert len(chat.lease()) == 1, "nobody has it"


def test_a_host_who_loses_the_role_during_the_wait_gets_nothing(
    chat: Chat, eventorg: Server, pool: ThreadPoolExecutor
) -> None:
    helper = eventorg.sign_up()
    own = shown_card(chat, "own")
    event_id = chat.host.create_event(visibility="private")["id"]
    chat.host.post(f"/events/{event_id}/hosts", json={"user_id": helper.id})
    chat.place(event_id, "for helper", by=chat.bot.acting_for(helper.id))
    chat.show()
    eventorg.clock.advance(seconds=3)
    waiting = [wait(pool, chat.bot.acting_for(helper.id)) for _ in range(2)]
    check_both_wait(chat)
    assert chat.host.delete(f"/events/{event_id}/hosts/{helper.id}").status_code == 200
    chat.host.patch(f"/events/{event_id}", json={"title": "Secret"})
    check_both_wait(chat)
    chat.register(own)
    chat.place(own, "another")
    found = [each["event_id"] for future in waiting for each in future.result().json()["placements"]]
    assert found == [own, own]


def test_a_user_who_is_deleted_during_the_wait_is_unknown_after_it(
    chat: Chat, eventorg: Server, pool: ThreadPoolExecutor
) -> None:
    helper = eventorg.sign_up()
    event_id = shown_card(chat)
    waiting = [wait(pool, chat.bot.acting_for(helper.id)) for _ in range(2)]
    check_both_wait(chat)
    assert helper.delete("/users/me").status_code == 200
    chat.register(event_id)
    for future in waiting:
        check_problem(future.result(), 404, "user_not_found")


def test_a_bot_has_so_many_cards_of_an_event(chat: Chat, eventorg: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["eventorg_plugins.placements.repository"], "MAX_OF_EVENT", 2)
    event, other = (chat.host.create_event()["id"] for _ in range(2))
    places = [{"chat_id": "chat", "message_id": number} for number in "123"]
    statuses = [chat.bot.put(f"/events/{event}/placements", json=place).status_code for place in places]
    assert statuses == [201, 201, 409]
    check_problem(chat.bot.put(f"/events/{event}/placements", json=places[2]), 409, "too_many_placements")
    assert chat.bot.put(f"/events/{event}/placements", json=places[0]).status_code == 200, "one that it has"
    assert chat.bot.put(f"/events/{other}/placements", json=places[2]).status_code == 201
    check_problem(chat.bot.put(f"/events/{event}/placements", json=places[2]), 409, "too_many_placements")
    assert chat.bot.put(f"/events/{other}/placements", json=places[0]).status_code == 200, "it moves away"
    assert chat.bot.put(f"/events/{event}/placements", json=places[2]).status_code == 200
    another = eventorg.make_bot("deliver")
    assert another.put(f"/events/{event}/placements", json=places[0]).status_code == 201
