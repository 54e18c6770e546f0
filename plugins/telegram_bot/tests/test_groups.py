"""Groups: migration to a supergroup, blocked and kicked bots, deleted messages, anonymous people."""

from typing import Any

from .scene import Scene, code_of, marked


def post(scene: Scene, host: Any, group: Any, event: str = "Tea tomorrow 18:00") -> Any:
    host.say(group, f"/new {event}")
    return scene.card(group, event.split(" ")[0])


def test_after_migration_the_old_card_is_edited_and_new_ones_go_to_the_supergroup(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna, zone="Europe/Berlin", supergroup=False)
    card = post(scene, anna, group)
    supergroup = group.migrate()
    assert anna.tap(card, "Going")["text"] == "You are going."
    scene.shows(card, "1. Anna")
    cake = post(scene, anna, supergroup, "Cake tomorrow 19:00")
    assert "(Europe/Berlin)" in cake.text, "the zone of the group is that of the supergroup"
    assert scene.health == "ok"


def test_a_send_to_the_old_group_follows(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna, zone="Europe/Berlin", supergroup=False)
    card = post(scene, anna, group)
    supergroup = group.migrate()
    say = {"message_id": 990, "from": anna.json(), "chat": group.json(), "date": 1, "text": f"/start {code_of(card)}"}
    say["entities"] = [{"type": "bot_command", "offset": 0, "length": 6}]
    scene.telegram.tell("message", say)
    scene.card(supergroup, "Tea")


