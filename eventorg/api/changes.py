"""GET /changes: the change feed, as pages with long polling or as a stream of server-sent events."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from eventorg.background.feed import Feed
from eventorg.domain.errors import DomainError, FieldError, Invalid
from eventorg.domain.facts import ChangePage
from eventorg.web.authentication import Authenticated, by_bot
from eventorg.web.headers import accepts
from eventorg.web.pagination import Limit
from eventorg.web.problems import problems

HEARTBEAT_SECONDS = 15.0
MAX_SEQUENCE: Final = 2**53
_SEQUENCE: Final = re.compile("[0-9]{1,16}")

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
        description="For a stream: the last id received, or empty for the oldest change. Overrides `lastEventId`.",
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
    opt=by_bot("changes"),
    security=[{"user": []}, {"bot": ["act"]}, {"bot": ["changes"]}],
    responses=problems(401, 403, 410, 422),
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
    """Lists changes to the caller and to the events that the caller hosts or attends, each once, in commit order.

    A bot with the scope `changes` that acts for no user gets all changes. `user_id` is the user that a change is about:
    the person who got a seat, left or was checked in, or whose role in an event changed.

    Start without `after`, then continue with `after=<next>`. If that change is no longer kept, or a backup from before
    it was restored, the answer is 410 `cursor_expired`: start again without `after`. To get only what happens from now
    on, start with `after=latest`, which returns at once.

    With `Accept: text/event-stream`, the answer is a stream of server-sent events with `seq` as their id. The stream
    ignores `limit` and `timeout`.
    """
    is_latest = after == "latest"
    start = await feed.get_head() if is_latest else _parse_after(after)
    resumed = _parse_event_id("lastEventId", last_event_id_parameter, start)
    if not accepts(request.scope, "text/event-stream"):
        page = ChangePage([], start or 0) if is_latest else await _follow(feed, request, start, timeout, limit)
        return Response(page)
    resumed = _parse_event_id("Last-Event-ID", last_event_id, resumed)
    first = await feed.follow(request.user, resumed, 0, limit)  # a refusal comes before the stream starts
    stream: Any = ServerSentEvent(_stream(feed, request, first), headers={"Cache-Control": "no-store"})
    return stream  # type: ignore[no-any-return]


async def _follow(feed: Feed, request: Authenticated, after: int | None, seconds: float, limit: int) -> ChangePage:
    """Returns the next page for the user that the caller is when the wait ends.

    During the wait, the Telegram account that a bot acts for can pass to another user. Raises `Unauthenticated` and
    `Forbidden` if the token is no longer valid.
    """
    if not seconds:
        return await feed.follow(request.user, after, 0, limit)
    caller = await request.auth()
    page = await feed.follow(caller, after, seconds, limit)
    still = await request.auth()
    return page if still == caller else await feed.follow(still, after, 0, limit)


async def _stream(feed: Feed, request: Authenticated, page: ChangePage) -> AsyncIterator[ServerSentEventMessage]:
    while not feed.is_closed:
        for change in page.changes:
            data = msgspec.json.encode(change).decode()
            yield ServerSentEventMessage(data=data, event=change.type, id=change.seq)
        if not page.changes:
            yield ServerSentEventMessage(data=None, comment="still here")
        try:
            page = await _follow(feed, request, page.next, HEARTBEAT_SECONDS, limit=100)
        except DomainError:
            return  # the client reconnects and gets the error


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
