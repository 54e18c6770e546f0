"""GET /events/{event_id}/event.ics: an event as a file, for those who may see the event."""

import itertools
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from eventorg.testing import Server, check_problem

from .calendars import NASTY, check_calendar, check_lines, entry_of, texts_of


def test_an_event_is_a_file(eventorg: Server) -> None:
    event = eventorg.sign_up().create_event(title="Встреча", description="Всё о SQLite", location="Москва")
    response = eventorg.client.get(f"/events/{event['id']}/event.ics")
    calendar, entry = check_calendar(response), entry_of(response)
    assert response.headers["content-disposition"] == f'inline; filename="{event["code"]}.ics"'
    assert [calendar[name] for name in ("version", "method", "name", "x-wr-calname")] == [
        "2.0",
        "PUBLISH",
        "Встреча",
        "Встреча",
    ]
    assert calendar["prodid"].startswith("-//eventorg//")
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\n" in response.content
    assert entry["uid"] == f"{event['id']}@eventorg"
    assert (entry["sequence"], entry["status"]) == (0, "CONFIRMED")
    assert texts_of(entry) == {"title": "Встреча", "description": "Всё о SQLite", "location": "Москва"}
    assert entry["dtstart"].dt == datetime(2100, 1, 1, 10, tzinfo=UTC)
    assert entry["dtend"].dt == datetime(2100, 1, 1, 12, tzinfo=UTC)
    for name in (b"DTSTART", b"DTEND", b"DTSTAMP", b"CREATED", b"LAST-MODIFIED"):
        (line,) = (line for line in response.content.split(b"\r\n") if line.startswith(name))
        assert line.startswith(name + b":")  # no zone to look up
        assert line.endswith(b"Z")


def test_times_are_utc_whatever_the_event_says(eventorg: Server) -> None:
    times = {"start_time": "2027-07-01T09:30:00+03:00", "end_time": "2027-07-01T11:00:00+03:00"}
    event = eventorg.sign_up().create_event(**times, timezone="Europe/Moscow")
    response = eventorg.client.get(f"/events/{event['code']}/event.ics")
    assert b"\r\nDTSTART:20270701T063000Z\r\n" in response.content
    assert b"\r\nDTEND:20270701T080000Z\r\n" in response.content


def test_texts_come_out_as_they_went_in(eventorg: Server) -> None:
    event = eventorg.sign_up().create_event(**NASTY)
    assert texts_of(entry_of(eventorg.client.get(f"/events/{event['id']}/event.ics"))) == NASTY


def test_texts_are_escaped(eventorg: Server) -> None:
    event = eventorg.sign_up().create_event(title="a;b,c:d", description="1\n2\r\n3", location='"\\"')
    response = eventorg.client.get(f"/events/{event['id']}/event.ics")
    for line in (rb"SUMMARY:a\;b\,c:d", rb"DESCRIPTION:1\n2\n3", rb'LOCATION:"\\"'):
        assert b"\r\n" + line + b"\r\n" in response.content


def test_a_backslash_before_n_is_no_line_break(eventorg: Server) -> None:
    texts = {"title": r"C:\New\news \\n", "description": "\\n\n\\N"}
    event = eventorg.sign_up().create_event(**texts)
    response = eventorg.client.get(f"/events/{event['id']}/event.ics")
    assert texts_of(entry_of(response)) == texts
    assert b"\r\n" + rb"SUMMARY:C:\\New\\news \\\\n" + b"\r\n" in response.content
    assert b"\r\n" + rb"NAME:C:\\New\\news \\\\n" + b"\r\n" in response.content


def test_lines_are_folded_between_letters(eventorg: Server) -> None:
    host = eventorg.sign_up()
    for letter, shift in itertools.product("xя✓🎉,\\", range(4)):
        title = "x" * shift + letter * 150
        event = host.create_event(title=title)
        response = eventorg.client.get(f"/events/{event['id']}/event.ics")
        check_lines(response.content)
        assert texts_of(entry_of(response)) == {"title": title}


def test_sequence_counts_the_changes(eventorg: Server) -> None:
    host = eventorg.sign_up()
    event = host.create_event()
    url = f"/events/{event['id']}"
    before = entry_of(host.get(f"{url}/event.ics"))
    for sequence, change in enumerate(({"title": "B"}, {"location": "C"}, {"status": "cancelled"}), start=1):
        eventorg.clock.advance(hours=1)
        assert host.patch(url, json=change).status_code == 200
        entry = entry_of(host.get(f"{url}/event.ics"))
        assert (entry["sequence"], entry["uid"]) == (sequence, before["uid"])
        assert entry["created"].dt == before["created"].dt
        assert entry["last-modified"].dt == entry["dtstamp"].dt == before["dtstamp"].dt + timedelta(hours=sequence)
    assert entry["status"] == "CANCELLED"
    assert host.patch(url, json={"title": "B"}).status_code == 200
    assert entry_of(host.get(f"{url}/event.ics"))["sequence"] == 3  # nothing changed


