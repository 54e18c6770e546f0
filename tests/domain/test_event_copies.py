"""The times of a copied event, by the wall clock, also where clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from eventorg.domain.errors import Invalid
from eventorg.domain.event_copies import EventCopy, copied
from eventorg.domain.events import Event
from eventorg.domain.values import rfc3339
from eventorg.domain.wall_clock import at_local_time, local_time

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"]
EVENT = Event(
    id="id",
    code="code",
    title="Tea",
    description=None,
    start_time="2027-03-20T18:00:00Z",
    end_time="2027-03-20T20:00:00Z",
    location=None,
    organizer_id="organizer",
    created_at="2027-01-01T00:00:00Z",
    updated_at="2027-01-01T00:00:00Z",
    timezone="Europe/Berlin",
    capacity=None,
    waitlist=True,
    status="cancelled",
    visibility="public",
    registered_count=3,
    waitlisted_count=0,
    version=7,
    max_guests=0,
    approval_required=False,
    registration_opens_at="2027-03-13T11:00:00Z",
    registration_closes_at="2027-03-20T17:00:00Z",
    participants_visibility="everyone",
    pending_count=0,
    maybe_count=0,
    declined_count=0,
)
NIGHT = structs.replace(EVENT, registration_opens_at=None, registration_closes_at=None)
TIMES = ("start_time", "end_time", "registration_opens_at", "registration_closes_at")


def times(event: Event) -> tuple[str | None, ...]:
    return tuple(getattr(event, name) for name in TIMES)


def test_times_keep_their_place_on_the_wall_clock_across_a_change() -> None:
    copy = copied(EVENT, EventCopy(start_time="2027-04-17T17:00:00Z"))  # 19:00 as before, in summer time
    assert times(copy) == (
        "2027-04-17T17:00:00Z",
        "2027-04-17T19:00:00Z",
        "2027-04-10T10:00:00Z",
        "2027-04-17T16:00:00Z",
    )
    assert copy.status == "published"
    back = copied(copy, EventCopy(start_time=EVENT.start_time))
    assert times(back) == times(EVENT)


def test_an_evening_earlier_moves_everything_with_it() -> None:
    copy = copied(EVENT, EventCopy(start_time="2027-03-29T16:30:00Z"))  # 18:30, the day after the change
    assert times(copy) == (
        "2027-03-29T16:30:00Z",
        "2027-03-29T18:30:00Z",
        "2027-03-22T10:30:00Z",  # 11:30, before the change
        "2027-03-29T15:30:00Z",
    )


def test_what_is_given_is_not_moved() -> None:
    given_times = EventCopy(
        start_time="2027-04-17T17:00:00Z",
        end_time="2027-04-17T18:00:00Z",
        registration_opens_at=None,
        registration_closes_at="2027-04-01T00:00:00Z",
        status="draft",
        title="Coffee",
        description="With cake",
    )
    copy = copied(EVENT, given_times)
    assert times(copy) == ("2027-04-17T17:00:00Z", "2027-04-17T18:00:00Z", None, "2027-04-01T00:00:00Z")
    assert (copy.status, copy.title, copy.description) == ("draft", "Coffee", "With cake")


@pytest.mark.parametrize(
    ("end", "start", "expected"),
    [
        # Clocks in Berlin show no 02:00 to 03:00 on 2027-03-28: 02:30 is 03:30 (RFC 5545, section 3.3.5).
        ("2027-03-21T01:30:00Z", "2027-03-27T18:00:00Z", "2027-03-28T01:30:00Z"),
        # They show 02:00 to 03:00 twice on 2027-10-31: 02:30 is the first.
        ("2027-03-21T01:30:00Z", "2027-10-30T17:00:00Z", "2027-10-31T00:30:00Z"),
    ],
)
def test_an_hour_that_is_left_out_or_comes_twice(end: str, start: str, expected: str) -> None:
    event = structs.replace(NIGHT, end_time=end)
    assert copied(event, EventCopy(start_time=start)).end_time == expected


def test_a_copy_in_another_time_zone_keeps_the_distance_on_the_clocks() -> None:
    copy = copied(EVENT, EventCopy(start_time="2027-04-17T10:00:00Z", timezone="Asia/Tokyo"))
    assert times(copy) == (
        "2027-04-17T10:00:00Z",
        "2027-04-17T12:00:00Z",
        "2027-04-10T03:00:00Z",
        "2027-04-17T09:00:00Z",
    )


def test_times_that_a_change_of_the_clocks_would_reverse_keep_the_time_between_them() -> None:
    """From 02:45 to 02:15, when the clocks show that hour again: half an hour, on every other night too."""
    event = structs.replace(NIGHT, start_time="2027-10-31T00:45:00Z", end_time="2027-10-31T01:15:00Z")
    copy = copied(event, EventCopy(start_time="2027-11-07T01:45:00Z"))
    assert copy.end_time == "2027-11-07T02:15:00Z"
    window = structs.replace(
        EVENT, registration_opens_at="2026-10-25T00:45:00Z", registration_closes_at="2026-10-25T01:15:00Z"
    )
    moved = copied(window, EventCopy(start_time="2027-03-21T18:00:00Z"))
    assert (moved.registration_opens_at, moved.registration_closes_at) == (
        "2026-10-26T01:45:00Z",
        "2026-10-26T02:15:00Z",
    )


@pytest.mark.parametrize(
    ("event", "given_times", "field", "code"),
    [
        (EVENT, EventCopy(start_time="2027-04-17T17:00:00Z", end_time="2027-04-17T17:00:00Z"), "end_time",
         "end_before_start"),
        (EVENT, EventCopy(start_time="2027-04-17T17:00:00Z", registration_closes_at="2027-04-01T00:00:00Z"),
         "registration_closes_at", "closes_before_opening"),
        (EVENT, EventCopy(start_time="2200-12-31T23:00:00Z"), "end_time", "year_out_of_range"),
        (EVENT, EventCopy(start_time="1970-01-01T00:00:00Z"), "registration_opens_at", "year_out_of_range"),
        (structs.replace(EVENT, registration_opens_at="1970-01-01T00:00:00Z"),
         EventCopy(start_time="1970-01-02T00:00:00Z"), "registration_opens_at", "year_out_of_range"),
    ],
)  # fmt: skip
def test_times_out_of_order_or_range_are_refused(event: Event, given_times: EventCopy, field: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        copied(event, given_times)
    assert [(fault.field, fault.code) for fault in refused.value.errors] == [(field, code)]


moments = st.integers(1_577_836_800, 2_051_222_400).map(lambda second: rfc3339(datetime.fromtimestamp(second, UTC)))


@given(moments, moments, st.integers(1, 3 * 86_400), st.sampled_from(ZONES))
def test_the_end_is_after_the_start_and_on_the_same_clock_time(old: str, new: str, seconds: int, zone: str) -> None:
    end = rfc3339(datetime.fromisoformat(old) + timedelta(seconds=seconds))
    event = structs.replace(NIGHT, start_time=old, end_time=end, timezone=zone)
    copy = copied(event, EventCopy(start_time=new))
    assert copy.end_time > new
    wanted = local_time(new, zone) + (local_time(end, zone) - local_time(old, zone))
    exists = wanted == local_time(at_local_time(wanted, zone), zone)
    if exists and at_local_time(wanted, zone) > new:
        assert local_time(copy.end_time, zone) == wanted
        assert wanted.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC) == datetime.fromisoformat(copy.end_time)
