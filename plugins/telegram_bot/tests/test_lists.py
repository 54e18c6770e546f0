"""Lists of events, and calendar files."""

from typing import Any

import pytest

from .scene import Scene, code_of, labels


@pytest.fixture
def anna(scene: Scene) -> Any:
    """A host who has set the zone."""
    anna = scene.person("Anna", started=True)
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    return anna


def create(scene: Scene, host: Any, title: str, day: int = 2, **more: Any) -> str:
    """Returns the code of a new event."""
    times = {"start_time": f"2027-01-{day:02}T17:00:00Z", "end_time": f"2027-01-{day:02}T19:00:00Z"}
    response = scene.acting(host).post("/events", json={"title": title, "timezone": "Europe/Berlin"} | times | more)
    assert response.status_code == 201, response.text
    return str(response.json()["code"])


def test_my_events_with_roles_and_cards_behind_the_buttons(scene: Scene, anna: Any) -> None:
    boris = scene.person("Борис", "ru", started=True)
    create(scene, anna, "Tea", visibility="unlisted", capacity=1)
    going = create(scene, boris, "Cake", 3, visibility="unlisted")
    scene.acting(anna).put(f"/events/{going}/rsvp", json={"answer": "going"}).raise_for_status()
    anna.say(None, "/my")
    found = scene.wait(anna.chat, "Your events")
    assert found.text == (
        "Your events\n\n1. Tea\nSat, 2 January, 18:00 · you host it\n2. Cake\nSun, 3 January, 18:00 · you are going"
    )
    assert labels(found) == ["1. Tea", "2. Cake", "📤 Share in a chat"]
    anna.tap(found, "Tea")
    scene.wait(anna.chat, "Registration is open.")
    anna.tap(found, "Cake")
    assert scene.card(anna.chat, "Cake").text.startswith("Cake\n\nSun, 3 January 2027, 18:00")
    vera = scene.person("Вера", "ru", started=True)
    vera.say(None, "/my")
    scene.wait(vera.chat, "Ближайших мероприятий у вас нет")


def test_my_events_with_those_answered_with_maybe(scene: Scene, anna: Any) -> None:
    boris = scene.person("Борис", "ru", started=True)
    codes = [create(scene, boris, title, 3, visibility="unlisted") for title in ("Cake", "Juice", "Beer", "Gone")]
    own = create(scene, anna, "Tea", visibility="private")
    for code in (*codes, own):
        scene.acting(anna).put(f"/events/{code}/rsvp", json={"answer": "maybe"}).raise_for_status()
    anna.start(codes[1])
    anna.tap(scene.card(anna.chat, "Juice"), "Going")
    scene.acting(anna).delete(f"/events/{codes[2]}/rsvp").raise_for_status()
    scene.acting(boris).delete(f"/events/{codes[3]}").raise_for_status()
    anna.say(None, "/my")
    text = scene.wait(anna.chat, "Your events").text
    assert "1. Tea\nSat, 2 January, 18:00 · you host it, maybe" in text
    assert "Cake\nSun, 3 January, 18:00 · maybe" in text
    assert "Juice\nSun, 3 January, 18:00 · you are going" in text
    assert "4. " not in text
    kept = scene.acting(anna).get("/users/me/export").json()["plugins"]["telegram_bot"]
    [maybe] = [each["values"] for each in kept if each["kind"] == "maybe"]
    assert len(maybe["events"]) == 2, "the deleted event is forgotten"
    scene.acting(boris).post(f"/events/{codes[0]}/cancel").raise_for_status()
    scene.server.clock.advance(days=1, hours=13)
    boris.start(codes[1])
    boris.tap(scene.card(boris.chat, "Juice"), "Может быть")
    boris.say(None, "/my")
    assert "вы организатор, может быть" in scene.wait(boris.chat, "Ваши мероприятия").text
    anna.say(None, "/my")
    last = anna.chat.wait_for(lambda message: message.text.startswith("Your events") and "Tea" not in message.text)
    assert "Cake" not in last.text


def test_an_account_that_is_linked_keeps_what_was_answered_with_maybe(scene: Scene, anna: Any) -> None:
    boris = scene.person("Boris", started=True)
    codes = [create(scene, boris, title, visibility="unlisted") for title in ("Cake", "Juice")]
    owner = scene.server.sign_up(first_name="Anna")
    owner.put(f"/events/{codes[0]}/rsvp", json={"answer": "maybe"}).raise_for_status()
    scene.acting(anna).put(f"/events/{codes[1]}/rsvp", json={"answer": "maybe"}).raise_for_status()
    anna.say(None, "/my")
    assert "Juice" in scene.wait(anna.chat, "Your events").text
    anna.say(None, f"/link {owner.post('/users/me/link-codes').json()['code']}")
    scene.wait(anna.chat, "belongs to")
    anna.say(None, "/my")
    found = anna.chat.wait_for(lambda message: message.text.startswith("Your events") and "Cake" in message.text)
    assert "Juice" in found.text
    assert found.text.count("· maybe") == 2


