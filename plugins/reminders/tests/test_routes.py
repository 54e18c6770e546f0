"""Offsets as they are set and answered, who may do what, and what the description says of it."""

from functools import partial
from typing import Any

from eventorg.testing import Server, User, check_problem

from .scene import Scene

USUAL = [{"before": "PT24H"}, {"before": "PT1H"}]
EVENT = "/events/{event_id}/reminders"
MINE = "/users/me/reminders"


def test_an_event_reminds_a_day_and_an_hour_before_unless_set(scene: Scene) -> None:
    event_id = scene.event()
    path = EVENT.format(event_id=event_id)
    assert scene.host.get(path).json() == USUAL
    assert scene.host.put(path, json=[{"before": "P1W"}, {"before": "P7D"}]).json() == [{"before": "PT168H"}]
    sent = [{"before": "PT90M"}, {"before": "P2DT1S"}, {"before": "PT1H30M"}]
    answer = scene.host.put(path, json=sent)
    assert answer.json() == [{"before": "PT48H1S"}, {"before": "PT1H30M"}]
    code = scene.host.get(f"/events/{event_id}").json()["code"]
    assert scene.host.get(EVENT.format(event_id=code)).json() == answer.json()
    assert scene.host.put(path, json=[]).json() == scene.host.get(path).json() == []


def test_a_user_follows_its_events_unless_it_has_set_its_own(scene: Scene) -> None:
    guest = scene.guest()
    usual = [{"before": "PT24H"}, {"before": "PT1H"}]
    assert guest.get(MINE).json() == usual
    assert guest.put(MINE, json=[{"before": "PT0S"}]).json() == guest.get(MINE).json() == [{"before": "PT0S"}]
    assert guest.put(MINE, json=[]).json() == guest.get(MINE).json() == []
    assert guest.delete(MINE).status_code == 204
    assert guest.get(MINE).json() == usual
    guest.put(MINE, json=[])
    assert guest.put(MINE, content="null").json() == guest.get(MINE).json() == usual


REFUSED = [
    ("[{}]", "required"),
    ('[{"before": 3600}]', "wrong_type"),
    ('[{"before": null}]', "wrong_type"),
    ('[{"before": "PT1H", "after": "PT1H"}]', "unknown_field"),
    ('[{"before": ""}]', "invalid"),
    ('[{"before": "1 hour"}]', "invalid"),
    ('[{"before": "P1M"}]', "invalid"),
    ('[{"before": "PT\\u0000H"}]', "invalid"),
    ('[{"before": "P99999999999999999999D"}]', "out_of_range"),
    ('[{"before": "P1Y"}]', "invalid"),
    ('[{"before": "P1WT1H"}]', "invalid"),
    ('[{"before": "P5W"}]', "out_of_range"),
    ('[{"before": "PT"}]', "invalid"),
    ('[{"before": "PT1.5H"}]', "invalid"),
    ('[{"before": "PT1.5S"}]', "invalid"),
    ('[{"before": "pt1h"}]', "invalid"),
    ('[{"before": "+PT1H"}]', "invalid"),
    ('[{"before": "PT1H "}]', "invalid"),
    ('[{"before": "PT\\uff11H"}]', "invalid"),
    ('[{"before": "PT' + "0" * 100 + '1S"}]', "invalid"),
    ('[{"before": "-PT1H"}]', "out_of_range"),
    ('[{"before": "P30DT1S"}]', "out_of_range"),
    ('{"before": "PT1H"}', "wrong_type"),
    ("[" + ", ".join(f'{{"before": "PT{n}H"}}' for n in range(11)) + "]", "too_long"),
]


def test_what_is_no_list_of_offsets_is_refused(scene: Scene) -> None:
    for path in (MINE, EVENT.format(event_id=scene.event())):
        for body, code in REFUSED:
            for language in ("ru", "en"):
                answered = scene.host.put(path, content=body, headers={"Accept-Language": language})
                problem = check_problem(answered, 422, "validation_failed")
                assert [fault["code"] for fault in problem["errors"]] == [code], body
        second = check_problem(scene.host.put(path, content='[{"before": "PT1H"}, {"before": "P1M"}]'), 422)
        assert [fault["field"] for fault in second["errors"]] == ["[1].before"]


def test_every_refusal_has_a_text_in_each_language(scene: Scene) -> None:
    for language in ("ru", "en"):
        for body, code in REFUSED:
            response = scene.host.put(MINE, content=body, headers={"Accept-Language": language})
            (fault,) = check_problem(response, 422, "validation_failed")["errors"]
            assert (fault["code"], fault["message"].strip() != "") == (code, True), (language, body)
    too_long = scene.host.put(MINE, content='[{"before": "P31D"}]', headers={"Accept-Language": "en"})
    assert too_long.json()["errors"][0]["message"] == "Must be between PT0S and PT720H."
    too_many = scene.host.put(MINE, content=REFUSED[-1][0], headers={"Accept-Language": "en"})
    assert too_many.json()["errors"][0]["message"] == "Must have at most 10 items."


def test_what_is_no_json_is_refused(scene: Scene) -> None:
    check_problem(scene.host.put(MINE, content="[{"), 400)
    check_problem(scene.host.put(MINE, content=b'[{"before": "\xff"}]'), 400)
    check_problem(scene.host.put(MINE, content="[]", headers={"Content-Type": "text/plain"}), 415)
    check_problem(scene.host.put(EVENT.format(event_id=scene.event()), content="null"), 422)


