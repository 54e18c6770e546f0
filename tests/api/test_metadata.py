"""Metadata of events: who sees it, how it changes, its limits, and the events that it finds."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from eventorg.repositories.metadata import MAX_PAGE_BYTES
from eventorg.testing import Bot, Server, User, check_problem
from tests import telegram

TAGS = {"chat_id": "-1001", "kind": "игра"}


@pytest.fixture
def bot(server: Server) -> Bot:
    return server.make_bot("act")


def found(caller: User, **query: Any) -> list[str]:
    """Returns the IDs that a filter finds; `chat__id` stands for `metadata.chat_id`."""
    response = caller.get("/events", params={f"metadata.{key}": value for key, value in query.items()})
    assert response.status_code == 200, response.text
    return [event["id"] for event in response.json()["events"]]


def faults(response: Any) -> list[tuple[str, str]]:
    return [(fault["field"], fault["code"]) for fault in check_problem(response, 422)["errors"]]


def test_hosts_store_and_read_metadata(server: Server, host: User) -> None:
    event = host.create_event(metadata=TAGS)
    url = f"/events/{event['id']}"
    assert (event["metadata"], event["version"]) == (TAGS, 1)
    assert host.get(url).json() == event
    changed = host.patch(url, json={"metadata": {"chat_id": "2", "kind": None, "new": "", "unknown": None}}).json()
    assert changed["metadata"] == {"chat_id": "2", "new": ""}
    assert changed["version"] == 2
    cohost = server.sign_up()
    host.post(f"{url}/hosts", json={"user_id": cohost.id})
    assert cohost.get(url).json()["metadata"] == changed["metadata"]
    assert cohost.patch(url, json={"metadata": {"by": "co-host"}}).json()["metadata"] == changed["metadata"] | {
        "by": "co-host"
    }
    assert host.post(f"{url}/cancel").json()["metadata"] == changed["metadata"] | {"by": "co-host"}
    assert host.create_event()["metadata"] == {}


def test_others_do_not_see_that_there_is_any(server: Server, host: User, bot: Bot) -> None:
    event = bot.acting_for(host.id).create_event(metadata=TAGS)
    url = f"/events/{event['id']}"
    guest = server.sign_up()
    guest.post(f"{url}/register")
    assert bot.acting_for(host.id).get(url).json()["metadata"] == TAGS
    for other in (guest, server.sign_up(), bot, bot.acting_for(guest.id), server.make_bot("changes")):
        for place in (url, f"/events?organizer_id={host.id}"):
            response = other.get(place)
            assert response.status_code == 200
            assert "metadata" not in response.text
    assert "metadata" not in server.client.get(url).text
    assert "metadata" not in server.client.get(f"/events?organizer_id={host.id}").text
    (listed,) = host.get(f"/events?organizer_id={host.id}").json()["events"]
    assert listed["metadata"] == TAGS
    check_problem(guest.patch(url, json={"metadata": {"a": "b"}}), 403, "forbidden")
    assert host.get("/users/me/export").json()["events"][0]["metadata"] == TAGS


def test_the_tag_depends_on_whether_metadata_is_shown(server: Server, host: User) -> None:
    url = f"/events/{host.create_event(metadata=TAGS)['id']}"
    tags = {viewer.get(url).headers["etag"] for viewer in (host, server.sign_up())}
    assert len(tags) == 2
    assert {tag.partition("-")[0] for tag in tags} == {'"1'}
    for tag in tags:
        assert host.patch(url, json={}, headers={"If-Match": tag}).status_code == 200
    changed = host.patch(url, json={"metadata": {"kind": "Игра"}}, headers={"If-Match": tags.pop()})
    assert changed.headers["etag"].partition("-")[0] == '"2'
    check_problem(host.patch(url, json={}, headers={"If-Match": tags.pop()}), 412, "version_mismatch")


def test_a_change_names_metadata_without_its_content(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    url = f"/events/{host.create_event(metadata=TAGS)['id']}"
    after = host.get(url).json()
    seq = host.get("/events").json()["as_of"]
    fresh_server.clock.advance(seconds=1)
    same: dict[str, Any]
    for same in ({}, {"metadata": {}}, {"metadata": TAGS}, {"metadata": {"none": None}}):
        assert host.patch(url, json=same).json() == after
    host.patch(url, json={"metadata": {"kind": "x"}})
    host.patch(url, json={"metadata": {"kind": "y"}, "title": "Another"})
    changes = host.get(f"/changes?after={seq}").json()["changes"]
    assert [change["data"] for change in changes] == [{"changed": ["metadata"]}, {"changed": ["title", "metadata"]}]
    assert host.get(url).json()["updated_at"] > after["updated_at"]


@pytest.mark.parametrize(
    ("metadata", "broken"),
    [
        (None, [("metadata", "wrong_type")]),
        ([], [("metadata", "wrong_type")]),
        ("x", [("metadata", "wrong_type")]),
        ({"a": 1}, [("metadata[...]", "wrong_type")]),
        ({"a": {}}, [("metadata[...]", "wrong_type")]),
        ({"a": True}, [("metadata[...]", "wrong_type")]),
        ({"": "x"}, [("metadata.", "metadata_key")]),
        ({"A": "x"}, [("metadata.A", "metadata_key")]),
        ({"a-b": None}, [("metadata.a-b", "metadata_key")]),
        ({"ключ": "x"}, [("metadata.ключ", "metadata_key")]),
        ({"a\n": "x"}, [("metadata.a\n", "metadata_key")]),
        ({"a" * 41: "x"}, [(f"metadata.{'a' * 41}", "metadata_key")]),
        ({"a": "x" * 501, "B": "x"}, [("metadata.a", "too_long"), ("metadata.B", "metadata_key")]),
        ({"a": "x\x00"}, [("metadata.a", "control_character")]),
        ({"a": "\u200b"}, [("metadata.a", "no_visible_character")]),
        ({f"k{number}": "" for number in range(51)}, [("metadata", "too_long")]),
    ],
)
def test_what_breaks_a_rule_is_refused(host: User, metadata: Any, broken: list[tuple[str, str]]) -> None:
    event = host.create_event()
    body = {"title": "x", "start_time": event["start_time"], "end_time": event["end_time"], "metadata": metadata}
    assert faults(host.post("/events", json=body)) == broken
    assert faults(host.patch(f"/events/{event['id']}", json={"metadata": metadata})) == broken
    assert host.get(f"/events/{event['id']}").json() == event


def test_fifty_keys_are_stored_and_no_more(host: User) -> None:
    full = {f"key_{number:036}": "漢" * 500 for number in range(20)}
    full |= {f"k{number}": "" for number in range(30)}
    url = f"/events/{host.create_event(metadata=full)['id']}"
    assert host.get(url).json()["metadata"] == full
    assert faults(host.patch(url, json={"metadata": {"one_more": "x"}})) == [("metadata", "too_long")]
    moved = host.patch(url, json={"metadata": {"one_more": "x", "k0": None}}).json()["metadata"]
    assert (len(moved), moved["one_more"]) == (50, "x")
    assert host.patch(url, json={"metadata": dict.fromkeys([*full, "other"])}).json()["metadata"] == {"one_more": "x"}


def test_text_is_cleaned_as_other_text_is(host: User) -> None:
    event = host.create_event(metadata={"a": "  й\r\nb\t{} ", "b": "", "q": "'\";--%_\\"})
    assert event["metadata"] == {"a": "й\nb\t{}", "b": "", "q": "'\";--%_\\"}
    assert found(host, a="й\nb\t{}") == found(host, b="") == found(host, q="'\";--%_\\") == [event["id"]]
    assert found(host, a="й") == found(host, q="'") == []


def test_a_merge_patch_changes_single_keys(host: User) -> None:
    url = f"/events/{host.create_event(metadata=TAGS)['id']}"
    merge = {"Content-Type": "application/merge-patch+json"}
    response = host.patch(url, content=b'{"metadata": {"kind": null}}', headers=merge)
    assert response.json()["metadata"] == {"chat_id": "-1001"}


def test_hosts_find_their_events_and_no_others(server: Server, host: User, guests: Callable[[int], list[User]]) -> None:
    cohost, guest = guests(2)
    drafts = host.create_event(metadata=TAGS, status="draft", start_time="2099-01-01T00:00:00Z")
    public = host.create_event(metadata=TAGS)
    host.create_event(metadata=TAGS | {"kind": "other"})
    guest.create_event(metadata=TAGS)
    guest.post(f"/events/{public['id']}/register")
    host.post(f"/events/{public['id']}/hosts", json={"user_id": cohost.id})
    assert found(host, **TAGS) == [drafts["id"], public["id"]]
    assert found(cohost, **TAGS) == [public["id"]]
    assert public["id"] not in found(guest, **TAGS)
    assert server.client.get("/events?metadata.kind=x").json()["events"] == []
    assert server.client.get(f"/events?metadata.chat_id={TAGS['chat_id']}").json()["events"] == []
    assert found(server.make_bot("act"), **TAGS) == []
    (drafted,) = host.get("/events?status=draft&metadata.chat_id=-1001").json()["events"]
    assert drafted == drafts
    assert host.get("/events?metadata.chat_id=-1001&q=nothing").json()["events"] == []
    assert len(host.get("/events?metadata.chat_id=-1001&q=meet").json()["events"]) == 3
    assert host.get(f"/events?metadata.chat_id=-1001&organizer_id={guest.id}").json()["events"] == []


def test_pages_of_a_filter_follow_each_other(host: User) -> None:
    ids = [host.create_event(metadata={"n": "1"})["id"] for _ in range(5)]
    seen, query = [], {"metadata.n": "1", "limit": 2}
    for _ in range(3):
        page = host.get("/events", params=query).json()
        seen += [event["id"] for event in page["events"]]
        query["cursor"] = page["next"]
    assert (seen, page["next"]) == (sorted(ids), None)


def test_a_bot_finds_the_events_that_it_tagged(server: Server, bot: Bot, guests: Callable[[int], list[User]]) -> None:
    host, guest, stranger = guests(3)
    acting = bot.acting_for(host.id)
    events = {
        kind: acting.create_event(metadata={"mine": "1", "kind": kind}, **fields)["id"]
        for kind, fields in {
            "public": {}, "unlisted": {"visibility": "unlisted"}, "private": {"visibility": "private"},
            "draft": {"status": "draft"},
        }.items()
    }  # fmt: skip
    cancelled = acting.create_event(metadata={"mine": "1"})["id"]
    acting.post(f"/events/{cancelled}/cancel")
    seen = sorted([events["public"], events["unlisted"], cancelled])
    for caller in (bot, bot.acting_for(stranger.id)):
        assert found(caller, mine="1") == seen
        assert found(caller, mine="1", kind="unlisted") == [events["unlisted"]]
        assert found(caller, mine="1", kind="private") == []
        assert found(caller, mine="2") == []
        assert "metadata" not in caller.get("/events?metadata.mine=1").text
    assert found(acting, mine="1") == sorted([*events.values(), cancelled])
    acting.patch(f"/events/{events['private']}", json={"visibility": "public"})
    guest.post(f"/events/{events['private']}/register")
    acting.patch(f"/events/{events['private']}", json={"visibility": "private"})
    assert found(bot.acting_for(guest.id), mine="1", kind="private") == [events["private"]]
    guest.delete(f"/events/{events['private']}/register")
    assert found(bot.acting_for(guest.id), mine="1", kind="private") == [events["private"]], "who left still sees it"
    assert found(guest, mine="1") == found(stranger, mine="1") == []
    other = server.make_bot("act")
    assert found(other, mine="1") == found(other.acting_for(stranger.id), mine="1") == []
    assert found(other.acting_for(host.id), mine="1") == sorted([*events.values(), cancelled])


def test_a_removed_participant_does_not_find_a_private_event(server: Server, host: User, bot: Bot) -> None:
    guest = server.sign_up()
    event_id = bot.acting_for(host.id).create_event(metadata={"mine": "1"})["id"]
    guest.post(f"/events/{event_id}/register")
    host.patch(f"/events/{event_id}", json={"visibility": "private"})
    assert found(bot.acting_for(guest.id), mine="1") == [event_id]
    host.delete(f"/events/{event_id}/participants/{guest.id}")
    assert found(bot.acting_for(guest.id), mine="1") == []


def test_a_bot_cannot_guess_what_others_stored(server: Server, host: User, bot: Bot) -> None:
    """An event that the bot tagged is not found by a value that a host or another bot stored."""
    event_id = bot.acting_for(host.id).create_event(metadata={"mine": "1"})["id"]
    host.patch(f"/events/{event_id}", json={"metadata": {"secret": "1"}})
    server.make_bot("act").acting_for(host.id).patch(f"/events/{event_id}", json={"metadata": {"other": "1"}})
    for caller in (bot, bot.acting_for(server.sign_up().id)):
        assert found(caller, mine="1") == [event_id]
        assert found(caller, secret="1") == found(caller, mine="1", secret="1") == []
        assert found(caller, other="1") == found(caller, mine="1", other="1") == []


def test_the_last_bot_that_set_a_value_finds_it(server: Server, host: User, bot: Bot) -> None:
    event_id = bot.acting_for(host.id).create_event(metadata={"mine": "1", "too": "1"})["id"]
    whole = host.get(f"/events/{event_id}").json()["metadata"]
    host.patch(f"/events/{event_id}", json={"metadata": whole})
    assert found(bot, mine="1") == [event_id], "a host who sends back what it read takes nothing away"
    other = server.make_bot("act")
    same = other.acting_for(host.id).patch(f"/events/{event_id}", json={"metadata": {"mine": "1"}})
    assert same.json()["version"] == 1
    assert (found(bot, mine="1"), found(other, mine="1"), found(bot, too="1")) == ([], [event_id], [event_id])
    host.patch(f"/events/{event_id}", json={"metadata": {"too": "2"}})
    assert (found(bot, too="2"), found(host, too="2")) == ([], [event_id])


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("metadata.=1", [("metadata.", "metadata_key")]),
        ("metadata.A=1", [("metadata.A", "metadata_key")]),
        ("metadata.a.b=1", [("metadata.a.b", "metadata_key")]),
        ("metadata.a=1&metadata.a=1", [("metadata.a", "repeated")]),
        ("metadata.a=%FF", [("metadata.a", "not_utf8")]),
        ("metadata.a=%00", [("metadata.a", "control_character")]),
        (f"metadata.a={'x' * 501}", [("metadata.a", "too_long")]),
        (f"metadata.{'a' * 41}=1", [(f"metadata.{'a' * 41}", "metadata_key")]),
        ("&".join(f"metadata.k{number}=1" for number in range(6)), [("metadata", "too_long")]),
        ("metadata=1", [("metadata", "unknown_parameter")]),
        ("metadata[a]=1", [("metadata[a]", "unknown_parameter")]),
    ],
)
def test_a_malformed_filter_is_refused(host: User, query: str, broken: list[tuple[str, str]]) -> None:
    assert faults(host.get(f"/events?{query}")) == broken


def test_five_keys_filter_at_once(host: User) -> None:
    tags = {f"k{number}": str(number) for number in range(5)}
    event_id = host.create_event(metadata=tags)["id"]
    assert found(host, **tags) == [event_id]
    for key in tags:
        assert found(host, **tags | {key: "x"}) == []


def test_metadata_of_a_page_is_bounded(fresh_server: Server) -> None:
    host = fresh_server.sign_up()
    ids = [host.create_event()["id"] for _ in range(20)]
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file, file:
        file.executemany(
            "INSERT INTO event_metadata VALUES (?, ?, ?, '')",
            [(event_id, f"key{number}", "漢" * 500) for event_id in ids for number in range(50)],
        )
    cursor: dict[str, str] = {}
    seen, sizes = [], []
    while True:
        response = host.get("/events", params={"limit": 1_000, **cursor})
        page = response.json()
        sizes.append(len(response.content))
        seen += page["events"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert [event["id"] for event in seen] == sorted(ids)
    assert all(len(event["metadata"]) == 50 for event in seen)
    assert len(sizes) > 1
    assert max(sizes) < 1.2 * MAX_PAGE_BYTES


def test_metadata_goes_with_its_event_and_stays_with_its_heir(fresh_server: Server) -> None:
    host, cohost = fresh_server.sign_up(), fresh_server.sign_up()
    gone = host.create_event(metadata=TAGS)["id"]
    kept = f"/events/{host.create_event(metadata=TAGS)['id']}"
    host.post(f"{kept}/hosts", json={"user_id": cohost.id})
    cohost.patch(kept, json={"metadata": {"by": "cohost"}})  # an act of a host
    host.delete(f"/events/{gone}")
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        assert {row[0] for row in file.execute("SELECT event_id FROM event_metadata")} == {
            kept.removeprefix("/events/")
        }
    host.delete("/users/me")
    event = cohost.get(kept).json()
    assert (event["role"], event["metadata"]) == ("organizer", TAGS | {"by": "cohost"})
    cohost.delete("/users/me")
    with closing(sqlite3.connect(fresh_server.settings.database_path)) as file:
        assert file.execute("SELECT count(*) FROM event_metadata").fetchone() == (0,)


def test_a_merged_account_hands_its_metadata_over(server: Server, bot: Bot) -> None:
    person, user = telegram.Person(server, bot), server.sign_up()
    url = f"/events/{person.bot.create_event(metadata=TAGS)['id']}"
    telegram.link(bot, person.telegram_id, user)
    assert user.get(url).json()["metadata"] == TAGS
    assert found(user, **TAGS) == [url.removeprefix("/events/")]


def test_a_repeated_request_stores_once_and_shows_it_to_hosts_only(server: Server, host: User) -> None:
    cohost = server.sign_up()
    event = host.create_event(metadata={"n": "0"})
    url = f"/events/{event['id']}"
    host.post(f"{url}/hosts", json={"user_id": cohost.id})
    sent = {"json": {"metadata": {"n": "1"}}, "headers": {"Idempotency-Key": f"key-{host.id}"}}
    first = cohost.patch(url, **sent)
    assert cohost.patch(url, **sent).json() == first.json()
    assert first.json()["metadata"] == {"n": "1"}
    host.delete(f"{url}/hosts/{cohost.id}")
    check_problem(cohost.patch(url, **sent), 403, "forbidden")
