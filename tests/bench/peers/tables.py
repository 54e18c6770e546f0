"""SQLAlchemy's mapping of the tables, and the check of tokens, for the two peers that use SQLAlchemy."""

import os

from sqlalchemy import ForeignKey, Select, Update, event, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

URL = f"sqlite+aiosqlite:///{os.environ['EVENTORG_DATABASE']}"
SECRET = os.environ["EVENTORG_SECRET"]
CLAIMS = ["exp", "iat", "sub", "iss", "aud", "jti"]
LAST_CHANGE = text("SELECT seq FROM sqlite_sequence WHERE name = 'changes'")


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    token_version: Mapped[int]


class Event(Base):
    __tablename__ = "events"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str]
    title: Mapped[str]
    description: Mapped[str | None]
    start_time: Mapped[str]
    end_time: Mapped[str]
    location: Mapped[str | None]
    organizer_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[str]
    updated_at: Mapped[str]
    timezone: Mapped[str]
    capacity: Mapped[int | None]
    waitlist: Mapped[bool]
    status: Mapped[str]
    visibility: Mapped[str]
    registered_count: Mapped[int]
    waitlisted_count: Mapped[int]
    maybe_count: Mapped[int] = mapped_column(deferred=True)
    declined_count: Mapped[int] = mapped_column(deferred=True)
    version: Mapped[int]


class Registration(Base):
    __tablename__ = "registrations"

    seq: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    status: Mapped[str]
    registration_date: Mapped[str]


class Rsvp(Base):
    """An answer that is not a registration."""

    __tablename__ = "rsvps"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[str]
    answered_at: Mapped[str]


COUNTS = (
    Event.registered_count.label("registered"),
    Event.waitlisted_count.label("waitlisted"),
    Event.maybe_count.label("maybe"),
    Event.declined_count.label("declined"),
    Event.capacity,
)


def page_of_events(start: str, limit: int) -> Select[tuple[Event]]:
    """Returns the query of the public events from a start time on, one more than the limit."""
    return (
        select(Event)
        .where(Event.visibility == "public", Event.status == "published", Event.start_time >= start)
        .order_by(Event.start_time, Event.id)
        .limit(limit + 1)
    )


def change_counters(event_id: str, **steps: int) -> Update:
    """Returns the statement that adds to counters of an event."""
    values = {name: getattr(Event, name) + step for name, step in steps.items()}
    statement = update(Event).where(Event.id == event_id).values(values)
    return statement.execution_options(synchronize_session=False)


def set_pragmas(engine: AsyncEngine) -> AsyncEngine:
    """Configures SQLite for a server, on each connection of the pool. Reads need no transaction. Writes ask for one
    with the execution option `sqlite_begin_mode`."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection, _) -> None:
        connection.isolation_level = None  # the driver must not send BEGIN: it is sent below
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection) -> None:
        if mode := connection.get_execution_options().get("sqlite_begin_mode"):
            connection.exec_driver_sql(f"BEGIN {mode}")

    return engine
