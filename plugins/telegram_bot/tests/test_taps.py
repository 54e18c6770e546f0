"""Taps on cards: refusals, guests, answers, cancelled events, the hint to press Start."""

from typing import Any

import pytest

from ..cards import with_state
from .scene import Scene, code_of, labels


@pytest.fixture
def anna(scene: Scene) -> Any:
    """A host who has set the zone."""
    anna = scene.person("Anna", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    return anna


def post(scene: Scene, host: Any, *members: Any, event: str = "Tea tomorrow 18:00", **patch: Any) -> Any:
    """Returns the card of a new event in a new group, changed by the API as you say."""
    group = scene.group(host, *members)
    host.say(group, f"/new {event}")
    card = scene.card(group)
    if patch:
        response = scene.acting(host).patch(f"/events/{code_of(card)}", json=patch)
        assert response.status_code == 200, response.text
    return card


def test_a_refusal_says_why_in_the_language_of_the_person(scene: Scene, anna: Any) -> None:
    boris, bob = scene.person("Борис", "ru", started=True), scene.person("Bob", started=True)
    card = post(scene, anna, boris, bob, event="Tea tomorrow 18:00, 1 seat", waitlist=False)
    assert anna.tap(card, "Going")["text"] == "You are going. Seats taken: 1 of 1."
    assert boris.tap(card, "Going") == {
        "text": "Свободных мест не хватает.",
        "show_alert": True,
        "url": None,
    }
    assert bob.tap(card, "Going")["text"] == "There are not enough free seats."


def test_a_guest_too_many_is_refused_with_true_words_although_there_is_a_waiting_list(scene: Scene, anna: Any) -> None:
    boris = scene.person("Борис", "ru", started=True)
    card = post(scene, anna, boris, event="Tea tomorrow 18:00, 1 seat", waitlist=True)
    boris.tap(card, "Going")
    assert boris.tap(card, "+1")["text"] == "Свободных мест не хватает."


def test_a_closed_registration_is_told_without_a_raw_time(scene: Scene, anna: Any) -> None:
    boris, bob = scene.person("Борис", "ru", started=True), scene.person("Bob", started=True)
    card = post(scene, anna, boris, bob)
    event = f"/events/{code_of(card)}"
    scene.acting(anna).patch(event, json={"registration_closes_at": "2027-01-01T12:00:00Z"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    assert scene.shows(card, "closed").startswith("Tea\n🔒 Registration is closed\n\nSat, 2 January")
    assert boris.tap(card, "Going")["text"] == "Запись закрыта."
    assert bob.tap(card, "Going")["text"] == "Registration is closed."
    window = {"registration_opens_at": "2027-01-01T20:00:00Z", "registration_closes_at": None}
    scene.acting(anna).patch(event, json=window).raise_for_status()
    assert boris.tap(card, "Going")["text"] == "Запись ещё не открыта."


def test_a_full_card_has_room_for_its_state() -> None:
    text = with_state("Tea\n" + "🎉" * 2046, "🔒 Registration is closed")
    assert text.startswith("Tea\n🔒 Registration is closed\n🎉")
    assert text.endswith("🎉…")
    assert 4_090 < len(text.encode("utf-16-le")) // 2 <= 4_096


def test_a_refused_guest_changes_nothing(scene: Scene, anna: Any) -> None:
    card = post(scene, anna, event="Tea tomorrow 18:00, 2 seats", max_guests=1)
    assert anna.tap(card, "+1")["text"] == "You are going, with 1 guest. Seats taken: 2 of 2."
    refused = anna.tap(card, "+1")
    assert refused["show_alert"] is True
    assert "1" in refused["text"]
    scene.shows(card, "1. Anna +1", "2 of 2 seats")
    assert anna.tap(card, "Going")["text"] == "You are going, with 1 guest. Seats taken: 2 of 2.", "guests stay"


def test_guests_go_one_by_one(scene: Scene, anna: Any) -> None:
    card = post(scene, anna)
    assert "−1" not in labels(card)
    anna.tap(card, "+1")
    scene.shows(card, "Anna +1")
    assert "−1" in labels(card)
    assert anna.tap(card, "−1")["text"] == "You are going."
    scene.shows(card, "1. Anna")
    scene.telegram.wait_until(lambda: len(card._inner.buttons) == 4)
    bob = scene.person("Bob", started=True)
    assert bob.tap(card, "Not going")["text"] == "You are not going."


def test_the_same_tap_counts_once(scene: Scene, anna: Any) -> None:
    """Telegram sends an update again if the bot ends before it has confirmed it."""
    card = post(scene, anna)
    tap = {"id": "77", "from": anna.json(), "chat_instance": "1", "message": card.json()}
    tap["data"] = f"p:{code_of(card)}"
    for _ in range(2):
        scene.telegram.updates.tell("callback_query", tap)
    scene.shows(card, "Anna +1")
    assert anna.tap(card, "Going")["text"] == "You are going, with 1 guest."


def test_the_hint_comes_once_and_only_to_who_never_pressed_start(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob")
    card = post(scene, anna, bob)
    other = post(scene, anna, bob, event="Cake tomorrow 20:00")
    assert "Press Start" not in anna.tap(card, "Going")["text"]
    assert bob.tap(card, "Going")["text"].endswith("\nPress Start in @eventorg_bot, so that I can write to you.")
    assert bob.tap(card, "Maybe")["text"] == "Maybe: you have no seat yet."
    assert bob.tap(other, "Going")["text"] == "You are going."


def test_approval_is_said(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    card = post(scene, anna, bob, approval_required=True)
    assert bob.tap(card, "Going")["text"] == "A host has to approve you. I will write to you."


def test_a_cancelled_card_says_so_and_late_taps_get_an_alert(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera", started=True)
    card = post(scene, anna, bob, vera)
    bob.tap(card, "Maybe")
    vera.tap(card, "Going")
    code = code_of(card)
    scene.shows(card, "1 maybe", "Vera")
    scene.acting(anna).post(f"/events/{code}/cancel").raise_for_status()
    scene.server.clock.advance(seconds=4)  # after an edit, the server collects changes for three seconds
    scene.telegram.wait_until(lambda: not card._inner.buttons)
    assert card.text.splitlines()[1] == "❌ Cancelled"
    scene.server.clock.advance(seconds=15)  # news wait for more news
    for person in (bob, vera):
        assert "Tea" in scene.wait(person.chat, "❌ Cancelled").text


def test_a_tap_on_an_old_message_of_a_cancelled_event_is_refused(scene: Scene, anna: Any) -> None:
    card = post(scene, anna)
    markup = card.markup
    scene.acting(anna).post(f"/events/{code_of(card)}/cancel").raise_for_status()
    scene.server.clock.advance(seconds=4)  # after an edit, the server collects changes for three seconds
    scene.telegram.wait_until(lambda: not card._inner.buttons)
    card.markup = markup  # as somebody sees it who has not scrolled
    refused = anna.tap(card, "Going")
    assert (refused["show_alert"], "cancelled" in refused["text"]) == (True, True)


def test_who_comes_is_told_by_a_late_tap_that_the_event_is_cancelled(scene: Scene, anna: Any) -> None:
    """The server does not refuse these taps: the answer is there already, and a guest less is no registration."""
    boris, bob = scene.person("Борис", "ru", started=True), scene.person("Bob", started=True)
    card = post(scene, anna, boris, bob)
    boris.tap(card, "Going")
    boris.tap(card, "+1")
    scene.telegram.wait_until(lambda: "−1" in labels(card))
    markup = card.markup
    scene.acting(anna).post(f"/events/{code_of(card)}/cancel").raise_for_status()
    scene.server.clock.advance(seconds=4)  # after an edit, the server collects changes for three seconds
    scene.telegram.wait_until(lambda: not card._inner.buttons)
    card.markup = markup  # as somebody sees it who has not scrolled
    for label in ("Going", "−1"):
        assert boris.tap(card, label) == {"text": "Мероприятие отменено.", "show_alert": True, "url": None}
    assert bob.tap(card, "−1") == {"text": "The event is cancelled.", "show_alert": True, "url": None}


def test_a_button_of_the_past_is_answered(scene: Scene, anna: Any) -> None:
    card = post(scene, anna)
    card.markup = {"inline_keyboard": [[{"text": "Old", "callback_data": "old:thing"}]]}
    assert anna.tap(card, "Old")["text"] == "This button does not work any more."


def test_a_new_time_is_told_with_buttons_to_answer_again(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    card = post(scene, anna, bob)
    bob.tap(card, "Going")
    times = {"start_time": "2027-01-03T17:00:00Z", "end_time": "2027-01-03T19:00:00Z"}
    scene.acting(anna).patch(f"/events/{code_of(card)}", json=times).raise_for_status()
    scene.server.clock.advance(seconds=15)
    news = scene.wait(bob.chat, "✏️")
    assert labels(news) == ["✅ Going", "🤔 Maybe", "❌ Not going", "Show event"]
    assert bob.tap(news, "Not going")["text"] == "You are not going."
    bob.tap(news, "Show event")
    assert "Sun, 3 January 2027, 18:00" in scene.card(bob.chat).text


def test_a_guest_in_the_queue_is_confirmed(scene: Scene, anna: Any) -> None:
    boris, bob = scene.person("Борис", "ru", started=True), scene.person("Bob", started=True)
    card = post(scene, anna, boris, bob, event="Tea tomorrow 18:00, 1 seat")
    anna.tap(card, "Going")
    bob.tap(card, "Going")
    assert bob.tap(card, "+1")["text"] == "You are number 1 on the waiting list, with 1 guest."
    assert boris.tap(card, "Going")["text"] == "Мест нет. Вы в очереди под номером 2."
    assert boris.tap(card, "+1")["text"] == "Вы в очереди под номером 2, с вами 1 гость."