def test_a_deleted_card_is_forgotten(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna, zone="Europe/Berlin")
    card = post(scene, anna, group)
    event = f"/events/{code_of(card)}"
    card.deleted = True
    scene.acting(anna).put(f"{event}/rsvp", json={"answer": "going"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    cards = scene.server.run("plugins")
    assert "telegram_bot: ok" in cards
    scene.server.wait_for(lambda: any(call.error for call in scene.telegram.calls("editMessageText")))
    edits = len(scene.telegram.calls("editMessageText"))
    scene.acting(anna).put(f"{event}/rsvp", json={"answer": "maybe"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    other = post(scene, anna, scene.group(anna, zone="Europe/Paris"), "Cake tomorrow 19:00")
    anna.tap(other, "Going")
    scene.shows(other, "1. Anna")
    failed = [call for call in scene.telegram.calls("editMessageText") if call.error]
    assert (len(failed), edits) == (1, edits)


def test_a_blocked_bot_stops_writing_and_goes_on_after_the_next_start(scene: Scene) -> None:
    anna, bob = scene.person("Anna", started=True), scene.person("Bob", started=True)
    card = post(scene, anna, scene.group(anna, bob, zone="Europe/Berlin"))
    bob.tap(card, "Going")
    bob.block()
    event = f"/events/{code_of(card)}"
    scene.acting(anna).post(f"{event}/broadcasts", json={"text": "Bring cups."}).raise_for_status()
    sent = scene.server.wait_for(lambda: _finished(scene, anna, event))
    assert (sent["sent"], sent["unreachable"]) == (0, 1)
    bob.start()
    bob.say(None, "/timezone Europe/Paris")
    scene.wait(bob.chat, "Europe/Paris")
    scene.acting(anna).post(f"{event}/broadcasts", json={"text": "And spoons."}).raise_for_status()
    assert scene.wait(bob.chat, "And spoons.").text == "📣 Tea\nAnna writes:\n\nAnd spoons."
    long = "x" * 4_000
    scene.acting(anna).patch(event, json={"title": "Tea " * 40}).raise_for_status()
    scene.acting(anna).post(f"{event}/broadcasts", json={"text": long}).raise_for_status()
    assert scene.wait(bob.chat, long).text.startswith("📣 Tea Tea")


def test_a_message_to_everybody_says_which_host_writes(scene: Scene) -> None:
    anna, cora = scene.person("Anna", started=True), scene.person("шет", "ru", username="cora", started=True)
    bob, vera = scene.person("Bob", started=True), scene.person("Вера", "ru", started=True)
    card = post(scene, anna, scene.group(anna, bob, vera, zone="Europe/Berlin"))
    for person, button in ((bob, "Going"), (vera, "Going")):
        person.tap(card, button)
    event = f"/events/{code_of(card)}"
    user_id = scene.acting(cora).get("/users/me").json()["id"]
    scene.acting(anna).post(f"{event}/hosts", json={"user_id": user_id}).raise_for_status()
    scene.acting(cora).post(f"{event}/broadcasts", json={"text": "Bring cups."}).raise_for_status()
    found = [scene.wait(person.chat, "Bring cups.") for person in (bob, vera)]
    assert [each.text for each in found] == [
        "📣 Tea\nшет writes:\n\nBring cups.",
        "📣 Tea\nПишет шет:\n\nBring cups.",
    ]
    for each in found:
        assert marked(each, "bold") == ["Tea"]
        assert marked(each, "text_mention") == ["шет"]
    scene.acting(cora).post(
        f"{event}/broadcasts", json={"text": "And tea.", "send_at": "2027-01-01T13:00:00Z"}
    ).raise_for_status()
    scene.acting(anna).delete(f"{event}/hosts/{user_id}").raise_for_status()
    scene.server.clock.advance(hours=2)
    assert scene.wait(bob.chat, "And tea.").text == "📣 Tea\n\nAnd tea.", "no host any more"


def _finished(scene: Scene, host: Any, event: str) -> Any:
    broadcast = scene.acting(host).get(f"{event}/broadcasts").json()["broadcasts"][0]
    return broadcast if broadcast["recipients"] and not broadcast["waiting"] else None


def test_a_kicked_bot_forgets_the_card(scene: Scene) -> None:
    anna = scene.person("Anna", started=True)
    group = scene.group(anna, zone="Europe/Berlin")
    card = post(scene, anna, group)
    group.remove_bot(anna)
    scene.acting(anna).put(f"/events/{code_of(card)}/rsvp", json={"answer": "going"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    scene.server.wait_for(lambda: any(call.error for call in scene.telegram.calls("editMessageText")))
    assert scene.health == "ok"


def test_html_and_emoji_in_names_are_shown_as_they_are(scene: Scene) -> None:
    anna = scene.person("<b>Anna</b> & 👩‍👩‍👧", started=True)
    group = scene.group(anna, zone="Europe/Berlin")
    anna.say(group, f"/new {'🎉' * 200} tomorrow 18:00")
    card = scene.card(group, "🎉" * 200)
    anna.tap(card, "Going")
    text = scene.shows(card, "<b>Anna</b> & 👩‍👩‍👧")
    mention = next(each for each in card.entities if each["type"] == "text_mention")
    written = text.encode("utf-16-le")[mention["offset"] * 2 : (mention["offset"] + mention["length"]) * 2]
    assert written.decode("utf-16-le") == "<b>Anna</b> & 👩‍👩‍👧"


def test_a_button_sets_the_zone_of_a_group_for_any_member(scene: Scene) -> None:
    anna, bob = scene.person("Anna", started=True), scene.person("Bob", started=True)
    group = scene.group(anna, bob)
    anna.say(group, "/new Tea tomorrow 18:00")
    question = scene.wait(group, "I do not know your time zone")
    card = scene.card(group)
    assert bob.tap(question, "Berlin")["text"] == "The time zone of this chat is Europe/Berlin."
    path = f"/events/{code_of(card)}"
    assert scene.acting(anna).get(path).json()["timezone"] == "UTC"
    assert anna.tap(question, "Berlin")["text"] == "The time zone of this chat is Europe/Berlin."
    scene.shows(question, "The time zone of this chat is Europe/Berlin.")
    assert scene.acting(anna).get(path).json()["timezone"] == "Europe/Berlin"
