"""The rest of the host menu: questions, invitations, co-hosts, and who has not answered."""

from typing import Any

from .scene import Scene, labels, marked
from .test_hosting import anna, make, menu_of, read, register

__all__ = ["anna"]


def start_of(text: str, mark: str) -> str:
    """Returns the parameter of the deep link in a text that begins with a mark."""
    link = next(word for word in text.split() if f"?start={mark}" in word)
    return str(link.partition("?start=")[2])


def test_a_question_is_added_changed_and_removed(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Questions")
    scene.shows(menu, "I ask nothing yet")
    anna.tap(menu, "Add a question")
    scene.shows(menu, "What do people answer?")
    anna.say(None, "a text")
    scene.wait(anna.chat, "Please use the buttons under the question.")
    anna.tap(menu, "one of several")
    scene.shows(menu, "each on a line of its own")
    anna.say(None, "Which pizza?")
    scene.wait(anna.chat, "I need at least two answers")
    anna.say(None, "Which pizza?\nMargherita\nFunghi")
    menu = scene.wait(anna.chat, "✅ I ask this from now on.")
    assert labels(menu) == ["❗ Which pizza?", "➕ Add a question", "‹ Back"]
    [question] = read(scene, anna, event, "/questions")["questions"]
    expected = {"label": "Which pizza?", "kind": "choice", "options": ["Margherita", "Funghi"], "required": True}
    assert {name: question[name] for name in expected} == expected
    anna.tap(menu, "Which pizza?")
    scene.shows(menu, "(one of several answers)\n• Margherita\n• Funghi")
    anna.tap(menu, "Can be skipped")
    scene.telegram.wait_until(lambda: "❗ Must be answered" in [each["text"] for each in menu._inner.buttons])
    [changed] = read(scene, anna, event, "/questions")["questions"]
    assert changed == question | {"required": False}
    assert anna.tap(menu, "Remove")["text"] == "I do not ask this any more."
    scene.shows(menu, "I ask nothing yet")
    assert read(scene, anna, event, "/questions")["questions"] == []


def test_an_invitation_is_made_and_ended(scene: Scene, anna: Any) -> None:
    event = make(scene, anna, visibility="private")
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Share")
    scene.shows(menu, f"https://t.me/eventorg_bot?start={event['code']}")
    group = next(each["url"] for each in menu.buttons if "group" in each["text"])
    assert group == f"https://t.me/eventorg_bot?startgroup={event['code']}"
    anna.tap(menu, "For one person")
    code = start_of(scene.shows(menu, "Invitation for one person"), "i_").removeprefix("i_")
    assert scene.server.client.get(f"/invitations/{code}").json()["id"] == event["id"]
    [invitation] = read(scene, anna, event, "/invitations")["invitations"]
    assert (invitation["code"], invitation["max_uses"]) == (code, 1)
    anna.tap(menu, "Invitations")
    scene.shows(menu, "used: 0/1")
    assert anna.tap(menu, "✖️ 1")["text"] == "The invitation has ended."
    scene.shows(menu, "There are no invitations yet.")
    assert scene.server.client.get(f"/invitations/{code}").status_code == 404


def test_a_link_makes_one_person_a_co_host(scene: Scene, anna: Any) -> None:
    bob, vera = scene.person("Bob", started=True), scene.person("Vera", started=True)
    event = make(scene, anna, visibility="private")
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Share")
    scene.shows(menu, "Everybody with this link")
    anna.tap(menu, "Invite a co-host")
    parameter = start_of(scene.shows(menu, "becomes a co-host"), "h_")
    bob.start(parameter)
    scene.wait(bob.chat, "🤝 You are a co-host of “Tea” now.")
    menu = scene.wait(bob.chat, "⚙️ Tea")
    assert bob.tap(menu, "Close registration")["text"] == "Registration is closed."
    vera.start(parameter)
    scene.wait(vera.chat, "This link has been used or has ended.")
    hosts = read(scene, anna, event, "/hosts?expand=user")["hosts"]
    assert [each["user"]["first_name"] for each in hosts] == ["Anna", "Bob"], "also the inviter keeps her name"
    bob.tap(menu, "Share")
    scene.shows(menu, "Everybody with this link")
    assert "🤝 Invite a co-host" not in labels(menu), "the organizer alone can do that"


def test_a_link_for_a_co_host_ends(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    event = make(scene, anna, start_time="2027-02-02T18:00:00Z", end_time="2027-02-02T20:00:00Z")
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Share")
    scene.shows(menu, "Everybody with this link")
    anna.tap(menu, "Invite a co-host")
    parameter = start_of(scene.shows(menu, "becomes a co-host"), "h_")
    scene.server.clock.advance(days=7)
    bob.start(parameter)
    scene.wait(bob.chat, "This link has been used or has ended.")
    assert len(read(scene, anna, event, "/hosts")["hosts"]) == 1


def test_who_came_last_time_and_has_not_answered(scene: Scene, anna: Any) -> None:
    bob, vera, olga = (scene.person(name, started=True) for name in ("Bob", "Vera", "Olga"))
    event = make(scene, anna)
    register(scene, event, bob, vera, olga)
    scene.acting(olga).delete(f"/events/{event['id']}/register").raise_for_status()
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "People")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Who has not answered")
    scene.shows(menu, "There was no event before this one.")
    anna.tap(menu, "Back")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Back")
    scene.shows(menu, "Registration is open.")
    anna.tap(menu, "Copy")
    scene.shows(menu, "When does it take place again?")
    anna.tap(menu, "9 January")
    menu = scene.wait(anna.chat, "⚙️ Tea\n\nSat, 9 January")
    copy = next(
        each["code"]
        for each in scene.acting(anna).get("/users/me/events").json()["organized_events"]
        if each["id"] != event["id"]
    )
    scene.acting(vera).put(f"/events/{copy}/rsvp", json={"answer": "declined"}).raise_for_status()
    anna.tap(menu, "People")
    scene.shows(menu, "with people?")
    anna.tap(menu, "Who has not answered")
    scene.shows(menu, "1 person came last time and has not answered:\n\n• Bob")
    assert marked(menu, "text_mention") == ["Bob"]


def test_an_event_becomes_a_series_and_ends_as_one(scene: Scene, anna: Any) -> None:
    bob = scene.person("Bob", started=True)
    event = make(scene, anna)
    register(scene, event, bob)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Repeat")
    scene.shows(menu, "How often does the event repeat?")
    anna.tap(menu, "Every week")
    scene.shows(menu, "Create 12 more events until 27 March 2027?")
    anna.say(None, "yes")
    scene.wait(anna.chat, "use the buttons")
    anna.tap(menu, "No")
    scene.shows(menu, "How often does the event repeat?")
    assert read(scene, anna, event, "/series")["code"] == "series_not_found"
    anna.tap(menu, "Every week")
    scene.shows(menu, "Create 12 more events")
    assert anna.tap(menu, "Yes")["text"] == "The event repeats."
    scene.shows(menu, "• Sat, 9 January 2027, 18:00")
    series = read(scene, anna, event, "/series")
    assert series["rrule"] == "FREQ=WEEKLY"
    path = f"/series/{series['id']}/events"
    second = scene.server.wait_for(lambda: scene.acting(anna).get(path).json()["events"][1:2])[0]
    anna.start(second["code"])
    later = scene.wait(anna.chat, "⚙️ Tea\n\nSat, 9 January")
    anna.tap(later, "People")
    scene.shows(later, "with people?")
    anna.tap(later, "Who has not answered")
    scene.shows(later, "1 person came last time and has not answered:\n\n• Bob")
    assert len(scene.server.wait_for(lambda: scene.acting(anna).get(f"{path}?limit=50").json()["events"][12:])) == 1
    anna.tap(menu, "Stop repeating")
    scene.shows(menu, "Cancel those to come too?")
    assert anna.tap(menu, "cancel those to come")["text"] == "No more events are made. Those to come are cancelled."
    scene.shows(menu, "The event is cancelled.")
    assert read(scene, anna, event, "/series").get("ended_at")
    assert read(scene, anna, second)["status"] == "cancelled"


def test_a_series_ends_and_its_events_stay(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    made = scene.acting(anna).post("/series", json={"event_id": event["id"], "rrule": "FREQ=MONTHLY"})
    assert made.status_code == 201
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Repeat")
    scene.shows(menu, "The next times:")
    anna.tap(menu, "Stop repeating")
    scene.shows(menu, "Cancel those to come too?")
    assert anna.tap(menu, "keep those to come")["text"] == "No more events are made. Those that exist stay."
    assert read(scene, anna, event, "/series")["ended_at"]
    assert read(scene, anna, event)["status"] == "published"


def test_a_message_at_a_confirmation_is_another_time(scene: Scene, anna: Any) -> None:
    event = make(scene, anna)
    menu = menu_of(scene, anna, event)
    anna.tap(menu, "Postpone")
    scene.shows(menu, "To when?")
    anna.say(None, "Sun 19:00")
    scene.wait(anna.chat, "Postpone to Sun, 3 January 2027, 19:00")
    anna.say(None, "Mon 20:00")
    question = scene.wait(anna.chat, "Postpone to Mon, 4 January 2027, 20:00")
    anna.tap(question, "Yes")
    scene.shows(question, "The event has moved.")
    assert read(scene, anna, event)["start_time"] == "2027-01-04T19:00:00Z"
