"""A placement that a bot made by itself, and one made for a host."""

import json

from eventorg.testing import Server, check_problem

from .conftest import Chat


def test_a_bot_by_itself_places_what_it_may_read(chat: Chat) -> None:
    for number, fields in enumerate(({"visibility": "private"}, {"status": "draft"})):
        event_id = chat.host.create_event(**fields)["id"]
        body = {"chat_id": "1", "message_id": number}
        check_problem(chat.bot.put(f"/events/{event_id}/placements", json=body), 404, "event_not_found")
        check_problem(chat.bot.get(f"/events/{event_id}/placements"), 404, "event_not_found")
        assert chat.as_host.put(f"/events/{event_id}/placements", json=body).status_code == 201
    unlisted = chat.host.create_event(visibility="unlisted")["id"]
    chat.place(unlisted, "2")


def test_somebody_who_only_takes_part_cannot_place_a_private_event(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    guest = chat.register(event_id)
    acting = chat.bot.acting_for(guest.id)
    chat.place(event_id, by=acting)
    chat.host.patch(f"/events/{event_id}", json={"visibility": "private"})
    body = {"chat_id": "1", "message_id": "1"}
    check_problem(acting.put(f"/events/{event_id}/placements", json=body), 403)
    assert chat.lease() == []


def test_the_card_of_a_private_event_comes_with_its_lease(chat: Chat) -> None:
    event_id = chat.host.create_event(visibility="private", title="Secret tea")["id"]
    chat.place(event_id, by=chat.as_host)
    check_problem(chat.bot.get(f"/events/{event_id}/card"), 404)
    (leased,) = chat.lease()
    card = chat.as_host.get(f"/events/{event_id}/card", params={"locale": "en"}).json()
    assert (leased["text"], leased["etag"]) == (card["text"], card["card_etag"])


def test_the_card_has_as_many_names_as_wanted(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    names = [chat.register(event_id).account["username"] for _ in range(2)]
    chat.place(event_id, names=1)
    (leased,) = chat.lease()
    assert names[0] in leased["text"]
    assert names[1] not in leased["text"]


def test_what_the_bot_placed_by_itself_rests_while_it_may_not_read_the_event(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id)
    chat.show()
    chat.host.patch(f"/events/{event_id}", json={"visibility": "private", "title": "Secret tea"})
    assert chat.lease() == []
    assert chat.bot.get("/placements/events", params={"chat_id": "chat"}).json()["events"] == []
    chat.host.patch(f"/events/{event_id}", json={"visibility": "public"})
    assert [each["id"] for each in chat.lease()] == [placement["id"]]


def test_what_is_for_a_host_ends_with_the_role(chat: Chat, eventorg: Server) -> None:
    event_id = chat.host.create_event(visibility="private")["id"]
    helper = eventorg.sign_up()
    assert chat.host.post(f"/events/{event_id}/hosts", json={"user_id": helper.id}).status_code == 201
    chat.place(event_id, by=chat.bot.acting_for(helper.id))
    assert len(chat.lease(lease_seconds=1)) == 1
    eventorg.clock.advance(seconds=1)
    assert chat.host.delete(f"/events/{event_id}/hosts/{helper.id}").status_code == 200
    assert chat.lease() == []
    assert chat.as_host.get(f"/events/{event_id}/placements").json()["placements"] == []
    eventorg.wait_for(lambda: helper.get("/users/me/export").json()["plugins"]["placements"] == [])
    eventorg.clock.advance(seconds=1)
    assert chat.host.post(f"/events/{event_id}/hosts", json={"user_id": helper.id}).status_code == 201
    assert chat.lease() == []  # another role
    chat.place(event_id, by=chat.bot.acting_for(helper.id))
    assert len(chat.lease()) == 1


def test_the_placements_of_a_deleted_event_go(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id)
    (leased,) = chat.lease()
    assert chat.host.delete(f"/events/{event_id}").status_code == 200
    chat.server.wait_for(lambda: "code" in chat.ack(leased, "retry"))
    check_problem(chat.bot.delete(f"/placements/{placement['id']}"), 404, "placement_not_found")
    assert chat.bot.get("/placements/events", params={"chat_id": "chat"}).json()["events"] == []


def test_a_deleted_account_takes_its_placements_along(chat: Chat, eventorg: Server) -> None:
    event_id = chat.host.create_event()["id"]
    helper = eventorg.sign_up()
    assert chat.host.post(f"/events/{event_id}/hosts", json={"user_id": helper.id}).status_code == 201
    placement = chat.place(event_id, by=chat.bot.acting_for(helper.id))
    assert helper.delete("/users/me").status_code == 200
    assert chat.lease() == []
    gone = {"id": placement["id"], "etag": "none", "result": "retry"}
    eventorg.wait_for(lambda: "code" in chat.ack_all([gone])[0])


def test_the_export_has_what_was_placed_for_the_user(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id, by=chat.as_host)
    exported = chat.host.get("/users/me/export")
    assert exported.status_code == 200, exported.text
    assert json.dumps({"bot": chat.bot.name, "placement": placement}, separators=(",", ":")) in exported.text


def test_a_merge_passes_placements_on(chat: Chat) -> None:
    """A user who signed in by Telegram links the account that has a password."""
    made = chat.bot.put("/identities/telegram/77", json={"first_name": "Anna"})
    gone = chat.bot.acting_for(made.json()["id"])
    event_id = gone.create_event(visibility="private")["id"]
    placement = chat.place(event_id, by=gone)
    code = chat.host.post("/users/me/link-codes").json()["code"]
    linked = chat.bot.post("/identities/telegram/77/link", json={"code": code})
    assert linked.status_code == 200, linked.text
    assert [each["id"] for each in chat.lease()] == [placement["id"]]
