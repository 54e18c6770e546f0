"""Tests which rules are accepted, and the dates that they name."""

import itertools
import time
from datetime import datetime

import pytest

from eventorg.plugin import Refused
from eventorg.testing import check_problem

from ..rules import Place, is_past, parse, places_after
from .scene import Scene


def dates(rrule: str, start: str, most: int = 10, timezone: str = "UTC", after: Place | None = None) -> list[str]:
    begin = datetime.fromisoformat(start)
    found = places_after(parse(rrule), begin, timezone, after or Place(start[:10], 1))
    return [place.date for place in itertools.islice(found, most)]


@pytest.mark.parametrize(
    ("rrule", "start", "expected"),
    [
        ("FREQ=DAILY;INTERVAL=2;COUNT=4", "2027-02-26T19:00:00", ["2027-02-28", "2027-03-02", "2027-03-04"]),
        ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=4", "2027-01-05T19:00:00", ["2027-01-07", "2027-01-12", "2027-01-14"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=3", "2027-01-06T19:00:00", ["2027-01-18", "2027-02-01"]),
        ("FREQ=MONTHLY;COUNT=4", "2027-01-31T19:00:00", ["2027-03-31", "2027-05-31", "2027-07-31"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "2027-01-31T19:00:00", ["2027-02-28", "2027-03-31", "2027-04-30"]),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=4", "2027-01-30T19:00:00", ["2027-02-15", "2027-03-15", "2027-03-30"]),
        ("FREQ=MONTHLY;BYDAY=2TU;COUNT=3", "2027-01-12T19:00:00", ["2027-02-09", "2027-03-09"]),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=3", "2027-01-29T19:00:00", ["2027-02-26", "2027-03-26"]),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=3", "2027-08-13T19:00:00", ["2028-10-13", "2029-04-13"]),
        ("FREQ=YEARLY;COUNT=3", "2028-02-29T19:00:00", ["2032-02-29", "2036-02-29"]),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "2027-05-17T19:00:00", ["2028-05-15", "2029-05-14"]),
        ("FREQ=YEARLY;BYMONTHDAY=31;COUNT=3", "2027-01-31T19:00:00", ["2027-03-31", "2027-05-31"]),
        ("freq=weekly;until=20270119", "2027-01-05T19:00:00", ["2027-01-12", "2027-01-19"]),
        ("FREQ=WEEKLY;UNTIL=20270119T190000Z", "2027-01-05T19:00:00", ["2027-01-12", "2027-01-19"]),
        ("FREQ=WEEKLY;UNTIL=20270119T185959Z", "2027-01-05T19:00:00", ["2027-01-12"]),
        ("COUNT=1;FREQ=DAILY", "2027-01-05T19:00:00", []),
        ("FREQ=DAILY;UNTIL=20270105", "2027-01-05T19:00:00", []),
    ],
)
def test_a_rule_names_these_dates(rrule: str, start: str, expected: list[str]) -> None:
    assert dates(rrule, start) == expected


