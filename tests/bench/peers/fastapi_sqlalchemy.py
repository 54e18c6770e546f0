"""FastAPI with SQLAlchemy 2 on aiosqlite."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal

import jwt
from fastapi import Depends, FastAPI, HTTPException, Query, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from tests.bench.peers import tables
from tests.bench.peers.tables import CLAIMS, SECRET, URL, set_pragmas

engine = set_pragmas(create_async_engine(URL))
sessions = async_sessionmaker(engine, expire_on_commit=False)
one_writer = asyncio.Lock()  # SQLite has one writer; waiting here is cheaper than in its busy handler
app = FastAPI()


class Event(BaseModel):
    model_config = ConfigDict(from_attributes=True)

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


class Registration(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    event_id: str
    user_id: str
    status: str
    registration_date: str
    waitlist_position: int | None = None


class Participants(BaseModel):
    event_id: str
    participants: list[Registration]
    next: str | None = None
    as_of: int


class EventPage(BaseModel):
    events: list[Event]
    next: str | None
    as_of: int


class NewRsvp(BaseModel):
    answer: Literal["going", "maybe", "declined"]


class Counts(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    registered: int
    waitlisted: int
    maybe: int
    declined: int
    capacity: int | None


class Rsvp(BaseModel):
    event_id: str
    user_id: str
    answer: str
    answered_at: str
    registration: Registration | None
    counts: Counts


async def get_session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


async def get_current_user(
    credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())], session: Session
) -> str:
    try:
        claims = jwt.decode(
            credentials.credentials,
            SECRET,
            algorithms=["HS256"],
            issuer="eventorg",
            audience="eventorg",
            options={"require": CLAIMS},
        )
    except jwt.InvalidTokenError:
        raise HTTPException(401, "token_invalid") from None
    version = await session.scalar(select(tables.User.token_version).where(tables.User.id == claims["sub"]))
    if version != claims["ver"]:
        raise HTTPException(401, "token_revoked")
    return claims["sub"]


CurrentUser = Annotated[str, Depends(get_current_user)]


async def find_event(event_id: str, session: AsyncSession) -> tables.Event:
    event = await session.scalar(select(tables.Event).where(tables.Event.id == event_id))
    if event is None:
        raise HTTPException(404, "event_not_found")
    return event


@app.get("/health")
async def get_health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/events")
async def list_events(
    user_id: CurrentUser,
    session: Session,
    start: Annotated[str, Query(alias="from")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EventPage:
    events = (await session.scalars(tables.page_of_events(start, limit))).all()
    last = events[limit - 1] if len(events) > limit else None
    as_of = await session.scalar(tables.LAST_CHANGE)
    return EventPage(
        events=[Event.model_validate(each) for each in events[:limit]],
        next=f"{last.start_time},{last.id}" if last else None,
        as_of=as_of,
    )


@app.get("/events/{event_id}")
async def get_event(event_id: str, user_id: CurrentUser, session: Session) -> Event:
    return Event.model_validate(await find_event(event_id, session))


@app.get("/events/{event_id}/participants")
async def list_participants(event_id: str, user_id: CurrentUser, session: Session) -> Participants:
    await find_event(event_id, session)
    rows = await session.execute(
        select(
            tables.Registration.event_id,
            tables.Registration.user_id,
            tables.Registration.status,
            tables.Registration.registration_date,
        )
        .where(tables.Registration.event_id == event_id, tables.Registration.status != "cancelled")
        .order_by(tables.Registration.seq)
    )
    participants = [Registration.model_validate(row) for row in rows]
    waiting = 0
    for participant in participants:
        if participant.status == "waitlisted":
            waiting += 1
            participant.waitlist_position = waiting
    as_of = await session.scalar(tables.LAST_CHANGE)
    return Participants(event_id=event_id, participants=participants, as_of=as_of)


@app.post("/events/{event_id}/register", status_code=201)
async def register(event_id: str, user_id: CurrentUser, session: Session, response: Response) -> Registration:
    await session.rollback()  # ends the read transaction of the token check
    async with one_writer, session.begin():
        await session.connection(execution_options={"sqlite_begin_mode": "IMMEDIATE"})
        registration, is_new = await enter(event_id, user_id, session)
    if not is_new:
        response.status_code = 200
    return registration


@app.put("/events/{event_id}/rsvp")
async def put_rsvp(event_id: str, new: NewRsvp, user_id: CurrentUser, session: Session) -> Rsvp:
    await session.rollback()  # ends the read transaction of the token check
    async with one_writer, session.begin():
        await session.connection(execution_options={"sqlite_begin_mode": "IMMEDIATE"})
        stored = await session.get(tables.Rsvp, (event_id, user_id))
        registration = None
        if new.answer == "going":
            registration, _ = await enter(event_id, user_id, session)
            if stored:
                await session.delete(stored)
                await session.execute(tables.change_counters(event_id, **{f"{stored.answer}_count": -1}))
        elif not stored or stored.answer != new.answer:
            if await find_registration(event_id, user_id, session):
                raise HTTPException(409, "registered")
            await find_event(event_id, session)
            steps = {f"{new.answer}_count": 1} | ({f"{stored.answer}_count": -1} if stored else {})
            await session.execute(tables.change_counters(event_id, **steps))
            stored = await session.merge(
                tables.Rsvp(event_id=event_id, user_id=user_id, answer=new.answer, answered_at=utc_now())
            )
        counts = (await session.execute(select(*tables.COUNTS).where(tables.Event.id == event_id))).one()
    return Rsvp(
        event_id=event_id,
        user_id=user_id,
        answer=new.answer,
        answered_at=registration.registration_date if registration else stored.answered_at,
        registration=registration,
        counts=Counts.model_validate(counts),
    )


async def find_registration(event_id: str, user_id: str, session: AsyncSession) -> tables.Registration | None:
    return await session.scalar(
        select(tables.Registration).where(
            tables.Registration.event_id == event_id, tables.Registration.user_id == user_id
        )
    )


async def enter(event_id: str, user_id: str, session: AsyncSession) -> tuple[Registration, bool]:
    """Returns the registration, and true if it is new."""
    if before := await find_registration(event_id, user_id, session):
        return Registration.model_validate(before), False
    event = await find_event(event_id, session)
    now = utc_now()
    if event.status != "published" or event.end_time <= now:
        raise HTTPException(409, "event_not_open")
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
            raise HTTPException(409, "event_full")
        status = "waitlisted"
        position = await session.scalar(
            update(tables.Event)
            .where(tables.Event.id == event_id)
            .values(waitlisted_count=tables.Event.waitlisted_count + 1)
            .returning(tables.Event.waitlisted_count)
            .execution_options(synchronize_session=False)
        )
    made = tables.Registration(event_id=event_id, user_id=user_id, status=status, registration_date=now)
    session.add(made)
    answer = Registration.model_validate(made)
    answer.waitlist_position = position
    return answer, True


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
