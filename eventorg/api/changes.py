"""GET /changes: the change feed, as pages with long polling or as a stream of server-sent events."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from eventorg.background.feed import Feed
from eventorg.domain.errors import DomainError, FieldError, Invalid
from eventorg.domain.facts import Change, ChangePage
from eventorg.web.authentication import Authenticated, by_bot
from eventorg.web.disconnection import unless_disconnected
from eventorg.web.headers import accepts, also_as
from eventorg.web.pagination import Limit
from eventorg.web.problems import problems

HEARTBEAT_SECONDS = 15.0
MAX_SEQUENCE: Final = 2**53
_SEQUENCE: Final = re.compile("[0-9]{1,16}")
_STREAM_PAGE: Final = 100
_KEEP_ALIVE: Final = b": keep-alive\r\n\r\n"

After = Annotated[
    str | None,
    QueryParameter(
        description="The `next` of the previous page, or `latest` for the number of the newest change without any "
        "changes. Default: start with the oldest change.",
        schema_extra={
            "type": None,
            "one_of": [
                Schema(type=OpenAPIType.INTEGER, minimum=0, maximum=MAX_SEQUENCE),
                Schema(type=OpenAPIType.STRING, enum=["latest"]),
            ],
        },
    ),
]
Timeout = Annotated[float, QueryParameter(ge=0, le=30, description="Seconds to wait if there are no changes yet.")]
LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID",
        description="For a stream: the last ID received, or empty for the oldest change. Overrides `lastEventId`.",
    ),
]
LastEventIdParameter = Annotated[
    str | None,
    QueryParameter(
        name="lastEventId",
        description="The same as the header `Last-Event-ID`, for clients that cannot send it. Overrides `after`.",
    ),
]


@get(
    "/changes",
    operation_id="list_changes",
    summary="List or stream changes",
    tags=["changes"],
    opt=by_bot("changes") | also_as("text/event-stream"),
    security=[{"user": []}, {"bot": ["act"]}, {"bot": ["changes"]}],
    responses=problems(401, 403, 410, 422, codes={429: ["too_many_waiting"]}),
)
async def list_changes(
    request: Authenticated,
    feed: NamedDependency[Feed],
    after: After = None,
    timeout: Timeout = 0,  # noqa: ASYNC109 (the contract's name for it)
    limit: Limit = 100,
    last_event_id: LastEventId = None,
    last_event_id_parameter: LastEventIdParameter = None,
) -> Response[ChangePage]:
    """Lists changes to the caller and to events that the caller hosts, attends, or answered `maybe`. Each change
    appears once, in commit order.

    Registrations and answers of others appear only to those who may read the names of participants, as
    `participants_visibility` is when the page is read.

    A bot with the scope `changes` that acts for no user gets all changes. `user_id` is the user that a change is about:
    the person who got a seat, left, or was checked in, or whose role in an event changed.

    Read the lists that you need, start with `after=<as_of>` of the first page that you read, then continue with
    `after=<next>`. Without `after`, the changes start with the oldest one that the server keeps. If the server no
    longer keeps the change after which you continue, or was restored from an older backup, it returns 410
    `cursor_expired`. Then read the lists again, and continue with `after=<as_of>`. To get only new changes, start with
    `after=latest`, which returns at once.

    With `Accept: text/event-stream`, the response is a stream of server-sent events with `seq` as their ID. The stream
    ignores `limit` and `timeout`.

    Up to 20 requests of one caller can wait or stream at the same time. A bot has as many for each user that it acts
    for. More are 429 `too_many_waiting`.
    """
    is_latest = after == "latest"
    start = await feed.get_head() if is_latest else _parse_after(after)
    resumed = _parse_event_id("lastEventId", last_event_id_parameter, start)
    if not accepts(request.scope, "text/event-stream"):
        if is_latest:
            return Response(ChangePage([], start or 0))
        if timeout:
            return Response(await _wait(feed, request, start, timeout, limit))
        return Response(await feed.follow(request.user, start, 0, limit))
    resumed = _parse_event_id("Last-Event-ID", last_event_id, resumed)
    # A refusal comes before the stream starts.
    first = await feed.follow(request.user, resumed, 0, _STREAM_PAGE, in_turn=True)
    stream: Any = _ChangeStream(feed, request, first)
    return stream  # type: ignore[no-any-return]


async def _wait(feed: Feed, request: Authenticated, after: int | None, seconds: float, limit: int) -> ChangePage:
    """Returns the next page. Ends with an empty one, which nobody reads, when the client disconnects."""
    with feed.place(request.user):
        page = await unless_disconnected(request, _follow(feed, request, after, seconds, limit))
    return page or ChangePage([], after or 0)


async def _follow(
    feed: Feed, request: Authenticated, after: int | None, seconds: float, limit: int, *, in_turn: bool = False
) -> ChangePage:
    """Returns the next page for the user that the caller is when the wait ends.

    During the wait, the Telegram account that a bot acts for can pass to another user. Raises `Unauthenticated` and
    `Forbidden` if the token is no longer valid.
    """
    caller = await request.auth()
    page = await feed.follow(caller, after, seconds, limit, in_turn=in_turn)
    still = await request.auth()
    return page if still == caller else await feed.follow(still, after, 0, limit, in_turn=in_turn)


class _ChangeStream(Stream):
    """A stream of server-sent events (HTML standard, section 9.2) that has one of its caller's places."""

    def __init__(self, feed: Feed, request: Authenticated, page: ChangePage) -> None:
        headers = {"Cache-Control": "no-store", "Connection": "keep-alive", "X-Accel-Buffering": "no"}
        self._events = _stream(feed, request, page)
        self._place = feed.place(request.user)
        super().__init__(self._events, media_type="text/event-stream", headers=headers)

    def to_asgi_response(self, *arguments: Any, **named: Any) -> ASGIApp:  # type: ignore[override]
        """Returns the response. Raises `TooMany` when it is sent, if the caller has no place left."""
        response = super().to_asgi_response(*arguments, **named)

        async def send_events(scope: Scope, receive: Receive, send: Send) -> None:
            with self._place:
                async with aclosing(self._events):
                    await response(scope, receive, send)

        return send_events


async def _stream(feed: Feed, request: Authenticated, page: ChangePage) -> AsyncGenerator[bytes, None]:
    """Yields each page as one piece: a piece for each change would take most of the event loop's time."""
    while not feed.is_closed:
        yield b"".join(map(_encode_event, page.changes)) or _KEEP_ALIVE
        try:
            page = await _follow(feed, request, page.next, HEARTBEAT_SECONDS, _STREAM_PAGE, in_turn=True)
        except DomainError:
            return  # the client reconnects and gets the error


def _encode_event(change: Change) -> bytes:
    return b"id: %d\r\nevent: %b\r\ndata: %b\r\n\r\n" % (change.seq, change.type.encode(), msgspec.json.encode(change))


def _parse_after(text: str | None) -> int | None:
    if text is None:
        return None
    if not _is_sequence(text):
        raise Invalid(FieldError("after", "invalid"))
    return int(text)


def _parse_event_id(field: str, text: str | None, otherwise: int | None) -> int | None:
    """Returns the number of the last event received, None if it is empty, or `otherwise` if it is not sent."""
    if text is None:
        return otherwise
    if text and not _is_sequence(text):
        raise Invalid(FieldError(field, "cursor_invalid"))
    return int(text) if text else None


def _is_sequence(text: str) -> bool:
    return _SEQUENCE.fullmatch(text) is not None and int(text) <= MAX_SEQUENCE
