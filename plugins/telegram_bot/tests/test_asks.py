"""People who ask to come to an event with approval: its hosts are told once, and answer by a button."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from telegram import InlineKeyboardMarkup
from telegram.error import NetworkError

from ..asks import ATTEMPTS, Asks, Letter
from ..client import Later
from ..people import Person
from .scene import Scene, labels, marked


@pytest.fixture
def anna(scene: Scene) -> Any:
    return scene.person("Anna", started=True)


def make(scene: Scene, host: Any, title: str = "Tea", **fields: Any) -> dict[str, Any]:
    """Returns a new event with approval."""
    times = {"start_time": "2027-01-02T18:00:00+01:00", "end_time": "2027-01-02T20:00:00+01:00"}
    body = {"title": title, "timezone": "Europe/Berlin", "visibility": "unlisted", "max_guests": 5} | times
    response = scene.acting(host).post("/events", json=body | {"approval_required": True} | fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def ask(scene: Scene, person: Any, event: dict[str, Any], **party: Any) -> None:
    body = {"answer": "going"} | party
    scene.acting(person).put(f"/events/{event['id']}/rsvp", json=body).raise_for_status()


def leave(scene: Scene, person: Any, event: dict[str, Any]) -> None:
    scene.acting(person).delete(f"/events/{event['id']}/register").raise_for_status()


def user_id(scene: Scene, person: Any) -> str:
    return str(scene.acting(person).get("/users/me").json()["id"])


def people_of(scene: Scene, host: Any, event: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    found = scene.acting(host).get(f"/events/{event['id']}/participants?expand=user").json()["participants"]
    return {each["user"]["first_name"]: (each["status"], each["approved"]) for each in found}


def told(chat: Any) -> list[str]:
    """The messages about people who ask, with their first line."""
    return [each.text.partition("\n")[0] for each in chat.shown if each.text.startswith("🙋")]


def test_every_host_is_told_in_private_and_one_approves(scene: Scene, anna: Any) -> None:
    boris, olga = scene.person("Boris", started=True), scene.person("Ольга", "ru", started=True)
    event = make(scene, anna)
    scene.acting(anna).post(f"/events/{event['id']}/hosts", json={"user_id": user_id(scene, olga)}).raise_for_status()
    group = scene.group(anna, boris)
    anna.start(event["code"])
    anna.say(group, f"/start@eventorg_bot {event['code']}")
    card = scene.card(group)
    assert boris.tap(card, "+1")["text"] == "A host has to approve you. I will write to you."
    message = scene.wait(anna.chat, "asks to come")
    assert message.text == "🙋 Boris +1 asks to come.\n\nTea\nSat, 2 January, 18:00"
    assert labels(message) == ["✅ Approve", "✖️ Decline"]
    assert (marked(message, "bold"), marked(message, "text_mention")) == (["Tea"], ["Boris +1"])
    other = scene.wait(olga.chat, "хочет прийти")
    assert other.text == "🙋 Boris +1 хочет прийти.\n\nTea\nсб, 2 января, 18:00"
    assert anna.tap(message, "Approve")["text"] == "✅ Approved: Boris +1."
    assert scene.shows(message, "Approved: Boris") == "⚙️ Tea\n\n✅ Approved: Boris +1."
    assert labels(message) == ["⚙️ Open the event"]
    scene.shows(card, "1. Boris +1")
    assert "Решать уже нечего" in olga.tap(other, "Отказать")["text"]
    assert people_of(scene, anna, event) == {"Boris": ("registered", True)}, "what is decided stays"
    anna.tap(message, "Open")
    scene.shows(message, "Registration is open.")


def test_those_who_ask_within_a_minute_come_in_one_message(scene: Scene, anna: Any) -> None:
    event = make(scene, anna, capacity=1)
    first, *others = [scene.person(name, started=True) for name in ("Boris", "Vera", "Olga", "Ivan")]
    ask(scene, first, event)
    scene.wait(anna.chat, "Boris asks to come.")
    for person in others:
        ask(scene, person, event)
    ask(scene, others[0], event, guests=1)
    leave(scene, others[2], event)
    leave(scene, first, event)
    ask(scene, first, event)
    scene.catch_up(anna)
    scene.server.clock.advance(seconds=60)
    message = scene.wait(anna.chat, "people ask to come")
    assert message.text == "🙋 2 people ask to come:\n• Vera +1\n• Olga\n\nTea\nSat, 2 January, 18:00", "each once"
    assert labels(message) == ["🙋 Approve (3)"]
    anna.tap(message, "Approve")
    scene.shows(message, "Who can come?")
    assert labels(message) == ["✅ Vera +1", "✖️", "✅ Olga", "✖️", "✅ Boris", "✖️", "‹ Back"]
    assert anna.tap(message, "Boris")["text"] == "Approved."
    scene.server.clock.advance(seconds=60)
    ask(scene, others[2], event)
    last = scene.wait(anna.chat, "Ivan asks to come.")
    assert labels(last) == ["✅ Approve", "✖️ Decline", "🙋 Approve (3)"]
    assert anna.tap(last, "✅ Approve")["text"].startswith("⏳ Approved: Ivan. All seats are taken")
    scene.shows(last, "⏳ Approved")
    assert labels(last) == ["🙋 Approve (2)", "⚙️ Open the event"]
    assert told(anna.chat) == ["🙋 Boris asks to come."]


def test_somebody_who_was_declined_can_ask_again(scene: Scene, anna: Any) -> None:
    boris, event = scene.person("Boris", started=True), make(scene, anna)
    ask(scene, boris, event)
    message = scene.wait(anna.chat, "asks to come")
    assert anna.tap(message, "Decline")["text"] == "✖️ Declined: Boris."
    assert people_of(scene, anna, event) == {}
    scene.server.clock.advance(seconds=60)
    ask(scene, boris, event)
    scene.telegram.wait_until(lambda: len(told(anna.chat._inner)) == 1)
    kept = scene.acting(boris).get("/users/me/export").json()["plugins"]["telegram_bot"]
    assert {"kind": "ask", "values": {"event": event["id"]}} in kept
    assert people_of(scene, anna, event) == {"Boris": ("waitlisted", False)}


def test_an_answer_does_not_end_what_the_menu_waits_for(scene: Scene, anna: Any) -> None:
    boris, event = scene.person("Boris", started=True), make(scene, anna)
    anna.start(event["code"])
    menu = scene.wait(anna.chat, "⚙️ Tea")
    anna.tap(menu, "Edit")
    scene.shows(menu, "Title: Tea")
    anna.tap(menu, "Title")
    scene.shows(menu, "Send the new title.")
    ask(scene, boris, event)
    anna.tap(scene.wait(anna.chat, "asks to come"), "Approve")
    anna.say(None, "Cake")
    scene.wait(anna.chat, "✅ Title: Cake")


def test_only_those_who_need_approval_are_told_of_also_in_a_private_event(scene: Scene, anna: Any) -> None:
    boris, vera = scene.person("Boris", started=True), scene.person("Vera", started=True)
    full = make(scene, anna, "Full", approval_required=False, capacity=1)
    secret = make(scene, anna, "Secret", visibility="private")
    code = scene.acting(anna).post(f"/events/{secret['id']}/invitations", json={}).json()["code"]
    for person in (boris, vera):
        ask(scene, person, full)
        answer = {"answer": "maybe"} if person is vera else {}
        scene.acting(person).post(f"/invitations/{code}/accept", json=answer).raise_for_status()
    ask(scene, vera, secret)
    scene.wait(anna.chat, "Vera asks to come.\n\nSecret")
    assert told(anna.chat) == ["🙋 Vera asks to come."]


class Desk:
    """Letters to one host, without servers."""

    def __init__(self, *errors: Exception | None) -> None:
        self.send = AsyncMock(side_effect=[*errors, None])
        bot = SimpleNamespace(telegram=SimpleNamespace(send=self.send), log=Mock(), clock=Mock())
        bot.clock.return_value.timestamp.return_value = 0
        self.asks = Asks(cast("Any", bot))
        letter = Letter(host=Person(id=1), text="🙋", entities=[], keyboard=InlineKeyboardMarkup([]))
        self.asks._letters.append(letter)


@pytest.mark.parametrize("error", [Later(1), NetworkError("502")])
def test_a_message_that_telegram_does_not_take_now_is_sent_again(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{Asks.__module__}.MAX_PAUSE", 0)

    async def run() -> None:
        desk = Desk(error, error)
        assert [await desk.asks.work() for _ in range(4)] == [True, True, False, False]
        assert desk.send.call_count == 3
        desk = Desk(*[error] * 2 * ATTEMPTS)
        assert [await desk.asks.work() for _ in range(ATTEMPTS + 1)] == [True] * (ATTEMPTS - 1) + [False] * 2
        assert desk.send.call_count == ATTEMPTS

    asyncio.run(run())


def test_a_host_who_has_blocked_the_bot_is_not_written_to_and_others_are(scene: Scene, anna: Any) -> None:
    boris, olga = scene.person("Boris", started=True), scene.person("Olga", started=True)
    event = make(scene, anna)
    scene.acting(anna).post(f"/events/{event['id']}/hosts", json={"user_id": user_id(scene, olga)}).raise_for_status()
    anna.block()
    scene.telegram.wait_until(lambda: not scene.telegram.pending)
    ask(scene, boris, event)
    scene.wait(olga.chat, "Boris asks to come.")
    scene.server.wait_for(lambda: any(call.error for call in scene.telegram.calls("sendMessage")))
    assert told(anna.chat) == []
