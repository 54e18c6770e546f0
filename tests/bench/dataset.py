"""Makes the database file: eventorg's own migrations, filled with bulk SQL, the same in each run."""

import hashlib
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from eventorg.core import Core, utc_now
from eventorg.domain.normal_forms import fold
from eventorg.domain.values import BASE58, rfc3339
from eventorg.security.passwords import PARAMETERS
from eventorg.security.tokens import Tokens
from eventorg.settings import Settings

SECRET = "0123456789abcdef" * 4
PASSWORD = "correct horse battery"
BOT_TOKEN = "evb_bench"
FOUND = "Баумана"
"""A word of as many events at any size, which a search for it finds."""
_FOUND_EVENTS = 20
_FIRST_TELEGRAM_ID = 1_000_000
HUNDRED = 100
FEW = 25
ORGANIZERS = 10
CALLERS = 1_010
READERS = 50


class Size(Struct, frozen=True):
    """The size of a file. Every user is registered for ten events at any size, so a request costs the same unless the
    size itself makes it slower."""

    name: str
    users: int
    hundreds: int
    """Events with 100 participants."""
    ordinary: int
    """Events with 25 participants."""
    largest: int = 0
    """The participants of the largest event; 0 if there is none."""
    empty: int = 799
    """Events without registrations."""
    answered: int = 799
    """Events without answers."""

    @property
    def events(self) -> int:
        return bool(self.largest) + self.hundreds + self.ordinary + self.empty + self.answered + 1

    @property
    def registrations(self) -> int:
        return self.largest + self.hundreds * HUNDRED + self.ordinary * FEW

    @property
    def changes(self) -> int:
        """Returns the number of changes in the log: one for each event and each registration."""
        return self.events + self.registrations + 1


SMALL = Size("thousand", users=100, hundreds=5, ordinary=20)
MEDIUM = Size("usual", users=5_000, hundreds=200, ordinary=1_000, largest=5_000)
LARGE = Size("million", users=100_000, hundreds=200, ordinary=39_000, largest=5_000)


class Dataset(Struct, frozen=True, kw_only=True):
    """A prepared file, with the ids, tokens and calendar addresses that the requests need."""

    path: Path
    size: Size
    callers: list[str]
    tokens: list[str]
    calendars: list[str]
    largest: str | None
    hundreds: list[str]
    empty: list[str]
    answered: list[str]
    """Events that nobody has answered."""
    full: str
    """An event with one seat, which is taken, and a waiting list."""
    telegram_ids: list[int]
    """Those of the callers."""
    organizer: str
    """The token of the organizer of the largest event."""


