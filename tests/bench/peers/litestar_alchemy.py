"""Litestar with advanced-alchemy's repositories, on aiosqlite."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Literal

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    providers,
    repository,
    service,
)
from litestar import Litestar, Request, Response, get, post, put
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath, QueryParameter
from litestar.security.jwt import JWTAuth, Token
from msgspec import Struct
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests.bench.peers import tables
from tests.bench.peers.tables import CLAIMS, SECRET, URL, set_pragmas

one_writer = asyncio.Lock()  # SQLite has one writer; waiting here is cheaper than in its busy handler


class Event(Struct):
    id: str
    code: str
    title: str
    description: str | None
    start_time: str
    end_time: str
    location: str | None
    organizer_id: str
    created_at: str
    updated_at: str
    timezone: str
    capacity: int | None
    waitlist: bool
    status: str
    visibility: str
    registered_count: int
    waitlisted_count: int
    version: int


class Registration(Struct):
    event_id: str
    user_id: str
    status: str
    registration_date: str
    waitlist_position: int | None = None


class Participants(Struct):
    event_id: str
    participants: list[Registration]
    next: str | None = None
    as_of: int = 0


class EventPage(Struct):
    events: list[Event]
    next: str | None
    as_of: int


class NewRsvp(Struct):
    answer: Literal["going", "maybe", "declined"]


class Counts(Struct):
    registered: int
    waitlisted: int
    maybe: int
    declined: int
    capacity: int | None


class Rsvp(Struct):
    event_id: str
    user_id: str
    answer: str
    answered_at: str
    registration: Registration | None
    counts: Counts


class EventService(service.SQLAlchemyAsyncRepositoryService[tables.Event]):
    class Repo(repository.SQLAlchemyAsyncRepository[tables.Event]):
        model_type = tables.Event

    repository_type = Repo


class RegistrationService(service.SQLAlchemyAsyncRepositoryService[tables.Registration]):
    class Repo(repository.SQLAlchemyAsyncRepository[tables.Registration]):
        model_type = tables.Registration

    repository_type = Repo


alchemy = SQLAlchemyAsyncConfig(
    engine_instance=set_pragmas(create_async_engine(URL)), session_config=AsyncSessionConfig(expire_on_commit=False)
)


async def retrieve_user(token: Token, connection: ASGIConnection) -> str | None:
    session = alchemy.provide_session(connection.app.state, connection.scope)
    version = await session.scalar(select(tables.User.token_version).where(tables.User.id == token.sub))
    return token.sub if version == token.extras["ver"] else None


auth = JWTAuth[str](
    token_secret=SECRET,
    retrieve_user_handler=retrieve_user,
    accepted_audiences=["eventorg"],
    accepted_issuers=["eventorg"],
    require_claims=CLAIMS,
    exclude=["^/health$"],
)


@get("/health")
async def get_health() -> dict[str, str]:
    return {"status": "ok"}


@get("/events")
async def list_events(
    db_session: NamedDependency[AsyncSession],
    events: NamedDependency[EventService],
    start: Annotated[str, QueryParameter(name="from")] = "",
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
) -> EventPage:
    found = (await db_session.scalars(tables.page_of_events(start, limit))).all()
    last = found[limit - 1] if len(found) > limit else None
    as_of = await db_session.scalar(tables.LAST_CHANGE)
    page = [events.to_schema(each, schema_type=Event) for each in found[:limit]]
    return EventPage(page, f"{last.start_time},{last.id}" if last else None, as_of)


@get("/events/{event_id:str}")
async def get_event(event_id: FromPath[str], events: NamedDependency[EventService]) -> Event:
    return events.to_schema(await events.get_one(id=event_id), schema_type=Event)


@get("/events/{event_id:str}/participants")
async def list_participants(
    event_id: FromPath[str],
    events: NamedDependency[EventService],
    registrations: NamedDependency[RegistrationService],
) -> Participants:
    await events.get_one(id=event_id)
    found = await registrations.get_many(
        tables.Registration.event_id == event_id,
        tables.Registration.status != "cancelled",
        order_by=("seq", False),
    )
    participants = [Registration(row.event_id, row.user_id, row.status, row.registration_date) for row in found]
    waiting = 0
    for participant in participants:
        if participant.status == "waitlisted":
            waiting += 1
            participant.waitlist_position = waiting
    as_of = await registrations.repository.session.scalar(tables.LAST_CHANGE)
    return Participants(event_id, participants, as_of=as_of)


@post("/events/{event_id:str}/register")
async def register(
    request: Request[str, Token, State],
    event_id: FromPath[str],
    db_session: NamedDependency[AsyncSession],
    events: NamedDependency[EventService],
    registrations: NamedDependency[RegistrationService],
) -> Response[Registration]:
    await db_session.rollback()  # ends the read transaction of the token check
    async with one_writer, db_session.begin():
        await db_session.connection(execution_options={"sqlite_begin_mode": "IMMEDIATE"})
        registration, is_new = await enter(event_id, request.user, events, registrations)
    return Response(registration, status_code=201 if is_new else 200)


@put("/events/{event_id:str}/rsvp")
async def put_rsvp(
    request: Request[str, Token, State],
    event_id: FromPath[str],
    data: NewRsvp,
    db_session: NamedDependency[AsyncSession],
    events: NamedDependency[EventService],
    registrations: NamedDependency[RegistrationService],
) -> Rsvp:
    await db_session.rollback()  # ends the read transaction of the token check
    async with one_writer, db_session.begin():
        await db_session.connection(execution_options={"sqlite_begin_mode": "IMMEDIATE"})
        stored = await db_session.get(tables.Rsvp, (event_id, request.user))
        registration = None
        if data.answer == "going":
            registration, _ = await enter(event_id, request.user, events, registrations)
            if stored:
                await db_session.delete(stored)
                await db_session.execute(tables.change_counters(event_id, **{f"{stored.answer}_count": -1}))
        elif not stored or stored.answer != data.answer:
            if await registrations.get_one_or_none(event_id=event_id, user_id=request.user):
                raise ClientException("registered", status_code=409)
            await events.get_one(id=event_id)
            steps = {f"{data.answer}_count": 1} | ({f"{stored.answer}_count": -1} if stored else {})
            await db_session.execute(tables.change_counters(event_id, **steps))
            stored = await db_session.merge(
                tables.Rsvp(event_id=event_id, user_id=request.user, answer=data.answer, answered_at=utc_now())
            )
        counts = (await db_session.execute(select(*tables.COUNTS).where(tables.Event.id == event_id))).one()
    answered_at = registration.registration_date if registration else stored.answered_at
    return Rsvp(event_id, request.user, data.answer, answered_at, registration, Counts(*counts))


async def enter(
    event_id: str, user_id: str, events: EventService, registrations: RegistrationService
) -> tuple[Registration, bool]:
    """Returns the registration, and true if it is new."""
    session = registrations.repository.session
    before = await registrations.get_one_or_none(event_id=event_id, user_id=user_id)
    if before is not None:
        return _answer(before, None), False
    event = await events.get_one(id=event_id)
    now = utc_now()
    if event.status != "published" or event.end_time <= now:
        raise ClientException("event_not_open", status_code=409)
    status, position = "registered", None
    seat = await session.execute(
        update(tables.Event)
        .where(
            tables.Event.id == event_id,
            or_(tables.Event.capacity.is_(None), tables.Event.registered_count < tables.Event.capacity),
        )
        .values(registered_count=tables.Event.registered_count + 1)
        .execution_options(synchronize_session=False)
    )
    if not seat.rowcount:
        if not event.waitlist:
            raise ClientException("event_full", status_code=409)
        status = "waitlisted"
        position = await session.scalar(
            update(tables.Event)
            .where(tables.Event.id == event_id)
            .values(waitlisted_count=tables.Event.waitlisted_count + 1)
            .returning(tables.Event.waitlisted_count)
            .execution_options(synchronize_session=False)
        )
    made = await registrations.create(
        tables.Registration(event_id=event_id, user_id=user_id, status=status, registration_date=now)
    )
    return _answer(made, position), True


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(row: tables.Registration, position: int | None) -> Registration:
    return Registration(row.event_id, row.user_id, row.status, row.registration_date, position)


app = Litestar(
    [get_health, list_events, get_event, list_participants, register, put_rsvp],
    dependencies={
        **providers.create_service_dependencies(EventService, "events", config=alchemy),
        **providers.create_service_dependencies(RegistrationService, "registrations", config=alchemy),
    },
    on_app_init=[auth.on_app_init],
    plugins=[SQLAlchemyPlugin(config=alchemy)],
    openapi_config=None,
)
