"""Events for calendar programs: a file for each event, and a secret feed for each user."""

import asyncio
import hashlib
import hmac
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
from litestar import Response, delete, get, post
from litestar.datastructures import ResponseHeader
from litestar.di import NamedDependency
from litestar.params import FromPath
from msgspec import Struct

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
    NotFound,
    Plugin,
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
"""How far a feed reaches back."""
MOST = 500
"""The most entries of a feed."""

_WORDS: Final = {
    "ru": {"name": "Мои мероприятия", "waiting": "Лист ожидания: ", "ended": "Адрес календаря больше не действует"},
    "en": {"name": "My events", "waiting": "Waiting list: ", "ended": "The calendar address is no longer valid"},
}
_HEADERS: Final = [
    ResponseHeader(name="ETag", description="The version; for `If-None-Match`.", documentation_only=True),
    ResponseHeader(name="Content-Disposition", description="A name for the file.", documentation_only=True),
]
_SHORT: Final = 10
_RENDERING: Final = ThreadPoolExecutor(1, "calendar_export")  # where a long feed, which takes a second, delays nobody


class CalendarAddress(Struct, frozen=True):
    """Where one's calendar is: whoever knows the address may read it."""

    url: str


class CalendarEnded(Struct, frozen=True):
    """Says that it is done, in the client's language."""

    message: str


class _Made(Struct, frozen=True):
    """What is kept for a day where there is an `Idempotency-Key`: it takes the caller's token to get the secret."""

    salt: str
    sha256: str


@get(
    "/events/{event_id:str}/event.ics",
    operation_id="get_event_file",
    summary="Get an event for a calendar",
    opt=PUBLIC | ANY_QUERY,
    security=OPTIONAL_SECURITY,
    media_type="text/calendar",
    response_headers=_HEADERS,
    responses=problems(401, 404),
)
async def get_event_file(
    request: Anybody, event_id: FromPath[str], plugin: NamedDependency[Context]
) -> Response[bytes]:
    """An iCalendar file (RFC 5545) of one event. A draft or a private event is there for its hosts and participants
    only. `SEQUENCE` counts the changes, a cancelled event is `STATUS:CANCELLED`."""
    viewer_id = (request.user.user_id or None) if request.user else None
    event, _ = await plugin.read(lambda tx: plugin.load_event(tx, event_id, viewer_id))
    entry = msgspec.convert(event, Entry, from_attributes=True)
    return await _answer(plugin, Contents(name=event.title, entries=[entry]), event.code, request)


@get(
    "/calendar/{secret:str}/feed.ics",
    operation_id="get_calendar",
    summary="Follow one's calendar",
    opt=OPEN | ANY_QUERY,
    security=[{}],
    media_type="text/calendar",
    response_headers=_HEADERS,
    responses=problems(404),
)
async def get_calendar(request: Anybody, secret: FromPath[str], plugin: NamedDependency[Context]) -> Response[bytes]:
    """An iCalendar feed (RFC 5545) of everything a user hosts or attends, without a token: the address is the secret.
    Cancelled events stay, as `STATUS:CANCELLED`; where the user waits for a seat, the title says so. Events that
    ended more than a year ago are left out; of more than 500 there are those that start nearest to now."""

    def work(tx: Transaction) -> Contents:
        owner = tx.one(plugin.sql.get_owner, sha256=_hash(secret))
        if owner is None:
            raise NotFound()
        user = plugin.load_user(tx, owner["user_id"])
        words = _WORDS[negotiate(user.locale)]
        since = rfc3339(plugin.clock() - PAST)
        rows = tx.all(plugin.sql.list_entries, user_id=user.id, since=since, now=tx.now, most=MOST)
        entries = [msgspec.convert(dict(row), Entry, strict=False) for row in rows]
        return Contents(name=words["name"], entries=entries, waiting=words["waiting"])

    return await _answer(plugin, await plugin.read(work), "calendar", request)


@post(
    "/users/me/calendar",
    operation_id="create_calendar",
    summary="Get an address for one's calendar",
    response_headers=ETAG,
    responses=problems(401, 403, 507),
)
async def create_calendar(request: Authenticated, plugin: NamedDependency[Context]) -> Response[CalendarAddress]:
    """A secret address for a calendar program to follow; shown once, and the one before is no longer valid. It stays
    valid until the next one, `DELETE /users/me/calendar`, or the end of the account."""
    token = request.headers["authorization"]

    def make(tx: Transaction) -> _Made:
        user = plugin.load_user(tx, request.user.user_id)
        salt = secrets.token_urlsafe(32)
        made = _Made(salt, _hash(_secret(token, salt)))
        tx.run(plugin.sql.keep_secret, user_id=user.id, sha256=made.sha256, now=tx.now)
        return made

    made = await plugin.write_once(request.user, _Made, make)
    if made.sha256 != _hash(_secret(token, made.salt)):  # sent again with a newer token, which cannot tell the secret
        made = await plugin.write(make)
    address = CalendarAddress(f"{request.base_url}calendar/{_secret(token, made.salt)}/feed.ics")
    return Response(address, headers={"Cache-Control": "no-store", "ETag": _tag_of_address(made.sha256)})


@delete(
    "/users/me/calendar",
    operation_id="delete_calendar",
    summary="End the address of one's calendar",
    status_code=200,
    responses=problems(401, 403, 412, 507),
)
async def delete_calendar(request: Authenticated, plugin: NamedDependency[Context]) -> CalendarEnded:
    """Whoever follows it gets 404 from now on. Done as well if there is none."""

    def work(tx: Transaction) -> None:
        row = tx.one(plugin.sql.get_secret_of, user_id=request.user.user_id)
        check_version(_tag_of_address(row["sha256"]) if row else ABSENT, expected_tags(request))
        tx.run(plugin.sql.delete_secret, user_id=request.user.user_id)

    await plugin.write(work)
    return CalendarEnded(_WORDS[language_for(request.scope)]["ended"])


async def _answer(plugin: Context, contents: Contents, name: str, request: Anybody) -> Response[bytes]:
    """200 with the calendar and its tag, or 304 if `If-None-Match` names that tag already."""
    tag = tag_of(contents)
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_current(tag, request):
        return Response(b"", status_code=304, headers=headers)
    if len(contents.entries) <= _SHORT:
        content = render(contents, plugin.clock())
    else:
        loop = asyncio.get_running_loop()
        content = await loop.run_in_executor(_RENDERING, render, contents, plugin.clock())
    headers["Content-Disposition"] = f'inline; filename="{name}.ics"'
    return Response(content, media_type="text/calendar", headers=headers)


def export(user_id: str, context: Context, tx: Transaction) -> dict[str, str | None]:
    """Since when a user's calendar has had its address; the address itself is not kept."""
    row = tx.one(context.sql.get_secret_of, user_id=user_id)
    return {"address_made_at": row["created_at"] if row else None}


def _tag_of_address(sha256: str) -> str:
    """Returns the entity tag of an address. It does not tell the address."""
    return f'"{sha256[:32]}"'


def _secret(token: str, salt: str) -> str:
    """256 bits that nobody can tell without the token and the salt both."""
    return hmac.digest(token.encode(), salt.encode(), "sha256").hex()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


plugin = Plugin(
    name="calendar_export",
    requires=">=0.1",
    routes=[get_event_file, get_calendar, create_calendar, delete_calendar],
    export=export,
    statements=FOLDER / "sql",
    migrations=FOLDER / "migrations",
)
