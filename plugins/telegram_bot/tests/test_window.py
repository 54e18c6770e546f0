"""The host menu: when people can register, the time zone of an event, and servers that lack a plugin."""

from typing import Any

import pytest

from .scene import Scene, labels
from .test_hosting import make, menu_of, read, register


@pytest.fixture
def eventorg_settings(eventorg_settings: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    return eventorg_settings | ({"EVENTORG_PLUGINS": request.param} if hasattr(request, "param") else {})


@pytest.fixture
def anna(scene: Scene) -> Any:
    return scene.person("Anna", started=True)


def edit(scene: Scene, host: Any, event: dict[str, Any], button: str, question: str) -> Any:
    """Returns the screen that asks for a field."""
    menu = menu_of(scene, host, event)
    host.tap(menu, "✏️")
    scene.shows(menu, f": {event['title']}")
    host.tap(menu, button)
    scene.shows(menu, question)
    return menu


def test_registration_opens_and_closes_at_the_times_of_messages(scene: Scene, anna: Any) -> None:
    bob, event = scene.person("Bob", started=True), make(scene, anna)
    edit(scene, anna, event, "Registration opens", "Now: at once")
    for said, answer in {
        "whenever": "I do not see a time in that.",
        "yesterday 10:00": "That time is over.",
        "31 Nov 10:00": "This date does not exist.",
        "today 18:00": "✅ Registration opens: Fri, 1 January 2027, 18:00",
    }.items():
        anna.say(None, said)
        edited = scene.wait(anna.chat, answer)
    anna.tap(edited, "Registration closes")
    scene.shows(edited, "Until when can people register?")
    assert labels(edited) == [
        *("when the event ends", "When it begins", "1 hour before it begins", "1 day before it begins", "‹ Back"),
    ]
    anna.say(None, "today 17:00")
    scene.wait(anna.chat, "Registration must close after it opens.")
    assert read(scene, anna, event)["registration_closes_at"] is None, "before it opens"
    anna.say(None, "tomorrow 12:00")
    edited = scene.wait(anna.chat, "✅ Registration closes: Sat, 2 January 2027, 12:00")
    now = read(scene, anna, event)
    window = (now["registration_opens_at"], now["registration_closes_at"])
    assert window == ("2027-01-01T17:00:00Z", "2027-01-02T11:00:00Z")
    anna.tap(edited, "Back")
    assert "🕒 Registration opens Fri, 1 January 2027, 18:00." in scene.shows(edited, "⚙️ Tea\n\nSat, 2")
    assert anna.tap(edited, "Open registration")["text"] == "Registration is open."
    scene.shows(edited, "Registration is open until Sat, 2 January 2027, 12:00.")
    assert "🔒 Close registration" in labels(edited)
    register(scene, event, bob)


def test_registration_closes_before_the_start_by_a_button(scene: Scene) -> None:
    anna = scene.person("Анна", "ru", started=True)
    event = make(scene, anna, title="Чай", start_time="2027-01-01T17:00:00Z")
    menu = edit(scene, anna, event, "Конец записи", "До какого времени")
    assert labels(menu) == ["до конца мероприятия", "С началом мероприятия", "За 1 час до начала", "‹ Назад"]
    assert anna.tap(menu, "За 1 час")["text"] == "✅ Конец записи: пт, 1 января 2027, 17:00"
    assert read(scene, anna, event)["registration_closes_at"] == "2027-01-01T16:00:00Z"
    scene.shows(menu, "Конец записи: пт, 1 января 2027, 17:00")
    anna.tap(menu, "Конец записи")
    scene.shows(menu, "Сейчас: пт, 1 января 2027, 17:00")
    anna.tap(menu, "до конца")
    scene.shows(menu, "Конец записи: до конца мероприятия")
    assert read(scene, anna, event)["registration_closes_at"] is None


@pytest.mark.parametrize("answer", ["button", "city", "place"])
def test_an_event_keeps_its_time_of_day_in_another_zone(scene: Scene, anna: Any, answer: str) -> None:
    event = make(scene, anna)
    menu = edit(scene, anna, event, "Time zone", "Now: Europe/Berlin")
    if answer == "button":
        anna.tap(menu, "Moscow")
        scene.shows(menu, "Is that right?")
    elif answer == "city":
        anna.say(None, "Atlantis")
        scene.wait(anna.chat, "I do not know this time zone.")
        anna.say(None, "Москва")
        menu = scene.wait(anna.chat, "Is that right?")
    else:
        anna.share_location(59.93, 30.31)
        menu = scene.wait(anna.chat, "Is that right?")
    assert "New time: Sat, 2 January 2027, 18:00 – 20:00 (Europe/Moscow)." in menu.text
    assert read(scene, anna, event)["timezone"] == "Europe/Berlin"
    assert anna.tap(menu, "Yes")["text"] == "The event has moved."
    scene.shows(menu, "18:00 – 20:00 (Europe/Moscow)", "Registration is open.")
    now = read(scene, anna, event)
    assert (now["timezone"], now["start_time"], now["end_time"]) == (
        *("Europe/Moscow", "2027-01-02T15:00:00Z", "2027-01-02T17:00:00Z"),
    )


@pytest.mark.parametrize("eventorg_settings", ["telegram_bot,placements,reminders"], indirect=True)
def test_the_menu_has_no_buttons_for_plugins_that_are_not_there(scene: Scene, anna: Any) -> None:
    menu = menu_of(scene, anna, make(scene, anna))
    assert labels(menu) == [
        *("✏️ Edit", "👥 People", "📤 Share and invite", "☑️ Check in", "🔒 Close registration"),
        *("📄 List as a file", "⏰ Postpone", "📋 Copy", "❌ Cancel the event"),
    ]
