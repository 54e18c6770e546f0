"""Invitations by deep link."""

from typing import Any

import pytest

from .scene import Scene, labels


@pytest.fixture
def anna(scene: Scene) -> Any:
    return scene.person("Anna", started=True)


def invite(scene: Scene, host: Any, **more: Any) -> tuple[str, str]:
    """Returns the codes of a private event, and of an invitation to it."""
    acting = scene.acting(host)
    event = {"title": "Secret tea", "start_time": "2027-01-02T17:00:00Z", "end_time": "2027-01-02T19:00:00Z"}
    event |= {"timezone": "Europe/Berlin", "location": "Anna's", "visibility": "private", "description": "Bring cake."}
    code = acting.post("/events", json=event).json()["code"]
    return code, acting.post(f"/events/{code}/invitations", json=more).json()["code"]


def test_a_private_event_is_shown_and_accepted(scene: Scene, anna: Any) -> None:
    vera = scene.person("Vera")
    _, invitation = invite(scene, anna)
    vera.start(f"i_{invitation}")
    shown = scene.wait(vera.chat, "You are invited")
    assert shown.text == (
        "You are invited:\n\nSecret tea\nSat, 2 January, 18:00 – 20:00 (Europe/Berlin)\nAnna's\n\nBring cake."
    )
    assert labels(shown) == ["✅ Going", "🤔 Maybe", "❌ Not going"]
    assert vera.tap(shown, "Going")["text"] == "You are going."
    scene.shows(shown, "1. Vera")
    assert vera.tap(shown, "Maybe")["text"] == "Maybe: you have no seat yet."


def test_a_host_with_the_bot_keeps_the_card_current(scene: Scene, anna: Any) -> None:
    vera, boris = scene.person("Vera"), scene.person("Boris")
    code, invitation = invite(scene, anna)
    anna.start(code)
    card = scene.card(anna.chat)
    for person in (vera, boris):
        person.start(f"i_{invitation}")
        person.tap(scene.wait(person.chat, "You are invited"), "Going")
    scene.shows(card, "1. Vera", "2. Boris")
    scene.shows(scene.card(vera.chat), "2. Boris")


def test_maybe_by_invitation(scene: Scene, anna: Any) -> None:
    vera = scene.person("Вера", "ru")
    _, invitation = invite(scene, anna)
    vera.start(f"i_{invitation}")
    shown = scene.wait(vera.chat, "Вас приглашают")
    assert vera.tap(shown, "Может быть")["text"] == "Может быть: место за вами не закреплено."
    scene.shows(shown, "1 под вопросом")


def test_an_invitation_that_is_used_up(scene: Scene, anna: Any) -> None:
    vera, boris = scene.person("Vera"), scene.person("Boris")
    _, invitation = invite(scene, anna, max_uses=1)
    boris.start(f"i_{invitation}")
    early = scene.wait(boris.chat, "You are invited")
    vera.start(f"i_{invitation}")
    vera.tap(scene.wait(vera.chat, "You are invited"), "Going")
    assert boris.tap(early, "Going")["show_alert"] is True
    late = scene.person("Late")
    late.start(f"i_{invitation}")
    scene.wait(late.chat, "This invitation is used up or has ended.")
