"""Tests who may read and change a series, and what happens to it when users and events go."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem

from .scene import Scene, Shown


def changes(series: Shown) -> list[tuple[str, str, Any]]:
    path = f"/series/{series['id']}"
    return [
        ("patch", path, {"title": "New"}),
        ("delete", path, None),
        ("delete", f"{path}?cancel=true", None),
        ("put", f"{path}/skips/2027-01-12", None),
        ("delete", f"{path}/skips/2027-01-12", None),
        ("post", f"/events/{series['event_id']}/detach", None),
        ("post", "/series", {"event_id": series["event_id"], "rrule": "FREQ=DAILY"}),
    ]


def send(user: User, method: str, path: str, body: Any) -> Any:
    return user.client.request(method, path, json=body, headers=user.headers)


def test_everybody_who_sees_an_event_reads_the_series_and_hosts_change_it(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event())
    guest = eventorg.sign_up()
    scene.register(scene.events(series)[1], guest)
    for path in (f"/series/{series['id']}", f"/series/{series['id']}/events", f"/events/{series['event_id']}/series"):
        assert guest.get(path).status_code == 200
        check_problem(eventorg.client.get(path), 401)
    assert guest.get(f"/series/{series['id']}").json() == series
    for method, path, body in changes(series):
        check_problem(send(guest, method, path, body), 403, "forbidden")
        check_problem(eventorg.client.request(method, path, json=body), 401)
    assert scene.get(series) == series
    bot = eventorg.make_bot("act")
    check_problem(bot.get(f"/series/{series['id']}"), 403)
    assert bot.acting_for(scene.host.id).put(f"/series/{series['id']}/skips/2027-01-12").status_code == 200


@pytest.mark.parametrize("hidden", [{"visibility": "private"}, {"status": "draft"}])
def test_who_may_see_no_event_finds_no_series(eventorg: Server, scene: Scene, hidden: dict[str, Any]) -> None:
    event = scene.event()
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=3")
    scene.patch(series, **hidden)
    guest = eventorg.sign_up()
    for method, path, body in changes(series):
        code = "event_not_found" if event["id"] in f"{path}{body}" else "series_not_found"
        check_problem(send(guest, method, path, body), 404, code)
    for path in (f"/series/{series['id']}", f"/series/{series['id']}/events", "/series/x"):
        check_problem(guest.get(path), 404, "series_not_found")
    second = scene.events(series)[1]
    if "visibility" in hidden:
        added = scene.host.post(f"/events/{second['id']}/participants", json={"user_id": guest.id})
        assert added.status_code == 201
        assert [each["id"] for each in scene.events(series, by=guest)] == [second["id"]]
        check_problem(guest.patch(f"/series/{series['id']}", json={"title": "New"}), 403, "forbidden")


def test_co_hosts_change_what_they_host(eventorg: Server, scene: Scene) -> None:
    event, helper, stand_in = scene.event(), eventorg.sign_up(), eventorg.sign_up()
    assert scene.host.post(f"/events/{event['id']}/hosts", json={"user_id": helper.id}).status_code == 201
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=4")
    _, second, third, _ = scene.events(series)
    assert scene.host.delete(f"/events/{second['id']}/hosts/{helper.id}").status_code == 200
    assert scene.host.post(f"/events/{third['id']}/hosts", json={"user_id": stand_in.id}).status_code == 201
    check_problem(stand_in.patch(f"/series/{series['id']}", json={"title": "New"}), 403, "forbidden")
    assert helper.patch(f"/series/{series['id']}", json={"title": "New"}).status_code == 200
    assert [each["title"] for each in scene.events(series)] == ["New", "Meeting", "New", "New"]
    assert helper.put(f"/series/{series['id']}/skips/2027-01-26").status_code == 200
    assert stand_in.post(f"/events/{third['id']}/detach").status_code == 200


def test_a_replay_shows_nothing_to_who_is_no_host_any_more(eventorg: Server, scene: Scene) -> None:
    event, helper = scene.event(), eventorg.sign_up()
    assert scene.host.post(f"/events/{event['id']}/hosts", json={"user_id": helper.id}).status_code == 201
    body, key = {"event_id": event["id"], "rrule": "FREQ=WEEKLY;COUNT=2"}, {"Idempotency-Key": "1"}
    assert helper.post("/series", json=body, headers=key).status_code == 201
    assert helper.post("/series", json=body, headers=key).status_code == 201
    assert scene.host.delete(f"/events/{event['id']}/hosts/{helper.id}").status_code == 200
    check_problem(helper.post("/series", json=body, headers=key), 403, "forbidden")


def test_a_series_passes_with_its_events_to_the_co_host(eventorg: Server, scene: Scene) -> None:
    event, helper = scene.event(), eventorg.sign_up()
    assert scene.host.post(f"/events/{event['id']}/hosts", json={"user_id": helper.id}).status_code == 201
    series = scene.repeat(event, carry_over=True)
    assert helper.patch(f"/series/{series['id']}", json={"title": "New"}).status_code == 200
    assert scene.host.delete("/users/me").status_code == 200
    eventorg.wait_for(lambda: helper.get(f"/events/{event['id']}").json()["organizer_id"] == helper.id)
    eventorg.clock.advance(days=4, hours=8)
    helper.token = eventorg.log_in(helper.account["email"])
    scene.host = helper
    second = scene.once_there(series, 2)[1]
    assert (second["organizer_id"], second["title"]) == (helper.id, "New")
    assert helper.delete(f"/series/{series['id']}").status_code == 200


def test_a_deleted_account_takes_its_series_along(eventorg: Server, scene: Scene) -> None:
    series, other = scene.repeat(scene.event(title="Secret tea")), Scene(eventorg)
    kept = other.repeat(other.event())
    assert scene.host.delete("/users/me").status_code == 200
    check_problem(other.host.get(f"/series/{series['id']}"), 404, "series_not_found")

    def left() -> list[str]:
        with closing(sqlite3.connect(eventorg.settings.database_path, timeout=30)) as file:
            found = file.execute("SELECT id FROM series_series")
            return [row[0] for row in found] + [
                row[0] for row in file.execute("SELECT DISTINCT series_id FROM series_occurrences")
            ]

    eventorg.wait_for(lambda: left() == [kept["id"]] * 2)


def test_a_deleted_event_is_not_made_again_and_the_next_one_is_the_first(eventorg: Server, scene: Scene) -> None:
    event = scene.event()
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=4")
    second = scene.events(series)[1]
    assert scene.host.delete(f"/events/{event['id']}").status_code == 200
    assert scene.get(series)["event_id"] == second["id"]
    assert scene.get(series)["next_start_times"][0] == "2027-01-12T18:00:00Z"
    check_problem(scene.host.put(f"/series/{series['id']}/skips/2027-01-05"), 404, "occurrence_not_found")
    scene.later(days=1)
    assert len(scene.events(series)) == 3
    for each in scene.events(series):
        assert scene.host.delete(f"/events/{each['id']}").status_code == 200
    check_problem(scene.host.get(f"/series/{series['id']}"), 404, "series_not_found")


def test_a_deleted_event_makes_room_for_the_next(scene: Scene) -> None:
    series = scene.repeat(scene.event(), "FREQ=DAILY")
    assert scene.host.delete(f"/events/{scene.events(series)[3]['id']}").status_code == 200
    scene.server.wait_for(lambda: scene.starts(series)[-1] == "2027-02-24T18:00:00Z")
    assert len(scene.events(series)) == 50


def test_the_export_has_the_organizers_series(eventorg: Server, scene: Scene) -> None:
    series = scene.repeat(scene.event(title="Choir"))
    export = scene.host.get("/users/me/export").json()
    assert export["incomplete"] == []
    (found,) = export["plugins"]["series"]
    assert (found["series"], found["settings"]["title"]) == (series, "Choir")
    assert eventorg.sign_up().get("/users/me/export").json()["plugins"]["series"] == []


def test_linked_accounts_keep_their_series(eventorg: Server) -> None:
    scene, bot = Scene(eventorg), eventorg.make_bot("act", "deliver")
    made = bot.put("/identities/telegram/77", json={"first_name": "Anna"}).json()
    old = bot.acting_for(made["id"])
    event = old.create_event(start_time="2027-01-05T18:00:00Z", end_time="2027-01-05T20:00:00Z")
    series = scene.repeat(event, "FREQ=WEEKLY;COUNT=3", by=old)
    code = scene.host.post("/users/me/link-codes").json()["code"]
    assert bot.post("/identities/telegram/77/link", json={"code": code}).status_code == 200
    eventorg.wait_for(lambda: {each["organizer_id"] for each in scene.events(series)} == {scene.host.id})
    scene.patch(series, title="New")
    assert len(scene.events(series)) == 3