def test_the_first_event_counts_even_if_the_rule_does_not_name_its_day() -> None:
    found = dates("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "2027-01-06T19:00:00")
    assert found == ["2027-01-12", "2027-01-19"]


def test_until_is_a_time_in_utc_and_a_date_is_one_of_the_zone() -> None:
    start, zone = "2027-01-04T23:30:00", "America/New_York"  # 04:30 UTC of the next day
    assert dates("FREQ=DAILY;UNTIL=20270106T042959Z", start, timezone=zone) == []
    assert dates("FREQ=DAILY;UNTIL=20270106T043000Z", start, timezone=zone) == ["2027-01-05"]
    assert dates("FREQ=DAILY;UNTIL=20270105", start, timezone=zone) == ["2027-01-05"]
    assert not is_past(parse("FREQ=DAILY;UNTIL=20270104"), datetime.fromisoformat(start), zone)


@pytest.mark.parametrize(
    "rrule",
    [
        "FREQ=DAILY;INTERVAL=3;BYDAY=MO,TU",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU",
        "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=31",
        "FREQ=MONTHLY;BYDAY=1MO,-1SU;INTERVAL=5",
        "FREQ=MONTHLY;INTERVAL=7",
        "FREQ=YEARLY;INTERVAL=3;BYDAY=1MO,53SA",
        "FREQ=YEARLY",
    ],
)
@pytest.mark.parametrize("start", ["2027-01-31T19:00:00", "2028-02-29T19:00:00", "2027-06-16T19:00:00"])
def test_a_search_from_a_later_date_finds_the_same(rrule: str, start: str) -> None:
    whole = dates(rrule, start, 40)
    for number in (0, 7, 20):
        later = Place(whole[number], number + 2)
        assert dates(rrule, start, 40 - number - 1, after=later) == whole[number + 1 :]


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31", []),
        ("FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=20", []),
        ("FREQ=YEARLY;BYDAY=53MO;BYMONTHDAY=1", []),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", []),
        ("FREQ=DAILY;INTERVAL=1000000000", []),
        ("FREQ=WEEKLY;INTERVAL=999999999999999999999999", []),
        ("FREQ=DAILY;COUNT=1000000000;INTERVAL=30", ["2027-03-04"]),
        (f"FREQ=DAILY;INTERVAL=30;COUNT={'9' * 400}", ["2027-03-04"]),
        ("FREQ=YEARLY;INTERVAL=200", []),
    ],
)
def test_an_enormous_rule_takes_bounded_work(rrule: str, expected: list[str]) -> None:
    begun = time.process_time()
    assert dates(rrule, "2027-02-02T19:00:00", 1) == expected
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    ("rrule", "code"),
    [
        ("", "rrule_syntax"),
        ("weekly", "rrule_syntax"),
        ("FREQ=", "rrule_syntax"),
        ("FREQ=WEEKLY;", "rrule_syntax"),
        (";FREQ=WEEKLY", "rrule_syntax"),
        ("RRULE:FREQ=WEEKLY", "rrule_syntax"),
        ("FREQ=FORTNIGHTLY", "rrule_syntax"),
        ("FREQ=DAıLY", "rrule_syntax"),
        ("BYDAY=MO", "rrule_syntax"),
        ("FREQ=DAILY;FREQ=WEEKLY", "rrule_syntax"),
        ("FREQ=DAILY;INTERVAL=0", "rrule_syntax"),
        ("FREQ=DAILY;INTERVAL=-1", "rrule_syntax"),
        ("FREQ=DAILY;INTERVAL=1.5", "rrule_syntax"),
        ("FREQ=DAILY;COUNT=0", "rrule_syntax"),
        ("FREQ=DAILY;COUNT=٣", "rrule_syntax"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270201", "rrule_syntax"),
        ("FREQ=DAILY;UNTIL=20270230", "rrule_syntax"),
        ("FREQ=DAILY;UNTIL=20270201T120000", "rrule_syntax"),
        ("FREQ=DAILY;UNTIL=2027-02-01", "rrule_syntax"),
        ("FREQ=DAILY;UNTIL=00000101", "rrule_syntax"),
        ("FREQ=WEEKLY;BYDAY=XX", "rrule_syntax"),
        ("FREQ=WEEKLY;BYDAY=MO,", "rrule_syntax"),
        ("FREQ=WEEKLY;BYDAY=2MO", "rrule_syntax"),
        ("FREQ=DAILY;BYDAY=1MO", "rrule_syntax"),
        ("FREQ=MONTHLY;BYDAY=6MO", "rrule_syntax"),
        ("FREQ=MONTHLY;BYDAY=0MO", "rrule_syntax"),
        ("FREQ=YEARLY;BYDAY=54MO", "rrule_syntax"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "rrule_syntax"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "rrule_syntax"),
        ("FREQ=MONTHLY;BYMONTHDAY=-32", "rrule_syntax"),
        ("FREQ=WEEKLY;BYMONTHDAY=1", "rrule_syntax"),
        ("FREQ=HOURLY", "rrule_unsupported"),
        ("FREQ=MINUTELY;INTERVAL=1440", "rrule_unsupported"),
        ("FREQ=SECONDLY", "rrule_unsupported"),
        ("FREQ=DAILY;BYHOUR=10", "rrule_unsupported"),
        ("FREQ=YEARLY;BYMONTH=2", "rrule_unsupported"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1", "rrule_unsupported"),
        ("FREQ=WEEKLY;WKST=SU", "rrule_unsupported"),
    ],
)
def test_other_rules_are_refused(rrule: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        parse(rrule)
    assert refused.value.code == code
    assert refused.value.values.keys() == {"ru", "en"}


def test_a_refused_rule_is_422_in_the_readers_language(scene: Scene) -> None:
    event = scene.event()
    for rrule, code in (("FREQ=HOURLY", "rrule_unsupported"), ("FREQ=WEEKLY;COUNT=x", "rrule_syntax")):
        for language in ("ru", "en"):
            body = {"event_id": event["id"], "rrule": rrule}
            response = scene.host.post("/series", json=body, headers={"Accept-Language": language})
            (error,) = check_problem(response, 422)["errors"]
            assert (error["field"], error["code"]) == ("rrule", code)
            assert error["message"].isascii() or language == "ru" or "“" in error["message"]


def test_the_rule_has_up_to_500_characters_and_comes_back_as_sent(scene: Scene) -> None:
    days = ",".join(["mo"] * 162)
    rrule = f"freq=weekly;byday={days}"
    assert len(rrule) == 503
    body = {"event_id": scene.event()["id"], "rrule": rrule}
    (error,) = check_problem(scene.host.post("/series", json=body), 422)["errors"]
    assert error["code"] == "too_long"
    series = scene.repeat(scene.event(), rrule[:-3])
    assert series["rrule"] == rrule[:-3]


def test_a_series_that_ends_before_its_first_event_is_refused(scene: Scene) -> None:
    body = {"event_id": scene.event()["id"], "rrule": "FREQ=WEEKLY;UNTIL=20270104"}
    (error,) = check_problem(scene.host.post("/series", json=body), 422)["errors"]
    assert (error["field"], error["code"]) == ("rrule", "rrule_ends_before_start")