def test_only_the_newest_private_card_of_an_event_is_live(scene: Scene, anna: Any) -> None:
    code = create(scene, anna, "Tea", visibility="unlisted")
    messages: list[str] = []
    for _ in range(2):
        seen = len([each for each in anna.chat.shown if "⚙️ Tea" in each.text])
        anna.start(code)
        scene.telegram.wait_until(
            lambda seen=seen: len([each for each in anna.chat._inner.shown if "⚙️ Tea" in each.text]) > seen, timeout=15
        )
        messages.append(str(scene.card(anna.chat, "Tea").message_id))
    assert messages[0] != messages[1]
    kept = scene.acting(anna).get("/users/me/export").json()["plugins"]["placements"]
    assert len(kept) == 1
    scene.acting(anna).patch(f"/events/{code}", json={"title": "Cake"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    assert str(scene.card(anna.chat, "Cake").message_id) == messages[1]


def test_many_events_are_on_pages(scene: Scene, anna: Any) -> None:
    for number in range(1, 11):
        create(scene, anna, f"Event {number}", 1 + number)
    anna.say(None, "/my")
    found = scene.wait(anna.chat, "Your events")
    assert labels(found)[-3:] == ["8. Event 8", "More ›", "📤 Share in a chat"]
    anna.tap(found, "More")
    assert "9. Event 9" in scene.shows(found, "10. Event 10")
    assert labels(found) == ["9. Event 9", "10. Event 10", "‹ Back", "📤 Share in a chat"]
    anna.tap(found, "Back")
    scene.shows(found, "1. Event 1\n")


def test_private_lists_are_not_for_groups(scene: Scene, anna: Any) -> None:
    create(scene, anna, "Secret tea")
    group = scene.group(anna)
    anna.say(group, "/my")
    answer = scene.wait(group, "Ask me that in private")
    assert answer.buttons[0]["url"] == "https://t.me/eventorg_bot"


def test_events_of_a_group_and_public_ones(scene: Scene, anna: Any) -> None:
    group, other = scene.group(anna, zone="Europe/Berlin"), scene.group(anna)
    anna.say(other, "/events")
    scene.wait(other, "No event has a card in this chat.")
    anna.say(group, "/new Tea tomorrow 18:00")
    scene.card(group)
    create(scene, anna, "Cake")
    anna.say(group, "/events")
    found = scene.wait(group, "Events in this chat")
    assert found.text == "Events in this chat\n\n1. Tea\nSat, 2 January, 18:00"
    assert labels(found) == ["1. Tea"]
    anna.say(None, "/events")
    assert scene.wait(anna.chat, "Public events").text == "Public events\n\n1. Cake\nSat, 2 January, 18:00"


def test_a_private_event_opens_for_a_participant(scene: Scene, anna: Any) -> None:
    """Nobody has posted its card by the bot, so that the bot cannot place it."""
    boris = scene.person("Boris", started=True)
    code = create(scene, anna, "Secret tea", visibility="private")
    invitation = scene.acting(anna).post(f"/events/{code}/invitations").json()["code"]
    scene.acting(boris).post(f"/invitations/{invitation}/accept").raise_for_status()
    boris.say(None, "/my")
    boris.tap(scene.wait(boris.chat, "Your events"), "Secret tea")
    assert scene.card(boris.chat).text.startswith("Secret tea")
    assert not any("Something" in each.text or "not found" in each.text for each in boris.chat.shown)


def test_an_event_as_a_calendar_file(scene: Scene, anna: Any) -> None:
    code = create(scene, anna, "Чай / tea?", visibility="private")
    anna.say(None, "/calendar")
    question = scene.wait(anna.chat, "calendar file?")
    anna.tap(question, "Чай")
    sent = anna.chat.wait_for(lambda message: message.media)
    document = sent.media["document"]
    assert (document["file_name"], document["mime_type"]) == ("Чай_tea.ics", "text/calendar")
    content = scene.telegram.files[document["file_id"]].content.decode()
    assert content.startswith("BEGIN:VCALENDAR\r\n")
    assert "SUMMARY:Чай / tea?\r\n" in content
    anna.say(None, f"/calendar {code}")
    scene.telegram.wait_until(lambda: len([each for each in anna.chat._inner.shown if each.media]) == 2)


@pytest.mark.parametrize("address", ["", "https://events.example.com"])
def test_the_feed_comes_after_a_warning(scene: Scene, anna: Any, address: str) -> None:
    anna.say(None, "/calendar")
    anna.tap(scene.wait(anna.chat, "no events coming up"), "Feed")
    warning = scene.wait(anna.chat, "it stops working")
    anna.tap(warning, "Get the address")
    scene.shows(warning, f"{address}/calendar/" if address else "EVENTORG_PUBLIC_URL")


@pytest.fixture
def eventorg_settings(eventorg_settings: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    """The server's settings, with the public address of a test."""
    call = getattr(request.node, "callspec", None)
    address = call.params.get("address") if call else None
    return eventorg_settings | ({"EVENTORG_PUBLIC_URL": address} if address else {})


def test_codes_in_lists_are_events(scene: Scene, anna: Any) -> None:
    code = create(scene, anna, "Tea")
    anna.say(None, "/my")
    assert code_of(scene.wait(anna.chat, "Your events")) == code
