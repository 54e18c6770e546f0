"""What `/new` reads from one message, in both languages."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ..when import NoSuchDayError, read, read_times

NOW = datetime(2027, 1, 1, 12, tzinfo=UTC)  # a Friday, 15:00 in Moscow
MOSCOW = ZoneInfo("Europe/Moscow")

MESSAGES = {
    "Football Fri 19:00 2h, 12 seats, Luzhniki": ("Football", "2027-01-01T19:00", 120, "Luzhniki", 12, None),
    "Футбол пт 19:00 2ч, 12 мест, Лужники": ("Футбол", "2027-01-01T19:00", 120, "Лужники", 12, None),
    "Tea; tomorrow 18:00": ("Tea", "2027-01-02T18:00", 120, None, None, None),
    "Чай завтра в 18:00": ("Чай", "2027-01-02T18:00", 120, None, None, None),
    "Tea 5 December 7pm": ("Tea", "2027-12-05T19:00", 120, None, None, None),
    "Чай 5 декабря 19:00 у Анны": ("Чай", "2027-12-05T19:00", 120, "у Анны", None, None),
    "Чай послезавтра в 7 вечера": ("Чай", "2027-01-03T19:00", 120, None, None, None),
    "Board games next Friday at 19:00": ("Board games", "2027-01-08T19:00", 120, None, None, None),
    "Встреча в следующую пятницу 19:00": ("Встреча", "2027-01-08T19:00", 120, None, None, None),
    "Игры в субботу в 12, у Пети, 8 человек": ("Игры", "2027-01-02T12:00", 120, "у Пети", 8, None),
    "Black Friday party tomorrow 19:00 for 3 hours at Bar 42": (
        *("Black Friday party", "2027-01-02T19:00", 180, "Bar 42"),
        *(None, None),
    ),
    "завтра 19:00 Футбол, Лужники": ("Футбол", "2027-01-02T19:00", 120, "Лужники", None, None),
    "Йога 07:30 1,5 ч": ("Йога", "2027-01-02T07:30", 90, None, None, None),
    "Кино с 19 до 21:30 сб": ("Кино", "2027-01-02T19:00", 150, None, None, None),
    "Концерт 12.03 20:00": ("Концерт", "2027-03-12T20:00", 120, None, None, None),
    "Concert 2027-03-12 20:00 90 min, no guests": ("Concert", "2027-03-12T20:00", 90, None, None, 0),
    "Call in 3 days at 5pm": ("Call", "2027-01-04T17:00", 120, None, None, None),
    "Встреча через неделю в 15:00": ("Встреча", "2027-01-08T15:00", 120, None, None, None),
    "Формула 1 вс 16:00": ("Формула 1", "2027-01-03T16:00", 120, None, None, None),
    "Run May 5 8:00, 20 people": ("Run", "2027-05-05T08:00", 120, None, 20, None),
    "Party 23:00-01:00, 3 guests": ("Party", "2027-01-01T23:00", 120, None, None, 3),
    "Ужин 7 марта 19.30": ("Ужин", "2027-03-07T19:30", 120, None, None, None),
    "Dinner at 7pm Fri at Mario's": ("Dinner", "2027-01-01T19:00", 120, "Mario's", None, None),
    "Football Sat 19:00 10 players @ Hackney Marshes": (
        "Football",
        "2027-01-02T19:00",
        120,
        "Hackney Marshes",
        10,
        None,
    ),
    "Football @ Hackney Marshes Sat 19:00": ("Football", "2027-01-02T19:00", 120, "Hackney Marshes", None, None),
    "Футбол сб 10 игроков в 19.00-21.30": ("Футбол", "2027-01-02T19:00", 150, None, 10, None),
    "Футбол 30.11 19-21, 22 игрока": ("Футбол", "2027-11-30T19:00", 120, None, 22, None),
    "Sat 19-22 Chess": ("Chess", "2027-01-02T19:00", 180, None, None, None),
    "Tea Feb 29 18:00": ("Tea", "2028-02-29T18:00", 120, None, None, None),
    "Yesterday's hits tomorrow 19:00": ("Yesterday's hits", "2027-01-02T19:00", 120, None, None, None),
    "Fri 14:00 Tea": ("Tea", "2027-01-08T14:00", 120, None, None, None),
}


_PAST = [
    *(
        "Tea yesterday 19:00",
        "Чай вчера в 19:00",
        "Чай позавчера 19:00",
        "Tea last Friday 19:00",
        "Чай 2 дня назад 19:00",
    ),
    *("Tea 3 days ago 19:00", "Чай в прошлую субботу 19:00", "Tea 31 December 2026 19:00", "Tea 2026-12-31 19:00"),
]
NOWHERE = [
    *(
        "Футбол 32 декабря 19:00",
        "Football 31 Nov 19:00",
        "Tea 31.02 19:00",
        "Tea February 30 19:00",
        "Чай 29.02.2027 19:00",
    ),
    *("Tea 2027-02-30 19:00", "Tea 11/30 19:00", "Чай 31 апреля 2028 19:00"),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_read(message: str) -> None:
    title, start, minutes, location, capacity, guests = MESSAGES[message]
    draft = read(message, NOW, MOSCOW)
    assert draft.start
    assert draft.end
    assert (draft.title, draft.start.isoformat("T", "minutes")[:16]) == (title, start)
    assert (draft.end - draft.start).total_seconds() == minutes * 60
    assert (draft.location, draft.capacity, draft.max_guests) == (location, capacity, guests)
    assert not draft.is_past


@pytest.mark.parametrize("message", ["Football", "Football tomorrow", "Run 25:00", "Run 10:75", ""])
def test_without_a_time_there_is_no_start(message: str) -> None:
    assert read(message, NOW, MOSCOW).start is None


@pytest.mark.parametrize("message", ["Tea today 11:00", "Чай 01.01.2026 19:00", *_PAST])
def test_a_time_that_is_over_is_noticed(message: str) -> None:
    assert read(message, NOW, MOSCOW).is_past


@pytest.mark.parametrize("message", NOWHERE)
def test_a_day_in_no_calendar_is_noticed(message: str) -> None:
    with pytest.raises(NoSuchDayError):
        read(message, NOW, MOSCOW)
    with pytest.raises(NoSuchDayError):
        read_times(message, NOW, MOSCOW, (NOW, NOW))


def test_an_event_that_is_not_over_does_not_move_to_the_past_in_silence() -> None:
    old = (NOW + timedelta(days=3), NOW + timedelta(days=3, hours=2))
    times = read_times("вчера 10:00", NOW, MOSCOW, old)
    assert times
    assert times[0] < NOW


@pytest.mark.parametrize("words", ["без очереди", "no waiting list", "no waitlist", "without a queue"])
def test_there_is_no_waiting_list(words: str) -> None:
    draft = read(f"Tea Sat 19:00, 5 players, {words}", NOW, MOSCOW)
    assert (draft.title, draft.location, draft.capacity, draft.has_waitlist) == ("Tea", None, 5, False)


def test_the_clocks_go_forward_and_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    skipped = read("Tea 28.03 02:30", NOW, berlin)
    assert skipped.start
    assert skipped.start.astimezone(UTC) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC), "later by the gap"
    twice = read("Tea 31.10 02:30 1h", NOW, berlin)
    assert twice.start
    assert twice.end
    assert twice.start.astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "the first of both"
    assert twice.end.astimezone(UTC) == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)
