"""Times in requests: RFC 3339 only, stored in UTC and in whole seconds."""

from urllib.parse import quote

import pytest

from eventorg.testing import Server, User, check_problem

KEPT = {
    "2100-01-01T10:00:00Z": "2100-01-01T10:00:00Z",
    "2100-01-01t10:00:00z": "2100-01-01T10:00:00Z",
    "2100-01-01 10:00:00Z": "2100-01-01T10:00:00Z",
    "2100-01-01T10:00:00-00:00": "2100-01-01T10:00:00Z",
    "2100-01-01T10:00:00+03:00": "2100-01-01T07:00:00Z",
    "2100-01-01T10:00:00.5+23:59": "2099-12-31T10:01:00Z",
    "2100-01-01T10:00:00.999999Z": "2100-01-01T10:00:00Z",
    "2100-01-01T10:00:00.9999999Z": "2100-01-01T10:00:00Z",
    f"2100-01-01T10:00:00.{'9' * 500}Z": "2100-01-01T10:00:00Z",
    "2099-12-31T23:59:59.9999999Z": "2099-12-31T23:59:59Z",
    "2200-12-31T23:59:59.9999999Z": "2200-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00Z",
    "2201-01-01T02:59:59+03:00": "2200-12-31T23:59:59Z",
}
REFUSED = {
    "2100-01-01T10:00:00": "time_without_offset",
    "2100-01-01T10:00:00.5": "time_without_offset",
    "2100-01-01T10:00:00+0300": "time_syntax",
    "2100-01-01T10:00:00+03": "time_syntax",
    "2100-01-01T10:00:00+03:60": "time_syntax",
    "2100-01-01T10:00:00+24:00": "time_syntax",
    "2100-01-01T10:00:00+03:00:30": "time_syntax",
    "2100-01-01T10:00:00\u221203:00": "time_syntax",
    "2100-01-01T24:00:00Z": "time_syntax",
    "2100-01-01T23:59:60Z": "time_syntax",
    "2100-01-01T10:60:00Z": "time_syntax",
    "2100-01-01T10:00Z": "time_syntax",
    "2100-01-01T10:00:00.Z": "time_syntax",
    "2100-01-01T10:00:00,5Z": "time_syntax",
    "2100-01-01T10:00:00Z\n": "time_syntax",
    "2100-02-29T10:00:00Z": "time_syntax",
    "2100-W01-1T10:00:00Z": "time_syntax",
    "21000101T100000Z": "time_syntax",
    "\u0662100-01-01T10:00:00Z": "time_syntax",
    "0000-01-01T00:00:00Z": "time_syntax",
    "0001-01-01T00:00:00+23:59": "year_out_of_range",
    "9999-12-31T23:59:59.9999999-23:59": "year_out_of_range",
    "1970-01-01T00:00:00+00:01": "year_out_of_range",
    "2200-12-31T23:59:59-00:01": "year_out_of_range",
}


@pytest.fixture(scope="module")
def host(server: Server) -> User:
    return server.sign_up()


@pytest.mark.parametrize("sent", KEPT)
def test_a_time_is_kept_in_utc_and_its_fraction_is_cut_off(host: User, sent: str) -> None:
    later = {"end_time": "2200-12-31T23:59:59.2Z"} if KEPT[sent] < "2200-12-31T23:59:59Z" else {}
    before = {} if later else {"start_time": "1970-01-01T00:00:00Z"}
    field = "start_time" if later else "end_time"
    event = host.create_event(**{**later, **before, field: sent})
    assert event[field] == KEPT[sent]
    changed = host.patch(f"/events/{event['id']}", json={field: sent})
    assert changed.json() == event, "the same time is no change"


@pytest.mark.parametrize("sent", REFUSED)
def test_another_spelling_is_422(host: User, sent: str) -> None:
    for body in ({"end_time": sent}, {"title": "", "end_time": sent}):
        problem = check_problem(host.patch(f"/events/{host.create_event()['id']}", json=body), 422)
        assert {fault["field"]: fault["code"] for fault in problem["errors"]}["end_time"] == REFUSED[sent]
        assert len(problem["errors"]) == len(body)


@pytest.mark.parametrize("name", ["from", "to"])
def test_a_time_in_the_query_is_read_the_same(host: User, name: str) -> None:
    for sent in KEPT:
        assert host.get(f"/events?{name}={quote(sent)}&limit=1").status_code == 200, sent
    for sent, code in REFUSED.items():
        problem = check_problem(host.get(f"/events?{name}={quote(sent)}"), 422)
        assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(name, code)], sent


def test_a_plus_that_came_as_a_space_is_a_plus(host: User) -> None:
    title = {"title": f"Plus {host.id}", "start_time": "2100-05-05T07:00:00Z", "end_time": "2100-05-05T08:00:00Z"}
    event = host.create_event(**title)
    for start in ("2100-05-05T10:00:00+03:00", "2100-05-05T10:00:00%2B03:00"):
        found = host.get(f"/events?from={start}&to=2100-05-05T10:00:00.9%2B03:01&organizer_id={host.id}")
        assert found.json()["events"] == []
        found = host.get(f"/events?from={start}&to=2100-05-05T10:00:01%2B03:00&organizer_id={host.id}")
        assert [one["id"] for one in found.json()["events"]] == [event["id"]]
    problem = check_problem(host.get("/events?from=2100-05-05T10:00:00 0300"), 422)
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("from", "time_syntax")]
