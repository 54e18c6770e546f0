"""`/new` without more: the dialog, in both languages, and after a restart."""

from pathlib import Path
from typing import Any

from msgspec import structs

from eventorg.testing import Server, running, running_fake
from eventorg.testing.telegram import Limits

from .scene import Scene, code_of, labels


def begin(scene: Scene, language: str = "en") -> Any:
    anna = scene.person("Anna", language, started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    anna.say(None, "/new")
    return anna


def event_of(scene: Scene, person: Any, title: str = "") -> dict[str, Any]:
    event: dict[str, Any] = scene.acting(person).get(f"/events/{code_of(scene.card(person.chat, title))}").json()
    return event


def test_everything_is_asked_and_shown_back(scene: Scene) -> None:
    anna = begin(scene)
    assert labels(scene.wait(anna.chat, "What is the event called?")) == ["✖️ Cancel"]
    anna.say(None, "Board games")
    scene.wait(anna.chat, "When does it begin?")
    anna.say(None, "soon")
    scene.wait(anna.chat, "I do not see a time in that.")
    anna.say(None, "tomorrow 18:30")
    question = scene.wait(anna.chat, "Is that the right time?")
    assert "🕒 Sat, 2 January 2027, 18:30 – 20:30 (Europe/Berlin)" in question.text
    anna.tap(question, "Yes")
    scene.shows(question, "How long does it take?")
    assert labels(question) == ["1 h", "1.5 h", "✓ 2 h", "3 h", "⏭ Skip", "‹ Back", "✖️ Cancel"]
    anna.say(None, "90 min")
    scene.wait(anna.chat, "Where is it?")
    anna.say(None, "Bar 42")
    scene.wait(anna.chat, "How many seats")
    anna.say(None, "8")
    question = scene.wait(anna.chat, "How many guests")
    anna.tap(question, "2")
    scene.shows(question, "can people wait for one?")
    anna.tap(question, "no")
    scene.shows(question, "Who can see the names")
    anna.tap(question, "participants")
    assert scene.shows(question, "Shall I create the event?") == (
        "📝 Board games\n🕒 Sat, 2 January 2027, 18:30 – 20:00 (Europe/Berlin)\nPlace: Bar 42\nSeats: 8\n"
        "Guests per person: 2\nWaiting list: no\nNames: participants\n\nShall I create the event?"
    )
    anna.tap(question, "Create")
    scene.shows(question, "✅ “Board games” is created.")
    event = event_of(scene, anna, "Board games")
    expected = {
        "title": "Board games",
        "start_time": "2027-01-02T17:30:00Z",
        "end_time": "2027-01-02T19:00:00Z",
        "timezone": "Europe/Berlin",
        "location": "Bar 42",
        "capacity": 8,
        "max_guests": 2,
        "waitlist": False,
        "participants_visibility": "participants",
        "visibility": "unlisted",
    }
    assert {name: event[name] for name in expected} == expected
    scene.wait(anna.chat, "⚙️ Board games")


def test_what_is_skipped_is_as_usual_in_russian(scene: Scene) -> None:
    anna = begin(scene, "ru")
    scene.wait(anna.chat, "Как называется мероприятие?")
    anna.say(None, "Чай")
    scene.wait(anna.chat, "Когда начало?")
    anna.say(None, "завтра в 7 вечера")
    question = scene.wait(anna.chat, "Время верное?")
    assert "🕒 сб, 2 января 2027, 19:00 – 21:00 (Europe/Berlin)" in question.text
    anna.tap(question, "Да")
    for words in ("Сколько продлится?", "Где?", "Сколько всего мест?", "Сколько гостей", "Кто видит имена"):
        scene.shows(question, words)
        anna.tap(question, "Пропустить")
    scene.shows(question, "Создать мероприятие?", "Мест: без ограничения", "Гостей с собой: 5", "Имена: все")
    anna.tap(question, "Создать")
    event = event_of(scene, anna)
    assert (event["capacity"], event["max_guests"], event["location"]) == (None, 5, None)
    assert event["end_time"] == "2027-01-02T20:00:00Z"


def test_back_and_cancel(scene: Scene) -> None:
    anna = begin(scene)
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "Tea")
    scene.wait(anna.chat, "When does it begin?")
    anna.say(None, "20:00")
    question = scene.wait(anna.chat, "Is that the right time?")
    anna.tap(question, "Back")
    scene.shows(question, "When does it begin?")
    anna.tap(question, "Back")
    scene.shows(question, "What is the event called?")
    anna.say(None, "Coffee")
    question = scene.wait(anna.chat, "📝 Coffee")
    anna.tap(question, "Cancel")
    scene.shows(question, "All right, no event.")
    assert scene.acting(anna).get("/users/me/events").json()["organized_events"] == []
    anna.say(None, "/new")
    scene.wait(anna.chat, "What is the event called?")
    anna.say(None, "/cancel")
    scene.wait(anna.chat, "I have stopped asking.")


def test_the_last_event_the_same_next_week(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    scene.acting(anna).post(
        "/events",
        json={
            "title": "Tea",
            "start_time": "2026-12-30T18:00:00+01:00",
            "end_time": "2026-12-30T20:00:00+01:00",
            "timezone": "Europe/Berlin",
            "capacity": 4,
        },
    ).raise_for_status()
    anna.say(None, "/new")
    question = scene.wait(anna.chat, "What is the event called?")
    assert labels(question)[0] == "🔁 Tea, Wed, 6 January 2027, 18:00"
    anna.tap(question, "Tea")
    event = event_of(scene, anna, "6 January")
    assert (event["title"], event["capacity"], event["start_time"]) == ("Tea", 4, "2027-01-06T17:00:00Z")


def test_the_dialog_survives_a_restart(eventorg: Server, tmp_path: Path) -> None:
    with running_fake(limits=Limits(enforced=False)) as telegram:
        others = eventorg.settings.others | {"telegram_bot_api_url": telegram.url}
        settings = structs.replace(eventorg.settings, database=str(tmp_path / "restarted.db"), others=others)
        with running(settings) as server:
            anna = begin(Scene(server, telegram))
            Scene(server, telegram).wait(anna.chat, "What is the event called?")
            anna.say(None, "Tea")
            Scene(server, telegram).wait(anna.chat, "When does it begin?")
        with running(settings) as server:
            scene = Scene(server, telegram)
            anna.say(None, "tomorrow 18:00")
            question = scene.wait(anna.chat, "📝 Tea\n🕒 Sat, 2 January 2027, 18:00")
            anna.tap(question, "Yes")
            scene.shows(question, "How long does it take?")
