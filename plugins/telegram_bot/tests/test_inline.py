"""Cards that people share inline into chats of which the bot is no member."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.testing import running_fake
from eventorg.testing.telegram import Limits

from .scene import Scene, code_of, labels


@pytest.fixture
def telegram() -> Iterator[Any]:
    """Telegram as BotFather sets bots up: without inline feedback."""
    with running_fake(inline_feedback=False, limits=Limits(enforced=False)) as fake:
        yield fake


@pytest.fixture
def anna(scene: Scene) -> Any:
    """A host of two events, with a zone."""
    anna = scene.person("Anna", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    for event in ("Tea tomorrow 18:00, 2 seats", "Cake Sunday 15:00"):
        anna.say(None, f"/new {event}")
        scene.card(anna.chat, event.split()[0])
    return anna


def test_results_are_the_persons_own_and_found_by_words(scene: Scene, anna: Any) -> None:
    found = anna.inline("")
    assert [each["title"] for each in found["results"]] == ["Tea", "Cake"]
    assert (found["is_personal"], found["cache_time"]) == (True, 0)
    assert found["results"][0]["description"].startswith("Sat, 2 January 2027, 18:00")
    assert [each["title"] for each in anna.inline("cAk")["results"]] == ["Cake"]
    assert anna.inline("nothing")["results"] == []
    stranger = scene.person("Boris", "ru")
    assert stranger.inline("")["results"] == []
    code = code_of(scene.card(anna.chat, "Tea"))
    assert [each["title"] for each in stranger.inline(code)["results"]] == ["Tea"]
    stranger.tap(scene.card(anna.chat, "Cake"), "Going")
    assert [each["title"] for each in stranger.inline("")["results"]] == ["Cake"]


def test_private_events_are_not_offered(scene: Scene, anna: Any) -> None:
    code = code_of(scene.card(anna.chat, "Tea"))
    scene.acting(anna).patch(f"/events/{code}", json={"visibility": "private"}).raise_for_status()
    assert [each["title"] for each in anna.inline("")["results"]] == ["Cake"]


def test_the_first_tap_of_a_stranger_finds_the_card_and_keeps_it_current(scene: Scene, anna: Any) -> None:
    boris, vera = scene.person("Борис", "ru"), scene.person("Vera")
    elsewhere = scene.telegram.group("Elsewhere", boris)
    card = anna.choose(anna.inline("Tea")["results"][0], elsewhere)
    assert labels(card) == ["✅ Going", "+1", "🤔 Maybe", "❌ Not going"]
    assert boris.tap(card, "Going")["text"] == (
        "Вы идёте. Занято мест: 1 из 2.\nНажмите «Старт» в @eventorg_bot, чтобы я мог вам писать."
    )
    assert "1 of 2 seats" in scene.shows(card, "1. Борис"), "the card keeps the language of whoever shared it"
    assert vera.tap(card, "Going")["text"].startswith("You are going. Seats taken: 2 of 2.")
    scene.shows(card, "2 of 2 seats", "2. Vera")
    scene.acting(anna).post(f"/events/{code_of(scene.card(anna.chat, 'Tea'))}/cancel").raise_for_status()
    scene.server.clock.advance(seconds=4)
    scene.shows(card, "❌ Cancelled")
    assert scene.health == "ok"


def test_a_refused_first_tap_finds_the_card_too(scene: Scene, anna: Any) -> None:
    boris = scene.person("Boris", started=True)
    elsewhere = scene.telegram.group("Elsewhere", boris)
    card = anna.choose(anna.inline("Tea")["results"][0], elsewhere)
    code = code_of(scene.card(anna.chat, "Tea"))
    scene.acting(anna).post(f"/events/{code}/cancel").raise_for_status()
    assert boris.tap(card, "Going")["show_alert"] is True
    scene.shows(card, "❌ Cancelled")


def test_with_inline_feedback_the_card_is_current_before_the_first_tap(scene: Scene, anna: Any) -> None:
    scene.telegram.inline_feedback = True
    boris = scene.person("Boris", started=True)
    card = anna.choose(anna.inline("Tea")["results"][0], scene.telegram.group("Elsewhere", boris))
    boris.tap(scene.card(anna.chat, "Tea"), "Going")
    scene.shows(card, "1. Boris")
    assert boris.tap(card, "+1")["text"] == "You are going, with 1 guest. Seats taken: 2 of 2."
    scene.shows(card, "1. Boris +1")


def test_the_hint_comes_once_wherever_the_taps_are(scene: Scene, anna: Any) -> None:
    boris = scene.person("Boris")
    group = scene.group(anna, boris)
    anna.say(group, "/new Football tomorrow 20:00")
    inline = anna.choose(anna.inline("Tea")["results"][0], scene.telegram.group("Elsewhere", boris))
    assert "Press Start" in boris.tap(inline, "Going")["text"]
    assert boris.tap(inline, "Maybe")["text"] == "Maybe: you have no seat yet."
    assert boris.tap(scene.card(group), "Going")["text"] == "You are going."


def test_the_button_above_the_results_begins_an_event(scene: Scene, anna: Any) -> None:
    assert anna.inline("")["button"]["start_parameter"] == "new"
    anna.say(None, "/start new")
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "Board games")
    scene.wait(anna.chat, "When does it begin?")
