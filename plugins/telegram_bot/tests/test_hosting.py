"""The host menu: what hosts do with their events, in both languages, and that nobody else can."""

from typing import Any

import pytest

from .scene import Scene, code_of, labels, marked


@pytest.fixture
def anna(scene: Scene) -> Any:
    """A host who has set the zone."""
    anna = scene.person("Anna", started=True)
    scene.acting(anna).patch("/users/me", json={"timezone": "Europe/Berlin"})
    anna.say(None, "/timezone Europe/Berlin")
    scene.wait(anna.chat, "Europe/Berlin")
    return anna


def make(scene: Scene, host: Any, **fields: Any) -> dict[str, Any]:
    """Returns a new event, made by the API."""
    body = {
        "title": "Tea",
        "start_time": "2027-01-02T18:00:00+01:00",
        "end_time": "2027-01-02T20:00:00+01:00",
        "timezone": "Europe/Berlin",
        "visibility": "unlisted",
        "max_guests": 5,
    }
    response = scene.acting(host).post("/events", json=body | fields)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def menu_of(scene: Scene, host: Any, event: dict[str, Any]) -> Any:
    """Returns the host menu of an event."""
    host.start(event["code"])
    return scene.wait(host.chat, f"⚙️ {event['title']}")


def read(scene: Scene, person: Any, event: dict[str, Any], path: str = "") -> Any:
    return scene.acting(person).get(f"/events/{event['id']}{path}").json()


def register(scene: Scene, event: dict[str, Any], *people: Any) -> list[str]:
    """Registers people, and returns the IDs of their users."""
    made = []
    for person in people:
        response = scene.acting(person).post(f"/events/{event['code']}/register")
        assert response.status_code == 201, response.text
        made.append(response.json()["user_id"])
    return made


