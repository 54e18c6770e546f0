"""Placing cards, listing and forgetting them, and the events of a chat."""

from typing import Any

import pytest

from eventorg.testing import Server, check_problem

from .conftest import Chat


def test_a_card_is_placed_once_and_listed(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    body = {"chat_id": -1001, "message_id": 7, "thread_id": 3, "locale": "ru", "names": 5}
    made = chat.bot.put(f"/events/{event_id}/placements", json=body)
    assert made.status_code == 201
    placement = made.json()
    assert placement == {
        "id": placement["id"],
        "event_id": event_id,
        "chat_id": "-1001",
        "message_id": "7",
        "thread_id": "3",
        "locale": "ru",
        "names": 5,
        "shown_etag": None,
    }
    again = chat.bot.put(f"/events/{event_id}/placements", json=body | {"thread_id": None, "names": 6})
    assert (again.status_code, again.json()) == (200, placement | {"thread_id": None, "names": 6})
    listed = chat.bot.get(f"/events/{event_id}/placements")
    assert listed.status_code == 200
    assert listed.json() == {
        "placements": [again.json()],
        "next": None,
        "as_of": chat.host.get(f"/events/{event_id}/participants").json()["as_of"],
    }


def test_it_says_by_default_what_the_request_says(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    body = {"chat_id": None, "message_id": "inline"}
    made = chat.bot.put(f"/events/{event_id}/placements", json=body, headers={"Accept-Language": "en"}).json()
    assert (made["chat_id"], made["locale"], made["names"], made["thread_id"]) == (None, "en", 20, None)


def test_put_again_for_another_event_moves_it(chat: Chat) -> None:
    first, second = (chat.host.create_event(title=title)["id"] for title in ("Tea", "Cake"))
    placement = chat.place(first)
    chat.show()
    moved = chat.place(second)
    assert (moved["id"], moved["event_id"], moved["shown_etag"]) == (placement["id"], second, None)
    assert chat.bot.get(f"/events/{first}/placements").json()["placements"] == []
    (leased,) = chat.lease()
    assert leased["text"].startswith("Cake")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("chat_id", "", "too_short"),
        ("chat_id", "x" * 101, "too_long"),
        ("message_id", "", "too_short"),
        ("message_id", "a\nb", "control_character"),
        ("thread_id", "x" * 101, "too_long"),
        ("names", 101, "out_of_range"),
        ("names", -1, "out_of_range"),
        ("locale", "?", None),
    ],
)
def test_a_place_is_checked(chat: Chat, field: str, value: Any, code: str | None) -> None:
    event_id = chat.host.create_event()["id"]
    body = {"chat_id": "1", "message_id": "1", field: value}
    problem = check_problem(chat.bot.put(f"/events/{event_id}/placements", json=body), 422)
    (fault,) = problem["errors"]
    assert fault["field"] == field
    assert code in (None, fault["code"])


def test_if_match_guards_placing_and_deleting(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    path, body = f"/events/{event_id}/placements", {"chat_id": "1", "message_id": "1"}
    check_problem(chat.bot.put(path, json=body, headers={"If-Match": "*"}), 412)
    made = chat.bot.put(path, json=body, headers={"If-None-Match": "*"})
    assert made.status_code == 201
    check_problem(chat.bot.put(path, json=body, headers={"If-None-Match": "*"}), 412)
    own = f"/placements/{made.json()['id']}"
    check_problem(chat.bot.delete(own, headers={"If-Match": '"other"'}), 412)
    assert chat.bot.delete(own, headers={"If-Match": made.headers["ETag"]}).status_code == 204
    check_problem(chat.bot.delete(own), 404, "placement_not_found")
    assert chat.lease() == []


def test_placements_are_those_of_one_bot(chat: Chat, eventorg: Server) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id)
    other = Chat(eventorg)
    assert other.lease() == []
    assert other.bot.get(f"/events/{event_id}/placements").json()["placements"] == []
    check_problem(other.bot.delete(f"/placements/{placement['id']}"), 404, "placement_not_found")
    assert other.ack_all([{"id": placement["id"], "etag": "x", "result": "gone"}]) == [
        {"id": placement["id"], "code": "placement_not_found"}
    ]
    assert other.place(event_id)["id"] != placement["id"]
    assert [each["id"] for each in chat.lease()] == [placement["id"]]