def prepare(path: Path, size: Size) -> Dataset:
    """Creates the file and fills it."""
    path.unlink(missing_ok=True)
    settings = Settings(database=str(path), secret=SECRET)
    Core(settings).prepare()
    dice = random.Random(size.name)
    users = [_uuid(dice) for _ in range(size.users)]
    events = [_uuid(dice) for _ in range(size.events)]
    parts = iter(events)
    largest = next(parts) if size.largest else None
    hundreds = list(islice(parts, size.hundreds))
    ordinary = list(islice(parts, size.ordinary))
    empty = list(islice(parts, size.empty))
    answered = list(islice(parts, size.answered))
    full = next(parts)
    participants = {largest: size.largest} if largest else {}
    participants |= dict.fromkeys(hundreds, HUNDRED) | dict.fromkeys(ordinary, FEW)
    callers = users[: min(CALLERS, size.users - ORGANIZERS)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")
        with connection:
            with _without_indexes(connection):
                _fill(connection, dice, users, events, participants, full, set(empty[:_FOUND_EVENTS]))
            calendars = _add_calendars(connection, callers[:READERS])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    tokens = Tokens(utc_now, timedelta(days=1))
    tokens.use((SECRET,))
    return Dataset(
        path=path,
        size=size,
        callers=callers,
        tokens=[tokens.issue(user, 1)[0] for user in callers],
        calendars=calendars,
        largest=largest,
        hundreds=hundreds,
        empty=empty,
        answered=answered,
        full=full,
        telegram_ids=[_FIRST_TELEGRAM_ID + number for number in range(len(callers))],
        organizer=tokens.issue(users[-ORGANIZERS], 1)[0],
    )


@contextmanager
def _without_indexes(connection: sqlite3.Connection) -> Iterator[None]:
    """Drops the indexes and creates them again after the block. This halves the time for a million rows."""
    indexes = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql <> ''").fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, sql in indexes:
        connection.execute(sql)


def _fill(
    connection: sqlite3.Connection,
    dice: random.Random,
    users: list[str],
    events: list[str],
    participants: dict[str, int],
    full: str,
    found: set[str],
) -> None:
    now = rfc3339(utc_now())
    organizers = users[-ORGANIZERS:]
    password = PARAMETERS.hash(PASSWORD)
    names = ((user, f"user{number}") for number, user in enumerate(users))
    connection.executemany(
        """
        INSERT INTO users (
            id, username, username_key, email, email_key, password_hash, first_name, last_name, locale, timezone,
            token_version, version, created_at, updated_at
        )
        VALUES (
            ?1, ?2, ?2, ?2 || '@example.com', ?2 || '@example.com', ?3, 'Анна', 'Иванова', 'ru', 'Europe/Moscow',
            1, 1, ?4, ?4
        )
        """,
        ((user, name, password, now) for user, name in names),
    )
    connection.executemany(
        """
        INSERT INTO events (
            id, code, title, description, start_time, end_time, location, timezone, organizer_id, capacity, waitlist,
            status, visibility, search_text, registered_count, waitlisted_count, version, created_at, updated_at
        )
        VALUES (
            ?1, ?2, ?3, ?4, ?5 || 'T10:00:00Z', ?5 || 'T12:00:00Z', ?6, 'Europe/Moscow', ?7, ?8, 1,
            'published', 'public', ?9, ?10, 0, 1, ?11, ?11
        )
        """,
        (
            (
                event,
                "".join(dice.choices(BASE58, k=9)),
                title := f"Встреча друзей чая {number}",
                description := "Пьём чай, едим пирог и говорим о том, что прочли за месяц. Чашку возьмите с собой.",
                f"2100-{number % 12 + 1:02}-{number % 28 + 1:02}",
                location := f"Казань, улица {FOUND}, 7" if event in found else "Москва, Тверская улица, 1",
                organizers[number % ORGANIZERS],
                1 if event == full else 10_000_000,
                fold(f"{title}\n{description}\n{location}"),
                1 if event == full else participants.get(event, 0),
                now,
            )
            for number, event in enumerate(events)
        ),
    )
    connection.executemany(
        "INSERT INTO registrations (event_id, user_id, status, registration_date) VALUES (?, ?, 'registered', ?)",
        ((event, user, now) for event, user in [*_registrations(users, participants), (full, users[-1])]),
    )
    connection.execute(
        "INSERT INTO changes (at, type, event_id, user_id, actor_id, organizer_id) "
        "SELECT created_at, 'event.created', id, organizer_id, organizer_id, organizer_id FROM events ORDER BY seq"
    )
    connection.execute(
        "INSERT INTO changes (at, type, event_id, user_id, actor_id, organizer_id) "
        "SELECT registration_date, 'registration.created', event_id, user_id, user_id, organizer_id "
        "FROM registrations JOIN events ON events.id = event_id ORDER BY registrations.seq"
    )
    connection.executemany(
        "INSERT INTO telegram_identities VALUES (?, ?, ?, ?4, ?4)",
        ((_FIRST_TELEGRAM_ID + number, user, f"user{number}", now) for number, user in enumerate(users)),
    )
    connection.execute(
        "INSERT INTO bots VALUES ('bench', ?, 'act changes deliver', ?, NULL, NULL)", (_sha256(BOT_TOKEN), now)
    )


def _registrations(users: list[str], participants: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yields event and user of each registration: each event takes the next users in turn."""
    place = 0
    for event, count in participants.items():
        for number in range(place, place + count):
            yield event, users[number % len(users)]
        place += count


def _add_calendars(connection: sqlite3.Connection, users: list[str]) -> list[str]:
    """Adds a calendar feed for each user, and returns their secrets."""
    secrets = [f"bench-{number}" for number in range(len(users))]
    connection.executemany(
        "INSERT INTO calendar_export_addresses VALUES (?, ?, '2026-01-01T00:00:00Z')",
        [(_sha256(secret), user) for user, secret in zip(users, secrets, strict=True)],
    )
    return secrets


def _uuid(dice: random.Random) -> str:
    return str(UUID(int=dice.getrandbits(128), version=4))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