BODIES: dict[str, Any] = {EVENT: [], MINE: []}
TABLE = [
    # method, path, nobody, stranger, participant, co-host, organizer, idle bot, delivering bot, both for a user
    ("GET", EVENT, 401, 403, 403, 200, 200, 403, 403, 403),
    ("PUT", EVENT, 401, 403, 403, 200, 200, 403, 403, 403),
    ("GET", MINE, 401, 200, 200, 200, 200, 403, 403, 200),
    ("PUT", MINE, 401, 200, 200, 200, 200, 403, 403, 200),
    ("DELETE", MINE, 401, 204, 204, 204, 204, 403, 403, 204),
]


def test_who_may_do_what(eventorg: Server) -> None:
    organizer, host, participant, stranger = (eventorg.sign_up() for _ in range(4))
    event_id = organizer.create_event()["id"]
    assert organizer.post(f"/events/{event_id}/hosts", json={"user_id": host.id}).status_code == 201
    assert participant.post(f"/events/{event_id}/register").status_code == 201
    callers: list[User] = [stranger, participant, host, organizer, eventorg.make_bot("act", "changes")]
    callers += [eventorg.make_bot("deliver"), eventorg.make_bot("act", "deliver").acting_for(stranger.id)]
    for method, path, *expected in TABLE:
        url = path.format(event_id=event_id)
        body = None if method in ("GET", "DELETE") else BODIES[path]
        send = partial(eventorg.client.request, method, url, json=body)
        answers = [send(), *(send(headers=caller.headers) for caller in callers)]
        assert [answer.status_code for answer in answers] == expected, (method, path)
        for answer in answers:
            if answer.status_code >= 400:
                check_problem(answer, answer.status_code)


def test_what_the_caller_may_not_know_of_is_not_found(eventorg: Server) -> None:
    organizer, stranger = eventorg.sign_up(), eventorg.sign_up()
    for hidden in ({"visibility": "private"}, {"status": "draft"}):
        path = EVENT.format(event_id=organizer.create_event(**hidden)["id"])
        check_problem(stranger.get(path), 404, "event_not_found")
        check_problem(stranger.put(path, json=[]), 404, "event_not_found")
        assert organizer.put(path, json=[]).status_code == 200
    check_problem(organizer.get(EVENT.format(event_id="none")), 404, "event_not_found")


def test_every_route_is_described(eventorg: Server) -> None:
    document = eventorg.client.get("/openapi.json").json()
    described = {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if operation.get("tags") == ["reminders"]
    }
    assert described.keys() == {(method, path) for method, path, *_ in TABLE}
    for operation in described.values():
        assert operation["operationId"]
        assert operation["summary"]
        assert operation["description"]
        assert {"401", "503"} <= operation["responses"].keys()
    assert document["components"]["schemas"]["Reminder"]["additionalProperties"] is False


def test_a_list_has_a_tag_that_guards_it(eventorg: Server) -> None:
    host = eventorg.sign_up()
    for url in (f"/events/{host.create_event()['id']}/reminders", "/users/me/reminders"):
        tag = host.get(url).headers["etag"]
        seen = host.get(url, headers={"If-None-Match": tag})
        assert (seen.status_code, seen.headers["etag"], seen.content) == (304, tag, b"")
        changed = host.put(url, json=[{"before": "PT2H"}], headers={"If-Match": tag})
        assert (changed.status_code, changed.headers["etag"]) == (200, host.get(url).headers["etag"])
        assert host.get(url, headers={"If-None-Match": tag}).json() == [{"before": "PT2H"}]
        check_problem(host.put(url, json=[], headers={"If-Match": tag}), 412, "version_mismatch")
        empty = host.put(url, json=[], headers={"If-Match": changed.headers["etag"]}).headers["etag"]
        assert host.get(url, headers={"If-None-Match": empty}).status_code == 304
        assert host.put(url, json=[], headers={"If-Match": f"W/{empty}"}).status_code == 200  # as a proxy sends it
        assert host.put(url, json=[], headers={"If-Match": '"-gzip"'}).status_code == 200
        for condition in ({"If-Match": tag}, {"If-None-Match": empty}, {"If-None-Match": "*"}):
            check_problem(host.put(url, json=[], headers=condition), 412, "version_mismatch")
    check_problem(host.delete("/users/me/reminders", headers={"If-Match": tag}), 412, "version_mismatch")
    assert host.delete("/users/me/reminders", headers={"If-Match": "*"}).status_code == 204


def test_a_copy_of_an_event_reminds_as_the_original_does(scene: Scene) -> None:
    start = {"start_time": "2099-01-01T10:00:00Z"}
    event_id = scene.event()
    offsets = scene.host.put(EVENT.format(event_id=event_id), json=[{"before": "PT2H"}, {"before": "PT30M"}]).json()
    copy_id = scene.host.post(f"/events/{event_id}/copy", json=start).json()["id"]
    scene.server.wait_for(lambda: scene.host.get(EVENT.format(event_id=copy_id)).json() == offsets)
    scene.host.put(EVENT.format(event_id=event_id), json=[])
    assert scene.host.get(EVENT.format(event_id=copy_id)).json() == offsets
    silent_id = scene.host.post(f"/events/{copy_id}/copy", json=start).json()["id"]
    own = scene.host.put(EVENT.format(event_id=silent_id), json=[]).json()  # before or after the plugin has heard of it
    scene.settle()
    assert scene.host.get(EVENT.format(event_id=silent_id)).json() == own == []
    usual_id = scene.host.post(f"/events/{scene.event()}/copy", json=start).json()["id"]
    scene.settle()
    assert scene.host.get(EVENT.format(event_id=usual_id)).json() == USUAL
