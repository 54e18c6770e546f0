"""Exports events to calendar programs: a file for each event, and a secret feed for each user."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from litestar import Response, delete, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import FromPath, PathParameter
from msgspec import Meta, Struct

from eventorg.plugin import (
    ABSENT,
    ANY_QUERY,
    ETAG,
    OPEN,
    OPTIONAL_SECURITY,
    PUBLIC,
    Anybody,
    Authenticated,
    Context,
    Fact,
    NotFound,
    Plugin,
    RegistrationCancelled,
    RegistrationPromoted,
    Transaction,
    check_version,
    expected_tags,
    is_current,
    language_for,
    negotiate,
    problems,
    rfc3339,
)

from .calendars import Contents, Entry, render, tag_of

FOLDER = Path(__file__).parent
PAST = timedelta(days=365)
"""A feed leaves out events that ended longer ago than this."""
MAX_ENTRIES = 500
"""The maximum number of entries of a feed."""

_WORDS: Final = {
    "ru": {"name": "Мои мероприятия", "waiting": "Список ожидания: ", "ended": "Адрес календаря больше не действует"},
    "en": {"name": "My events", "waiting": "Waiting list: ", "ended": "The calendar address is no longer valid"},
}
_HEADERS: Final = [
    ResponseHeader(name="ETag", description="The version, for `If-None-Match`.", documentation_only=True),
    ResponseHeader(name="Content-Disposition", description="The file name.", documentation_only=True),
]


class CalendarAddress(Struct, frozen=True):
    """The secret address of a user's calendar."""

    url: Annotated[
        str,
        Meta(
            description="The address for a calendar program. Anybody who knows it can read the calendar.",
            examples=["https://example.com/calendar/3b0f…/feed.ics"],
        ),
    ]


class CalendarEnded(Struct, frozen=True):
    """A confirmation in the client's language."""

    message: Annotated[str, Meta(description="Text for people.", examples=["The calendar address is no longer valid"])]


class _Made(Struct, frozen=True):
    """The result that is kept for an `Idempotency-Key`. The secret cannot be computed without the caller's token."""

    salt: str
    sha256: str


@get(
    "/events/{event_id:str}/event.ics",
    operation_id="get_event_file",
    summary="Download an event as iCalendar",
    response_description="An iCalendar file.",
    opt=PUBLIC | ANY_QUERY,
    security=OPTIONAL_SECURITY,
    media_type="text/calendar",
    response_headers=_HEADERS,
    responses=problems(401, 404),
)
async def get_event_file(
    request: Anybody, event_id: FromPath[str], plugin: NamedDependency[Context]
) -> Response[bytes]:
    """Returns an iCalendar file (RFC 5545) of one event. Drafts and private events are visible to their hosts and
    participants only. `SEQUENCE` counts the changes of what the file shows. A cancelled event has
    `STATUS:CANCELLED`."""
    viewer_id = (request.user.user_id or None) if request.user else None

    def work(tx: Transaction) -> Response[bytes]:
        event, _ = plugin.load_event(tx, event_id, viewer_id)
        shown = dict(tx.row(plugin.sql.get_shown, event_id=event.id))
        entry = msgspec.structs.replace(msgspec.convert(event, Entry, from_attributes=True), **shown)
        return _answer(Contents(name=entry.title, entries=[entry]), event.code, request, plugin.clock())

    return await plugin.read(work)


@get(
    "/calendar/{secret:str}/feed.ics",
    operation_id="get_calendar",
    summary="Get a calendar feed",
    response_description="An iCalendar feed.",
    opt=OPEN | ANY_QUERY,
    security=[{}],
    media_type="text/calendar",
    response_headers=_HEADERS,
    responses=problems(404),
)
async def get_calendar(
    request: Anybody,
    secret: Annotated[str, PathParameter(description="The secret part of the address.")],
    plugin: NamedDependency[Context],
) -> Response[bytes]:
    """Returns an iCalendar feed (RFC 5545) of all events that a user hosts or attends. Needs no token: the address is
    secret. Cancelled events have `STATUS:CANCELLED`. If the user is on the waiting list, the title says so. The feed
    leaves out events that ended more than a year ago, and has at most 500 events. Those that the user organizes or
    registered for come before those that the user co-hosts, and events that start closer to now come first."""

    def work(tx: Transaction) -> Response[bytes]:
        owner = tx.one(plugin.sql.get_owner, sha256=_hash(secret))
        if owner is None:
            raise NotFound()
        user = plugin.load_user(tx, owner["user_id"])
        words = _WORDS[negotiate(user.locale)]
        since = rfc3339(plugin.clock() - PAST)
        rows = tx.all(plugin.sql.list_entries, user_id=user.id, since=since, now=tx.now, most=MAX_ENTRIES)
        entries = [msgspec.convert(dict(row), Entry, strict=False) for row in rows]
        contents = Contents(name=words["name"], entries=entries, waiting=words["waiting"])
        return _answer(contents, "calendar", request, plugin.clock())

    return await plugin.read(work)


