"""Names with HTML, titles of emoji, and a clock hour that comes twice."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ..dates import day_and_time, span
from .scene import Scene, code_of, labels, marked

NOW = datetime(2027, 10, 1, tzinfo=UTC)


@pytest.fixture
def anna(scene: Scene) -> Any:
    """A host who has set the zone."""
    anna = scene.person("<b>Anna</b> & Co", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    return anna


def test_html_in_names_is_text(scene: Scene, anna: Any) -> None:
    boris = scene.person("<a href='x'>Б&amp;рис", "ru", last_name="</code>", started=True)
    group = scene.group(anna, boris)
    anna.say(group, "/new <i>Tea</i> & cake tomorrow 18:00")
    card = scene.card(group)
    for person in (anna, boris):
        person.tap(card, "Going")
    text = scene.shows(card, "1. <b>Anna</b> & Co", "2. <a href='x'>Б&amp;рис")
    assert text.startswith("<i>Tea</i> & cake\n")
    assert marked(card, "bold") == ["<i>Tea</i> & cake"]
    assert marked(card, "text_mention")[0] == "<b>Anna</b> & Co"
    anna.say(None, "/start")
    scene.wait(anna.chat, "Hello, <b>Anna</b> & Co!")
    anna.say(None, "/my")
    assert "1. <i>Tea</i> & cake\n" in scene.wait(anna.chat, "Your events").text
    assert [each["title"] for each in anna.inline("tea")["results"]] == ["<i>Tea</i> & cake"]
    assert scene.health == "ok"


def test_a_title_of_200_emoji(scene: Scene, anna: Any) -> None:
    title = "🎉" * 200
    group = scene.group(anna)
    anna.say(group, f"/new {title} tomorrow 18:00")
    card = scene.card(group)
    assert card.text.split("\n")[0] == title
    assert marked(card, "bold") == [title]
    assert anna.tap(card, "Going")["text"] == "You are going."
    scene.shows(card, "1. <b>Anna</b>")
    anna.say(None, "/my")
    found = scene.wait(anna.chat, "Your events")
    assert labels(found)[0] == "1. " + "🎉" * 29 + "…"
    assert marked(found, "date_time") == ["Sat, 2 January, 18:00"]
    result = anna.inline("")["results"][0]
    assert anna.choose(result, scene.telegram.group("Elsewhere", anna)).text.startswith(title)
    anna.say(None, f"/calendar {code_of(card)}")
    assert anna.chat.wait_for(lambda message: message.media).media["document"]["file_name"].endswith(".ics")
    assert scene.health == "ok"


def test_an_hour_that_comes_twice_is_named_with_its_offset(scene: Scene, anna: Any) -> None:
    for title, hour in (("First", 0), ("Second", 1)):
        times = {"start_time": f"2027-10-31T0{hour}:30:00Z", "end_time": "2027-10-31T02:30:00Z"}
        event = {"title": title, "timezone": "Europe/Berlin", "visibility": "unlisted"} | times
        scene.acting(anna).post("/events", json=event).raise_for_status()
    anna.say(None, "/my")
    found = scene.wait(anna.chat, "Your events")
    assert marked(found, "date_time") == [
        "Sun, 31 October 2027, 02:30 (UTC+02:00)",
        "Sun, 31 October 2027, 02:30 (UTC+01:00)",
    ]
    moments = [each["unix_time"] for each in found.entities if each["type"] == "date_time"]
    assert moments[1] - moments[0] == 3600
    anna.tap(found, "Second")
    card = scene.card(anna.chat, "Second")
    assert [each["unix_time"] for each in card.entities if each["type"] == "date_time"] == [
        moments[1],
        moments[1] + 3600,
    ]


def test_times_in_words() -> None:
    moment = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert day_and_time(moment, "Europe/Berlin", "ru", NOW) == "вс, 31 октября, 02:30 (UTC+02:00)"
    assert day_and_time(moment, "Europe/Moscow", "en", NOW) == "Sun, 31 October, 03:30"
    event = {"start_time": "2027-10-31T00:30:00Z", "end_time": "2027-10-31T01:30:00Z", "timezone": "Europe/Berlin"}
    assert span(event, "en", NOW) == "Sun, 31 October, 02:30 (UTC+02:00) – 02:30 (UTC+01:00) (Europe/Berlin)"
    event["end_time"] = "2027-11-01T23:30:00Z"
    assert span(event, "en", NOW).endswith(" – Tue, 2 November, 00:30 (Europe/Berlin)")
