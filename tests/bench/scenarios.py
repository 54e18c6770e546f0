"""The table of scenarios: which requests are sent to which variants."""

import json
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from tests.bench.dataset import BOT_TOKEN, PASSWORD, READERS, Dataset
from tests.bench.load import Load

READ_CONNECTIONS = 32
WRITE_CONNECTIONS = 64
LOGIN_CONNECTIONS = 4
FEED_PAGE = 100
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


def register(data: Dataset) -> Load:
    """Returns requests in which the callers register for one empty event after the other."""
    return Load(
        method="POST",
        paths=[f"/events/{event}/register" for event in data.empty[1:]],  # the first is for the check
        callers=[(token, "") for token in data.tokens],
        connections=WRITE_CONNECTIONS,
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
    Scenario(name="login", title="POST /login", load=login),
    Scenario(name="changes", title="GET /changes, the last 100", load=_changes),
    Scenario(name="calendar", title="GET /calendar/{secret}/feed.ics, 10 events", load=_calendar),
    Scenario(
        name="register",
        title="POST /events/{id}/register, durable",
        load=register,
        variants=("eventorg", "normal", "gateless", "single", "bare", "sqlite3", *ALL_PEERS),
        writes=True,
    ),
]
