"""Litestar with advanced-alchemy's repositories, on aiosqlite."""

import asyncio
from datetime import UTC, datetime

from advanced_alchemy.extensions.litestar import (
    AsyncSessionConfig,
    SQLAlchemyAsyncConfig,
    SQLAlchemyPlugin,
    providers,
    repository,
    service,
)
from litestar import Litestar, Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import FromPath
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
        before = await registrations.get_one_or_none(event_id=event_id, user_id=request.user)
        if before is not None:
            return Response(_answer(before, None), status_code=200)
        event = await events.get_one(id=event_id)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        if event.status != "published" or event.end_time <= now:
            raise ClientException("event_not_open", status_code=409)
        status, position = "registered", None
        seat = await db_session.execute(
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
            position = await db_session.scalar(
                update(tables.Event)
                .where(tables.Event.id == event_id)
                .values(waitlisted_count=tables.Event.waitlisted_count + 1)
                .returning(tables.Event.waitlisted_count)
                .execution_options(synchronize_session=False)
            )
        made = await registrations.create(
            tables.Registration(event_id=event_id, user_id=request.user, status=status, registration_date=now)
        )
    return Response(_answer(made, position), status_code=201)


def _answer(row: tables.Registration, position: int | None) -> Registration:
    return Registration(row.event_id, row.user_id, row.status, row.registration_date, position)


app = Litestar(
    [get_health, get_event, list_participants, register],
    dependencies={
        **providers.create_service_dependencies(EventService, "events", config=alchemy),
        **providers.create_service_dependencies(RegistrationService, "registrations", config=alchemy),
    },
    on_app_init=[auth.on_app_init],
    plugins=[SQLAlchemyPlugin(config=alchemy)],
    openapi_config=None,
)