def test_a_change_that_no_calendar_shows_changes_nothing(eventorg: Server) -> None:
    host, guest = eventorg.sign_up(), eventorg.sign_up()
    url = f"/events/{host.create_event(title='A')['id']}"
    guest.post(f"{url}/register")
    feed = httpx.URL(guest.post("/users/me/calendar").json()["url"]).path
    files = [f"{url}/event.ics", feed]
    before = [guest.get(file) for file in files]
    for change in ({"capacity": 9}, {"waitlist": False}, {"visibility": "unlisted"}, {"timezone": "Europe/Moscow"}):
        eventorg.clock.advance(hours=1)
        assert host.patch(url, json=change).status_code == 200
        for file, shown in zip(files, before, strict=True):
            after = guest.get(file)
            assert after.headers["etag"] == shown.headers["etag"]
            for name in ("sequence", "last-modified"):
                assert entry_of(after)[name] == entry_of(shown)[name]
    eventorg.clock.advance(hours=1)
    moved = host.patch(url, json={"location": "Here", "capacity": 8}).json()
    for file in files:
        entry = entry_of(guest.get(file))
        assert (entry["sequence"], entry["last-modified"].dt) == (1, datetime.fromisoformat(moved["updated_at"]))


def test_what_is_known_is_not_sent_again(eventorg: Server) -> None:
    host = eventorg.sign_up()
    url = f"/events/{host.create_event()['id']}"
    tag = eventorg.client.get(f"{url}/event.ics").headers["etag"]
    eventorg.clock.advance(minutes=1)
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        response = eventorg.client.get(f"{url}/event.ics", headers={"If-None-Match": sent})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    assert host.patch(url, json={"description": "news"}).status_code == 200
    response = eventorg.client.get(f"{url}/event.ics", headers={"If-None-Match": tag})
    assert response.status_code == 200
    assert response.headers["etag"] != tag


@pytest.mark.parametrize(
    ("fields", "status"), [({"visibility": "private"}, "CONFIRMED"), ({"status": "draft"}, "TENTATIVE")]
)
def test_what_is_hidden_needs_a_token(eventorg: Server, fields: dict[str, str], status: str) -> None:
    host = eventorg.sign_up()
    event = host.create_event(**fields)
    for name in (event["id"], event["code"]):
        url = f"/events/{name}/event.ics"
        check_problem(eventorg.client.get(url), 404, "event_not_found")
        check_problem(eventorg.client.get(url, headers={"If-None-Match": "*"}), 404, "event_not_found")
        check_problem(eventorg.sign_up().get(url), 404, "event_not_found")
        assert entry_of(host.get(url))["status"] == status


def test_a_participant_sees_a_private_event(eventorg: Server) -> None:
    host, guest = eventorg.sign_up(), eventorg.sign_up()
    event = host.create_event()
    assert guest.post(f"/events/{event['id']}/register").status_code == 201
    assert host.patch(f"/events/{event['id']}", json={"visibility": "private"}).status_code == 200
    assert entry_of(guest.get(f"/events/{event['id']}/event.ics"))["summary"] == event["title"]


def test_what_cannot_be_answered_is_a_problem(eventorg: Server) -> None:
    event = eventorg.sign_up().create_event()
    bad = {"Authorization": "Bearer nonsense"}
    check_problem(eventorg.client.get("/events/nothing/event.ics"), 404, "event_not_found")
    check_problem(eventorg.client.get(f"/events/{event['id'].upper()}/event.ics"), 404, "event_not_found")
    check_problem(eventorg.client.get(f"/events/{event['id']}/event.ics", headers=bad), 401)
    check_problem(eventorg.client.put(f"/events/{event['id']}/event.ics"), 405)


def test_nobody_is_named(eventorg: Server) -> None:
    host = eventorg.sign_up(first_name="Анна")
    response = eventorg.client.get(f"/events/{host.create_event()['id']}/event.ics")
    assert entry_of(response)["organizer"] == f"urn:uuid:{host.id}"
    for private in (host.account["email"], host.account["username"], "Анна", "mailto"):
        assert private not in response.text
