"""The framework's limit: Litestar routes that answer from memory, on eventorg's server."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import msgspec
import uvicorn
from litestar import Litestar, get, post, put
from litestar.params import FromPath, JSONBody

from eventorg.domain.events import Event, EventPage, EventQuery
from eventorg.domain.registrations import Participants, Registration
from eventorg.domain.rsvps import AnswerCounts, NewRsvp, Rsvp
from eventorg.package_data import data_folder
from eventorg.repositories.event_search import compose_search
from eventorg.serving.server import listen, server_config
from eventorg.settings import Settings, load
from eventorg.storage.sqlite import connect_reader
from eventorg.storage.statements import Statement, Statements
from eventorg.web.pagination import encode_cursor
from eventorg.web.time_ranges import From

SQL = Statements(data_folder("sql"))


@get("/health")
async def get_health() -> dict[str, str]:
    return {"status": "ok"}


@get("/events")
async def list_events(limit: int, start_from: From = None) -> EventPage:
    return page(start_from, limit)


@get("/events/{event_id:str}")
async def get_event(event_id: FromPath[str]) -> Event:
    return event(event_id)


@get("/events/{event_id:str}/participants")
async def list_participants(event_id: FromPath[str]) -> Participants:
    return participants(event_id)


@post("/events/{event_id:str}/register")
async def register(event_id: FromPath[str]) -> Registration:
    return registration(event_id)


@put("/events/{event_id:str}/rsvp")
async def put_rsvp(event_id: FromPath[str], data: JSONBody[NewRsvp]) -> Rsvp:
    made = registration(event_id)
    return Rsvp(
        event_id=event_id,
        user_id=made.user_id,
        answer=data.answer,
        answered_at=made.registration_date,
        registration=made if data.answer == "going" else None,
        counts=AnswerCounts(registered=1, waitlisted=0, maybe=0, declined=0, capacity=None),
        card_etag="1-0123456789abcdef",
    )


def registration(event_id: str) -> Registration:
    return Registration(
        event_id=event_id,
        user_id="00000000-0000-4000-8000-000000000000",
        status="registered",
        registration_date="2100-01-01T00:00:00Z",
        waitlist_position=None,
        guests=0,
        guest_names=[],
        approved=True,
    )


@cache
def event(event_id: str) -> Event:
    """Returns the event, read once and then kept."""
    return _event(_one(SQL.get_event, event_id=event_id))


@cache
def page(start_from: str | None, limit: int) -> EventPage:
    """Returns the first events from a time, read once and then kept."""
    statement, values = compose_search(EventQuery(start_from=start_from), None, None, None, limit)
    with closing(connect_reader(Path(load().database))) as connection:
        events = [_event(row) for row in connection.execute(statement.sql, values)]
    last = events[-1]
    as_of = _one(SQL.get_last_change)["seq"]
    return EventPage(events=events, next=encode_cursor((last.start_time, last.id)), as_of=as_of)


@cache
def participants(event_id: str) -> Participants:
    """Returns the participants as JSON, read once and then kept."""
    row = _one(SQL.list_participants, event_id=event_id, after=0, status=None, approved=None, limit=-1)
    as_of = _one(SQL.get_last_change)["seq"]
    participants = msgspec.Raw(row["participants"].encode())
    return Participants(event_id=event_id, participants=participants, next=None, as_of=as_of)


def _event(row: sqlite3.Row) -> Event:
    values = dict(row)
    return Event(**values | {name: bool(values[name]) for name in ("waitlist", "approval_required")})


def _one(statement: Statement, **parameters: str | int | None) -> sqlite3.Row:
    with closing(connect_reader(Path(load().database))) as connection:
        row: sqlite3.Row = connection.execute(statement.sql, parameters).fetchone()
        return row


def serve(port: int) -> None:
    """Serves with eventorg's server and configuration."""
    app = Litestar([get_health, list_events, get_event, list_participants, register, put_rsvp], openapi_config=None)
    config = server_config(app, Settings())
    with listen("127.0.0.1", port) as listener, asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