def test_only_a_bot_that_delivers_may_place(chat: Chat, eventorg: Server) -> None:
    event_id = chat.host.create_event()["id"]
    for who in (chat.host, eventorg.make_bot("act", "changes"), eventorg.make_bot("act").acting_for(chat.host.id)):
        check_problem(who.get(f"/events/{event_id}/placements"), 403)
        check_problem(who.post("/placements/lease", json={}), 403)


def test_a_bot_is_its_name(chat: Chat, eventorg: Server) -> None:
    event_id = chat.host.create_event()["id"]
    placement = chat.place(event_id)
    eventorg.revoke(chat.bot)
    token = eventorg.run("token", "create", chat.bot.name.upper(), "--scope", "deliver").strip()
    chat.bot.token = token
    assert [each["id"] for each in chat.lease()] == [placement["id"]]


def test_pages_of_placements(chat: Chat) -> None:
    event_id = chat.host.create_event()["id"]
    ids = [chat.place(event_id, str(number))["id"] for number in range(3)]
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = chat.bot.get(
            f"/events/{event_id}/placements", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )
        found += [each["id"] for each in page.json()["placements"]]
        cursor = page.json()["next"]
    assert found == ids
    check_problem(chat.bot.get(f"/events/{event_id}/placements", params={"cursor": "?"}), 422)


def test_the_events_of_a_chat_by_start_time(chat: Chat) -> None:
    times = {"start_time": "2099-01-01T10:00:00Z", "end_time": "2099-01-01T12:00:00Z"}
    late, early = chat.host.create_event(), chat.host.create_event(**times)
    secret = chat.host.create_event(visibility="private", metadata={"table": "7"})
    for number, event in enumerate((late, early, early)):
        chat.place(event["id"], str(number))
    chat.place(secret["id"], "9", by=chat.as_host)
    chat.place(early["id"], "5", chat_id="another")

    def ids(**query: Any) -> list[str]:
        response = chat.bot.get("/placements/events", params={"chat_id": "chat"} | query)
        assert response.status_code == 200, response.text
        assert response.json()["as_of"] > 0
        return [each["id"] for each in response.json()["events"]]

    assert ids()[0] == early["id"]
    assert sorted(ids()[1:]) == sorted([late["id"], secret["id"]])
    assert ids(chat_id="another") == [early["id"]]
    assert ids(chat_id="none") == []
    assert early["id"] not in ids(**{"from": "2099-01-01T13:00:01 03:00"})
    assert early["id"] in ids(**{"from": "2099-01-01T13:00:00+03:00"})
    seen = chat.bot.get("/placements/events", params={"chat_id": "chat"}).json()["events"]
    (shown,) = [each for each in seen if each["id"] == secret["id"]]
    assert shown["role"] is None
    assert "metadata" not in shown
    first = chat.bot.get("/placements/events", params={"chat_id": "chat", "limit": 2}).json()
    rest = ids(cursor=first["next"])
    assert [each["id"] for each in first["events"]] + rest == ids()
    for start, code in (
        ("tomorrow", "time_syntax"),
        ("20990101T130000Z", "time_syntax"),
        ("2099-01-01T13:00:00", "time_without_offset"),
        ("1969-12-31T23:59:59Z", "year_out_of_range"),
        ("2201-01-01T00:00:00Z", "year_out_of_range"),
        ("0001-01-01T00:00:00+23:59", "year_out_of_range"),
    ):
        refused = chat.bot.get("/placements/events", params={"chat_id": "chat", "from": start})
        (fault,) = check_problem(refused, 422)["errors"]
        assert (fault["field"], fault["code"]) == ("from", code), start
    check_problem(chat.bot.get("/placements/events"), 422)
