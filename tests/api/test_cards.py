"""The card of an event: numbers, names, times, and a text within Telegram's limit."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventorg.domain.cards import CardData, NamedParty, ParticipantCounts
from eventorg.domain.events import Event
from eventorg.locales.cards import MAX_TEXT, Card, make_card
from eventorg.testing import Server, check_problem

ID = "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"


def card(
    language: str = "ru", *, names: list[str] | None = None, party_guests: list[int] | None = None, **fields: Any
) -> Card:
    """Returns the card of an event with these fields."""
    event: dict[str, Any] = {
        "id": ID,
        "code": "abcdefghi",
        "title": "Встреча",
        "description": None,
        "start_time": "2027-09-15T10:00:00Z",
        "end_time": "2027-09-15T12:00:00Z",
        "location": None,
        "organizer_id": ID,
        "created_at": "2027-01-01T00:00:00Z",
        "updated_at": "2027-01-01T00:00:00Z",
        "timezone": "UTC",
        "capacity": None,
        "waitlist": True,
        "status": "published",
        "visibility": "public",
        "registered_count": len(names or []),
        "waitlisted_count": 0,
        "version": 1,
        "max_guests": 0,
        "approval_required": False,
        "registration_opens_at": None,
        "registration_closes_at": None,
        "participants_visibility": "everyone",
        "pending_count": 0,
        "maybe_count": 0,
        "declined_count": 0,
    } | fields
    counts = ParticipantCounts(
        registered=0, waitlisted=0, attended=0, cancelled=0, guests=0, pending=0, maybe=0, declined=0
    )
    parties = [NamedParty(name, guests) for name, guests in zip(names or [], party_guests or [0] * 100, strict=False)]
    return make_card(CardData(Event(**event), "etag", counts, parties), language)


def units(content: str) -> int:
    """Returns the length in UTF-16 units. Raises an error for half a surrogate pair."""
    return len(content.encode("utf-16-le")) // 2


def test_counts_and_names_are_those_of_the_registrations(server: Server) -> None:
    host = server.sign_up()
    people = [{"first_name": "Анна", "last_name": "Ли"}, {"first_name": "Боб"}, {"last_name": "Вин"}, {}, {}, {}]
    guests = [server.sign_up(**person) for person in people]
    url = f"/events/{host.create_event(capacity=4)['id']}"
    for guest in guests:
        guest.post(f"{url}/register")
    host.patch(f"{url}/participants/{guests[1].id}", json={"status": "attended"})
    guests[0].delete(f"{url}/register")

    shown = host.get(f"{url}/card").json()
    statuses = {"registered": 3, "waitlisted": 1, "attended": 1, "cancelled": 1}
    assert shown["counts"] == statuses | {"guests": 0, "pending": 0, "maybe": 0, "declined": 0}
    usernames = [guest.account["username"] for guest in guests]
    assert (shown["names"], shown["more"]) == (["Боб", "Вин", *usernames[3:5]], 0)
    assert shown["text"].splitlines()[-4:] == [f"{n}. {name}" for n, name in enumerate(shown["names"], start=1)]

    few = host.get(f"{url}/card?names=1").json()
    assert (few["names"], few["more"]) == (["Боб"], 3)
    none = host.get(f"{url}/card?names=0").json()
    assert (none["names"], none["more"]) == ([], 4)
    # no "and 4 more" of nobody
    assert none["text"].splitlines()[-1] == "Занято 4 из 4 мест, 1 в списке ожидания"
    for names in (-1, 101, "x"):
        check_problem(host.get(f"{url}/card?names={names}"), 422)


@pytest.mark.parametrize(
    ("query", "header", "language"),
    [
        ("", "", "ru"),
        ("", "en", "en"),
        ("?locale=en", "ru", "en"),
        ("?locale=ru", "en", "ru"),
        ("?locale=en-GB", "", "en"),
        ("?locale=xx", "", "ru"),
        ("?locale=de", "en", "en"),
        ("?locale=", "en", "en"),
        ("?locale=RU-ru", "en", "ru"),
    ],
)
def test_the_language_is_the_one_asked_for(server: Server, query: str, header: str, language: str) -> None:
    host = server.sign_up()
    event = host.create_event(start_time="2090-06-05T10:00:00Z", end_time="2090-06-05T12:00:00Z")
    shown = host.get(f"/events/{event['id']}/card{query}", headers={"Accept-Language": header}).json()
    assert shown["locale"] == language
    assert ("июня" if language == "ru" else "June") in shown["start_text"]


@pytest.mark.parametrize(
    ("zone", "start", "end", "when"),
    [
        ("UTC", "2027-09-15T10:00:00Z", "2027-09-15T12:00:00Z", "Wed, 15 September 2027, 10:00 – 12:00 (UTC)"),
        ("Europe/Moscow", "2027-09-15T10:00:00Z", "2027-09-15T12:00:00Z", "15 September 2027, 13:00 – 15:00 (Europe"),
        ("Asia/Tokyo", "2027-09-15T14:00:00Z", "2027-09-15T16:00:00Z", "15 September 2027, 23:00 – Thu, 16 September"),
        ("America/New_York", "2027-11-07T05:30:00Z", "2027-11-07T07:30:00Z", "7 November 2027, 01:30 – 02:30 (America"),
        ("Asia/Kathmandu", "2027-01-01T00:00:00Z", "2027-01-01T00:30:00Z", "1 January 2027, 05:45 – 06:15 (Asia"),
    ],
)
def test_times_are_told_in_the_events_zone(zone: str, start: str, end: str, when: str) -> None:
    shown = card("en", timezone=zone, start_time=start, end_time=end)
    assert when in shown.text
    assert (shown.start_time, shown.end_time, shown.timezone) == (start, end, zone)


def test_unix_times_are_seconds_whatever_the_zone() -> None:
    for zone in ("UTC", "Europe/Moscow", "America/New_York"):
        shown = card(timezone=zone)
        assert (shown.start_unix, shown.end_unix) == (1821002400, 1821009600)


@pytest.mark.parametrize(
    ("count", "russian", "english"),
    [
        (0, "0 участников", "0 participants"),
        (1, "1 участник", "1 participant"),
        (2, "2 участника", "2 participants"),
        (5, "5 участников", "5 participants"),
        (11, "11 участников", "11 participants"),
        (12, "12 участников", "12 participants"),
        (21, "21 участник", "21 participants"),
        (22, "22 участника", "22 participants"),
        (111, "111 участников", "111 participants"),
    ],
)
def test_numbers_stand_with_the_right_form_of_their_noun(count: int, russian: str, english: str) -> None:
    for language, noun in (("ru", russian), ("en", english)):
        assert noun in card(language, registered_count=count).text.splitlines()


@pytest.mark.parametrize(
    ("fields", "russian", "english"),
    [
        ({"capacity": 7}, "Занято 0 из 7 мест", "0 of 7 seats"),
        ({"capacity": 1, "registered_count": 1}, "Занято 1 из 1 места", "1 of 1 seat"),
        ({"capacity": 21}, "Занято 0 из 21 места", "0 of 21 seats"),
        ({"capacity": 2, "waitlisted_count": 3}, "Занято 0 из 2 мест, 3 в списке ожидания", "0 of 2 seats, 3 waiting"),
        ({"pending_count": 1}, "0 участников, 1 ждёт одобрения", "0 participants, 1 awaiting approval"),
        ({"pending_count": 22}, "0 участников, 22 ждут одобрения", "0 participants, 22 awaiting approval"),
        ({"maybe_count": 4}, "0 участников, 4 под вопросом", "0 participants, 4 maybe"),
        ({"declined_count": 4}, "0 участников", "0 participants"),
        (
            {"capacity": 20, "registered_count": 12, "waitlisted_count": 3, "pending_count": 2, "maybe_count": 1},
            "Занято 12 из 20 мест, 3 в списке ожидания, 2 ждут одобрения, 1 под вопросом",
            "12 of 20 seats, 3 waiting, 2 awaiting approval, 1 maybe",
        ),
    ],
)
def test_the_numbers_are_one_line(fields: dict[str, Any], russian: str, english: str) -> None:
    for language, line in (("ru", russian), ("en", english)):
        assert line in card(language, **fields).text.splitlines()


@pytest.mark.parametrize(
    ("opens", "closes", "russian", "english"),
    [
        (
            None,
            "2027-09-10T15:00:00Z",
            "Запись до пт, 10 сентября, 18:00",
            "Registration closes Fri, 10 September, 18:00",
        ),
        ("2027-09-01T06:00:00Z", None, "Запись с ср, 1 сентября, 09:00", "Registration opens Wed, 1 September, 09:00"),
        (
            "2026-12-31T06:00:00Z",
            "2027-09-10T15:00:00Z",
            "Запись с чт, 31 декабря 2026, 09:00 до пт, 10 сентября, 18:00",
            "Registration opens Thu, 31 December 2026, 09:00 and closes Fri, 10 September, 18:00",
        ),
    ],
)
def test_the_window_is_told_in_the_events_zone(opens: str, closes: str, russian: str, english: str) -> None:
    window: dict[str, Any] = {
        "registration_opens_at": opens,
        "registration_closes_at": closes,
        "timezone": "Europe/Moscow",
    }
    for language, line in (("ru", russian), ("en", english)):
        shown = card(language, **window)
        assert shown.text.splitlines()[-1] == line
        assert (shown.registration_opens_at, shown.registration_closes_at) == (opens, closes)
        assert line not in card(language, status="cancelled", **window).text


def test_the_whole_text_in_both_languages() -> None:
    fields: dict[str, Any] = {"registered_count": 6, "waitlisted_count": 1, "capacity": 6, "location": "Дом"}
    fields |= {"names": ["Анна", "Боб"], "party_guests": [2, 0], "registration_closes_at": "2027-09-10T18:00:00Z"}
    assert card("ru", description="Чай.\nПирог.", **fields).text == (
        "Встреча\n\nср, 15 сентября 2027, 10:00 – 12:00 (UTC)\nДом\n\nЗанято 6 из 6 мест, 1 в списке ожидания\n"
        "Запись до пт, 10 сентября, 18:00\n1. Анна +2\n2. Боб\nи ещё 2 участника\n\nЧай.\nПирог."
    )
    shown = card("en", status="cancelled", **fields)
    assert shown.text == (
        "Встреча\n❌ Cancelled\n\nWed, 15 September 2027, 10:00 – 12:00 (UTC)\nДом\n\n6 of 6 seats, 1 waiting\n"
        "1. Анна +2\n2. Боб\nand 2 more"
    )
    assert (shown.names, shown.more) == (["Анна", "Боб"], 2)


anything = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("😀👨‍👩‍👧‍👦é́ ‮")
astral = st.sampled_from("😀🎉𝔘")


def texts(shortest: int, longest: int) -> st.SearchStrategy[str]:
    """Draws texts of all lengths, the longest of them from characters of two units."""
    lengths = st.integers(shortest, longest)
    return st.text(anything, min_size=shortest, max_size=min(longest, 60)) | st.builds(str.__mul__, astral, lengths)


@settings(max_examples=300, deadline=None, database=None)
@given(
    language=st.sampled_from(["ru", "en"]),
    title=texts(1, 200),
    description=st.none() | texts(0, 4000),
    location=st.none() | texts(0, 500),
    names=st.lists(texts(1, 201), max_size=100),
    more=st.integers(0, 10**9),
)
def test_the_text_fits_into_a_message_whatever_is_in_it(
    language: str, title: str, description: str | None, location: str | None, names: list[str], more: int
) -> None:
    fields: dict[str, Any] = {"title": title, "description": description, "location": location}
    shown = card(language, names=names, **fields | {"registered_count": len(names) + more})
    assert units(shown.text) <= MAX_TEXT
    assert shown.text.startswith(title)
    assert shown.start_text in shown.text
    assert (shown.names, shown.more) == (names, more)


@pytest.mark.parametrize("offset", [0, 1])
def test_a_description_is_cut_between_characters_and_fills_the_message(offset: int) -> None:
    shown = card(title="x" * (10 + offset), description="😀" * 4000)
    assert units(shown.text) in (MAX_TEXT, MAX_TEXT - 1)
    assert shown.text.endswith("😀…")


def test_a_description_that_just_fits_is_whole() -> None:
    room = MAX_TEXT - units(card().text) - 2
    assert card(description="x" * room).text.endswith("x" * room)
    assert units(card(description="x" * room).text) == MAX_TEXT
    assert card(description="x" * (room + 1)).text.endswith("x" * (room - 1) + "…")


def test_names_that_do_not_fit_are_counted() -> None:
    names = [f"{number:03}" + "я" * 197 for number in range(100)]
    shown = card(names=names, registered_count=150)
    listed = [name for name in names if name in shown.text]
    assert listed == names[: len(listed)]
    assert 10 < len(listed) < 100
    assert f"и ещё {150 - len(listed)} участник" in shown.text
    assert MAX_TEXT - units(shown.text) < 210, "another name would have fitted"