def test_a_host_gets_the_menu_and_guests_do_not(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    event = make(scene, anna, location="Bar 42", capacity=8)
    menu = menu_of(scene, anna, event)
    assert menu.text == (
        "⚙️ Tea\n\nSat, 2 January 2027, 18:00 – 20:00 (Europe/Berlin)\nBar 42\n\n0 of 8 going\nRegistration is open."
    )
    assert marked(menu, "bold") == ["Tea"]
    assert labels(menu) == [
        *(
            "✏️ Edit",
            "👥 People",
            "📤 Share and invite",
            "❓ Questions",
            "☑️ Check in",
            "📣 Message everybody",
            "🔒 Close registration",
            "📄 List as a file",
        ),
        *("⏰ Postpone", "📋 Copy", "🔁 Repeat", "❌ Cancel the event"),
    ]
    bob.start(event["code"])
    scene.card(bob.chat)
    refused = bob.tap(menu, "Close registration")
    assert refused == {"text": "Only the hosts of this event can do this.", "show_alert": True, "url": None}
    assert read(scene, anna, event)["registration_closes_at"] is None
    assert not [each for each in bob.chat.shown if "⚙️" in each.text]


def test_the_menu_in_russian(scene: Scene) -> None:
    anna = scene.person("Анна", "ru", started=True)
    menu = menu_of(scene, anna, make(scene, anna, title="Чай", capacity=8))
    assert menu.text == ("⚙️ Чай\n\nсб, 2 января 2027, 18:00 – 20:00 (Europe/Berlin)\n\nидут: 0 из 8\nЗапись открыта.")
    anna.tap(menu, "Изменить")
    assert "Имена: все" in scene.shows(menu, "Название: Чай")
    anna.tap(menu, "Имена")
    scene.shows(menu, "Кто видит имена")
    assert anna.tap(menu, "организаторы")["text"] == "✅ Имена: организаторы"


def test_fields_are_edited_by_messages_and_buttons(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Edit")
    assert scene.shows(menu, "Title: Tea").split("\n\n")[1].split("\n") == [
        "Time: Sat, 2 January 2027, 18:00 – 20:00 (Europe/Berlin)",
        *("Title: Tea", "Place: no place", "Description: no description", "Seats: no limit", "Guests per person: 5"),
        *("Waiting list: yes", "Approval: no", "Names: everyone", "Access: whoever has the link"),
        *("Registration opens: at once", "Registration closes: when the event ends"),
    ]
    anna.tap(menu, "Title")
    scene.shows(menu, "Send the new title.")
    anna.say(None, "Tea & <cake>")
    edited = scene.wait(anna.chat, "✅ Title: Tea & <cake>")
    anna.tap(edited, "Seats")
    scene.shows(edited, "Send a number.")
    anna.say(None, "many")
    scene.wait(anna.chat, "That is not a number that I can read.")
    anna.say(None, "12 seats")
    edited = scene.wait(anna.chat, "✅ Seats: 12")
    anna.tap(edited, "Guests")
    scene.shows(edited, "How many guests")
    anna.say(None, "50")
    scene.wait(anna.chat, "20")
    anna.tap(edited, "3")
    scene.shows(edited, "Guests per person: 3")
    anna.say(None, "This is no answer.")
    now = read(scene, anna, event)
    assert (now["title"], now["capacity"], now["max_guests"]) == ("Tea & <cake>", 12, 3)


def test_a_new_time_is_shown_back_before_it_counts(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Edit")
    scene.shows(menu, "Title: Tea")
    anna.tap(menu, "Time")
    scene.shows(menu, "When is it?")
    anna.say(None, "whenever")
    scene.wait(anna.chat, "I do not see a time in that.")
    anna.say(None, "вчера 10:00")
    scene.wait(anna.chat, "That time is over.")
    anna.say(None, "31 Nov 10:00")
    scene.wait(anna.chat, "This date does not exist.")
    anna.say(None, "20:30")
    question = scene.wait(anna.chat, "New time: Sat, 2 January 2027, 20:30 – 22:30 (Europe/Berlin).")
    assert read(scene, anna, event)["start_time"] == "2027-01-02T17:00:00Z"
    assert anna.tap(question, "Yes")["text"] == "The event has moved."
    scene.shows(question, "20:30 – 22:30 (Europe/Berlin)", "Registration is open")
    now = read(scene, anna, event)
    assert (now["start_time"], now["end_time"]) == ("2027-01-02T19:30:00Z", "2027-01-02T21:30:00Z")


def test_registration_is_closed_and_opened(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    assert anna.tap(menu, "Close registration")["text"] == "Registration is closed."
    scene.shows(menu, "🔒 Registration is closed.")
    assert scene.acting(bob).post(f"/events/{event['code']}/register").json()["code"] == "registration_closed"
    assert anna.tap(menu, "Open registration")["text"] == "Registration is open."
    scene.shows(menu, "Registration is open.")
    register(scene, event, bob)


def test_people_are_approved_and_declined(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera", started=True)
    event = make(scene, anna, approval_required=True)
    register(scene, event, bob, vera)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Approve (2)")
    scene.shows(menu, "Who can come?")
    assert labels(menu) == ["✅ Bob", "✖️", "✅ Vera", "✖️", "‹ Back"]
    assert anna.tap(menu, "Bob")["text"] == "Approved."
    scene.telegram.wait_until(lambda: len(menu._inner.buttons) == 3)
    assert anna.tap(menu, "✖️")["text"] == "Declined."
    scene.shows(menu, "There is nobody here.")
    now = read(scene, anna, event)
    assert (now["registered_count"], now["pending_count"]) == (1, 0)


def test_people_are_added_by_name_by_contact_and_by_their_message(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera")
    event = make(scene, anna, capacity=5)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "People")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Add somebody")
    scene.shows(menu, "Whom do I add?")
    anna.say(None, "Ivan Petrov +1")
    scene.wait(anna.chat, "✅ Ivan Petrov is going.")
    anna.share_contact(vera)
    scene.wait(anna.chat, "✅ Vera is going.")
    anna.forward(bob.say(None, "I come, too"))
    scene.wait(anna.chat, "✅ Bob is going.")
    anna.say(None, "Olga +3")
    scene.wait(anna.chat, "⏳ All seats are taken. Olga is on the waiting list.")
    people = read(scene, anna, event, "/participants?expand=user")["participants"]
    shown = [(each["user"]["first_name"], each["user"]["last_name"], each["guests"]) for each in people]
    assert shown == [("Ivan", "Petrov", 1), ("Vera", None, 0), ("Bob", None, 0), ("Olga", None, 3)]
    mine = {each["id"] for each in scene.acting(vera).get("/users/me/events").json()["participated_events"]}
    assert mine == {event["id"]}
    anna.say(None, "/cancel")
    scene.wait(anna.chat, "I have stopped asking.")
    anna.say(None, "Nobody")
    anna.say(None, "/cancel")
    scene.wait(anna.chat, "There is nothing to cancel.")
    assert len(read(scene, anna, event, "/participants")["participants"]) == 4


def test_somebody_is_removed_and_blocked_after_a_question(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera", started=True)
    event = make(scene, anna)
    register(scene, event, bob, vera)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "People")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Remove somebody")
    scene.shows(menu, "Whom do you want to remove?")
    anna.tap(menu, "Bob")
    scene.shows(menu, "Remove Bob?")
    assert read(scene, anna, event)["registered_count"] == 2
    assert anna.tap(menu, "Remove and block")["text"] == "Removed and blocked."
    scene.telegram.wait_until(lambda: [each["text"] for each in menu._inner.buttons] == ["Vera", "‹ Back"])
    assert scene.acting(bob).post(f"/events/{event['code']}/register").json()["code"] == "blocked"


def test_somebody_is_let_in_out_of_turn(scene: Scene, anna: Any) -> None:
    people = [scene.person(name, started=True) for name in ("Bob", "Vera", "Olga")]
    event = make(scene, anna, capacity=1)
    register(scene, event, *people)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "People")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Let in out of turn (2)")
    scene.shows(menu, "Who gets a seat out of turn?")
    assert labels(menu) == ["1. Vera", "2. Olga", "‹ Back"]
    anna.tap(menu, "Olga")
    scene.shows(menu, "All seats are taken.")
    assert anna.tap(menu, "Add seats and let in")["text"] == "The person has a seat."
    scene.shows(menu, "Who gets a seat out of turn?")
    now = read(scene, anna, event)
    assert (now["capacity"], now["registered_count"], now["waitlisted_count"]) == (2, 2, 1)


def test_people_are_checked_in_by_tapping_their_names_on_pages(scene: Scene, anna: Any) -> None:
    host = scene.acting(anna)
    event = make(scene, anna, start_time="2027-01-01T11:30:00Z")
    for number in range(1, 11):
        host.post(f"/events/{event['id']}/participants", json={"first_name": f"Guest{number}"}).raise_for_status()
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Check in")
    scene.shows(menu, "Checked in: 0.")
    assert labels(menu) == [*(f"▫️ Guest{number}" for number in range(1, 9)), "‹", "1/2", "›", "‹ Back"]
    anna.tap(menu, "›")
    scene.telegram.wait_until(lambda: "▫️ Guest10" in [each["text"] for each in menu._inner.buttons])
    assert anna.tap(menu, "Guest10")["text"] == "Checked in."
    scene.shows(menu, "Checked in: 1.")
    assert labels(menu) == ["▫️ Guest9", "☑️ Guest10", "‹", "2/2", "›", "‹ Back"]
    assert anna.tap(menu, "Guest10")["text"] == "Not checked in."
    scene.shows(menu, "Checked in: 0.")


def test_a_message_goes_to_everybody_after_it_was_shown(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera", started=True)
    event = make(scene, anna)
    register(scene, event, bob)
    scene.acting(vera).put(f"/events/{event['code']}/rsvp", json={"answer": "maybe"}).raise_for_status()
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Message everybody")
    scene.shows(menu, "Send me the message.")
    anna.say(None, "Bring cups.")
    preview = scene.wait(anna.chat, "This goes out in private:\n\nBring cups.")
    assert labels(preview)[:2] == ["📣 To everyone going or waiting (1)", "📣 Maybes too (2)"]
    assert anna.tap(preview, "Maybes")["text"] == "✅ The message is on its way."
    for person in (bob, vera):
        assert "Bring cups." in scene.wait(person.chat, "Bring cups.").text
    [sent] = read(scene, anna, event, "/broadcasts")["broadcasts"]
    assert sent["to"] == ["registered", "waitlisted", "maybe"]


def test_an_event_is_postponed_and_everybody_is_asked_again(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    event = make(scene, anna)
    register(scene, event, bob)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Postpone")
    scene.shows(menu, "To when?")
    anna.say(None, "next Friday 19:00")
    question = scene.wait(anna.chat, "Postpone to Fri, 8 January 2027, 19:00 – 21:00 (Europe/Berlin)?")
    anna.tap(question, "Yes")
    scene.shows(question, "I ask 1 person again.", "1 maybe")
    scene.server.clock.advance(seconds=15)
    news = scene.wait(bob.chat, "Fri, 8 January 2027")
    assert "✅ Going" in labels(news)
    assert not [each.text for each in bob.chat.shown if "removed" in each.text]


def test_an_event_is_cancelled_after_a_question_and_restored(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Cancel the event")
    scene.shows(menu, "Cancel the event?")
    assert read(scene, anna, event)["status"] == "published"
    assert anna.tap(menu, "Yes")["text"] == "❌ The event is cancelled."
    scene.shows(menu, "❌ The event is cancelled.")
    assert read(scene, anna, event)["status"] == "cancelled"
    assert labels(menu) == ["↩️ Take place after all", "📋 Copy", "📄 List as a file"]
    anna.tap(menu, "Take place after all")
    scene.shows(menu, "Registration is open.")


def test_an_event_is_copied_to_the_next_week(scene: Scene, anna: Any) -> None:
    event = make(scene, anna, capacity=3)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Copy")
    scene.shows(menu, "When does it take place again?")
    assert labels(menu) == ["🔁 Sat, 9 January 2027, 18:00", "‹ Back"]
    assert anna.tap(menu, "9 January")["text"] == "Here is the new event."
    card = scene.wait(anna.chat, "Tea\n\nSat, 9 January 2027, 18:00 – 20:00")
    copy = scene.acting(anna).get(f"/events/{code_of(card)}").json()
    assert (copy["title"], copy["capacity"], copy["role"]) == ("Tea", 3, "organizer")
    scene.wait(anna.chat, "⚙️ Tea\n\nSat, 9 January")


def test_the_list_is_sent_as_a_file(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True, username="bob_1")
    event = make(scene, anna, title="Tea: now?")
    questions = [("Which pizza?", "text"), ("Vegan?", "yes_no")]
    body = [{"label": label, "kind": kind, "required": False} for label, kind in questions]
    asked = scene.acting(anna).put(f"/events/{event['id']}/questions", json=body).json()["questions"]
    answers = dict(zip((each["id"] for each in asked), ("=1+1", True), strict=True))
    scene.acting(bob).put(f"/events/{event['id']}/answers", json={"answers": answers}).raise_for_status()
    party = {"guests": 1, "guest_names": ["=Ann"]}
    scene.acting(bob).post(f"/events/{event['code']}/register", json=party).raise_for_status()
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "List as a file")
    scene.telegram.wait_until(lambda: any(each.media for each in anna.chat._inner.shown))
    [file] = [each.document for each in anna.chat.shown if each.media]
    assert (file["file_name"], file["mime_type"]) == ("Tea now.csv", "text/csv")
    content = scene.telegram.files[file["file_id"]].content.decode("utf-8-sig").splitlines()
    assert content == [
        "first_name,last_name,username,status,guests,guest_names,registered_at,Which pizza?,Vegan?",
        "Bob,,bob_1,registered,1,'=Ann,2027-01-01T12:00:00Z,'=1+1,yes",
    ]


def test_hosts_find_the_menu_in_the_list_of_their_events(scene: Scene, anna: Any) -> None:
    make(scene, anna)
    anna.say(None, "/my")
    anna.tap(anna.chat.wait_for(lambda message: any("Tea" in each["text"] for each in message.buttons)), "Tea")
    scene.wait(anna.chat, "⚙️ Tea")
