"""The table of scenarios: which requests are sent to which variants."""

import json
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from tests.bench.dataset import BOT_TOKEN, FOUND, PASSWORD, READERS, Dataset
from tests.bench.load import Load

READ_CONNECTIONS = 32
WRITE_CONNECTIONS = 64
LOGIN_CONNECTIONS = 4
FEED_PAGE = 100
LIST_STARTS: Final = [f"2100-{month:02}-01T00:00:00Z" for month in range(1, 13)]
LIST_LIMIT: Final = 20
ALL_PEERS: Final = ("fastapi", "django", "alchemy", "fastify")


class Scenario(Struct, frozen=True, kw_only=True):
    """One kind of request, and the variants that answer it. `grows` is also measured on files of other sizes."""

    name: str
    title: str
    load: Callable[[Dataset], Load]
    variants: tuple[str, ...] = ("eventorg",)
    writes: bool = False
    grows: bool = True


def _event(data: Dataset) -> Load:
    return _read(data, [f"/events/{event}" for event in data.hundreds])


def _participants(data: Dataset) -> Load:
    return _read(data, [f"/events/{event}/participants" for event in data.hundreds])


def _all_participants(data: Dataset) -> Load:
    return _read(data, [f"/events/{data.largest}/participants"], connections=4)


def _list(data: Dataset) -> Load:
    return _read(data, [f"/events?from={start}&limit={LIST_LIMIT}" for start in LIST_STARTS])


def _search(data: Dataset) -> Load:
    return _read(data, [f"/events?q={quote(FOUND)}&from={start}&limit={LIST_LIMIT}" for start in LIST_STARTS])


def _card(data: Dataset) -> Load:
    return _read(data, [f"/events/{event}/card?locale=ru" for event in data.hundreds])


def register(data: Dataset) -> Load:
    """Returns requests in which the callers register for one empty event after the other."""
    return Load(
        method="POST",
        paths=[f"/events/{event}/register" for event in data.empty[1:]],  # the first is for the check
        callers=[(token, "") for token in data.tokens],
        connections=WRITE_CONNECTIONS,
    )


def rsvp(data: Dataset) -> Load:
    """Returns requests in which one caller answers "going" and the next one "maybe", for one event after the other."""
    bodies = [json.dumps({"answer": answer}) for answer in ("going", "maybe")]
    return Load(
        method="PUT",
        paths=[f"/events/{event}/rsvp" for event in data.answered[1:]],  # the first is for the check
        callers=[(token, bodies[number % 2]) for number, token in enumerate(data.tokens)],
        connections=WRITE_CONNECTIONS,
    )


def _identity(data: Dataset) -> Load:
    """Returns what a bot sends with each message of a person whom it knows."""
    body = json.dumps({"first_name": "Анна", "last_name": "Иванова", "locale": "ru"}, ensure_ascii=False)
    return Load(
        method="PUT",
        paths=[f"/identities/telegram/{telegram_id}" for telegram_id in data.telegram_ids],
        callers=[(BOT_TOKEN, body)],
        connections=READ_CONNECTIONS,
    )


def login(data: Dataset) -> Load:
    """Returns requests in which the callers log in, one after the other."""
    bodies = [
        json.dumps({"email": f"user{number}@example.com", "password": PASSWORD}) for number in range(len(data.callers))
    ]
    return Load(method="POST", paths=["/login"], callers=[("", body) for body in bodies], connections=LOGIN_CONNECTIONS)


def _changes(data: Dataset) -> Load:
    after = data.size.changes - FEED_PAGE
    path = f"/changes?after={after}&limit={FEED_PAGE}"
    return Load(method="GET", paths=[path], callers=[(BOT_TOKEN, "")], connections=READ_CONNECTIONS)


def _calendar(data: Dataset) -> Load:
    paths = [f"/calendar/{secret}/feed.ics" for secret in data.calendars]
    return Load(method="GET", paths=paths, callers=[("", "")], connections=READ_CONNECTIONS)


def _read(data: Dataset, paths: list[str], connections: int = READ_CONNECTIONS) -> Load:
    return Load(
        method="GET", paths=paths, callers=[(token, "") for token in data.tokens[:READERS]], connections=connections
    )


SCENARIOS: Final = [
    Scenario(
        name="event",
        title="GET /events/{id} with a token",
        load=_event,
        variants=("eventorg", "bare", "sqlite3", *ALL_PEERS),
    ),
    Scenario(
        name="participants",
        title="GET /events/{id}/participants, 100 of them",
        load=_participants,
        variants=("eventorg", "bare", "sqlite3", *ALL_PEERS),
    ),
    Scenario(
        name="all-participants",
        title="GET /events/{id}/participants, 5,000 of them",
        load=_all_participants,
        variants=("eventorg", "bare", "sqlite3", "fastify"),
        grows=False,
    ),
    Scenario(
        name="list",
        title="GET /events?from=…&limit=20",
        load=_list,
        variants=("eventorg", "bare", "sqlite3", *ALL_PEERS),
    ),
    Scenario(name="search", title="GET /events?q=…&from=…&limit=20, 20 found", load=_search),
    Scenario(name="card", title="GET /events/{id}/card, 100 participants", load=_card),
    Scenario(name="login", title="POST /login", load=login),
    Scenario(name="changes", title="GET /changes, the last 100", load=_changes),
    Scenario(name="calendar", title="GET /calendar/{secret}/feed.ics, 10 events", load=_calendar),
    Scenario(name="identity", title="PUT /identities/telegram/{id}, a known person", load=_identity),
    Scenario(
        name="register",
        title="POST /events/{id}/register, durable",
        load=register,
        variants=("eventorg", "normal", "gateless", "single", "bare", "sqlite3", *ALL_PEERS),
        writes=True,
    ),
    Scenario(
        name="rsvp",
        title="PUT /events/{id}/rsvp, going or maybe, durable",
        load=rsvp,
        variants=("eventorg", "bare", "sqlite3", *ALL_PEERS),
        writes=True,
    ),
]