@post(
    "/users/me/calendar",
    operation_id="create_calendar",
    summary="Create your calendar address",
    response_headers=ETAG,
    responses=problems(401, 403, 507),
)
async def create_calendar(request: Authenticated, plugin: NamedDependency[Context]) -> Response[CalendarAddress]:
    """Creates a secret address to which a calendar program can subscribe, and shows it once. The previous address stops
    working. The address works until you create another one, call `DELETE /users/me/calendar`, or delete the
    account."""
    token = request.headers["authorization"]

    def make(tx: Transaction) -> _Made:
        user = plugin.load_user(tx, request.user.user_id)
        salt = secrets.token_urlsafe(32)
        made = _Made(salt, _hash(_secret(token, salt)))
        tx.run(plugin.sql.delete_addresses, user_id=user.id)
        tx.run(plugin.sql.create_address, user_id=user.id, sha256=made.sha256, now=tx.now)
        return made

    made = await plugin.write_once(request.user, _Made, make)
    if made.sha256 != _hash(_secret(token, made.salt)):  # repeated with a newer token
        made = await plugin.write(make)
    base = plugin.public_url or str(request.base_url).rstrip("/")
    address = CalendarAddress(f"{base}/calendar/{_secret(token, made.salt)}/feed.ics")
    return Response(address, headers={"Cache-Control": "no-store", "ETag": _tag_of_address(made.sha256)})


@delete(
    "/users/me/calendar",
    operation_id="delete_calendar",
    summary="Delete your calendar address",
    status_code=200,
    responses=problems(401, 403, 412, 507),
)
async def delete_calendar(request: Authenticated, plugin: NamedDependency[Context]) -> CalendarEnded:
    """Deletes the address, which then returns 404. Also succeeds if there is no address."""

    def work(tx: Transaction) -> None:
        row = tx.one(plugin.sql.get_newest_address, user_id=request.user.user_id)
        check_version(_tag_of_address(row["sha256"]) if row else ABSENT, expected_tags(request))
        tx.run(plugin.sql.delete_addresses, user_id=request.user.user_id)

    await plugin.write(work)
    return CalendarEnded(_WORDS[language_for(request.scope)]["ended"])


def _answer(contents: Contents, name: str, request: Anybody, now: datetime) -> Response[bytes]:
    """Returns 200 with the calendar and its tag, or 304 if `If-None-Match` contains that tag.

    Call it on the thread that reads the entries, so that other requests go on while a long feed is written.
    """
    tag = tag_of(contents)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_current(tag, request):
        return Response(b"", status_code=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{name}.ics"'
    return Response(render(contents, now), media_type="text/calendar", headers=headers)


def export(user_id: str, context: Context, tx: Transaction) -> dict[str, object]:
    """Returns the creation time of a user's calendar address, and how often registrations have changed the entries. The
    address itself is not stored."""
    row = tx.one(context.sql.get_newest_address, user_id=user_id)
    moves = [dict(row) for row in tx.all(context.sql.list_moves, user_id=user_id)]
    return {"address_made_at": row["created_at"] if row else None, "moves": moves}


async def _count_move(fact: Fact, context: Context) -> None:
    """Counts a promotion from the waiting list or a departure, which changes the user's entry but not the event."""
    values = {"user_id": fact.user_id, "event_id": fact.event_id, "seq": fact.seq, "at": fact.at}
    await context.write(lambda tx: tx.run(context.sql.count_move, **values))


def merge(gone_id: str, stays_id: str, context: Context, tx: Transaction) -> None:
    """Keeps the addresses of a merged user, which then show the events of both, and the greater counts of moves."""
    tx.run(context.sql.move_addresses, gone_id=gone_id, stays_id=stays_id)
    tx.run(context.sql.merge_moves, gone_id=gone_id, stays_id=stays_id)


def _tag_of_address(sha256: str) -> str:
    """Returns the entity tag of an address. The tag does not reveal the address."""
    return f'"{sha256[:32]}"'


def _secret(token: str, salt: str) -> str:
    """Returns 256 bits that cannot be computed without both the token and the salt."""
    return hmac.digest(token.encode(), salt.encode(), "sha256").hex()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


plugin = Plugin(
    name="calendar_export",
    requires=">=0.1",
    routes=[get_event_file, get_calendar, create_calendar, delete_calendar],
    on={RegistrationPromoted: _count_move, RegistrationCancelled: _count_move},
    export=export,
    on_merge=merge,
    statements=FOLDER / "sql",
    migrations=FOLDER / "migrations",
)
