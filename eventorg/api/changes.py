"""GET /changes: the change feed, as pages with long polling or as a stream of server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent, ServerSentEventMessage

from eventorg.background.feed import Feed
from eventorg.domain.errors import DomainError, FieldError, Invalid
from eventorg.domain.facts import ChangePage
from eventorg.web.authentication import Authenticated, by_bot
from eventorg.web.pagination import Limit
from eventorg.web.problems import problems

HEARTBEAT_SECONDS = 15.0
MAX_SEQUENCE = 2**53

After = Annotated[
    int | None,
    QueryParameter(
        ge=0,
        le=MAX_SEQUENCE,
        description="The `next` of the previous page. Default: start with the oldest change.",
        schema_extra={"minimum": 0},  # Litestar drops a minimum of 0
    ),
]
Timeout = Annotated[float, QueryParameter(ge=0, le=30, description="Seconds to wait if there are no changes yet.")]
LastEventId = Annotated[
    str | None,
    HeaderParameter(name="Last-Event-ID", description="The last ID received; overrides `after`."),
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
) -> Response[ChangePage]:
    """Lists changes to the caller and to events that the caller hosts or attends. Each change appears once, in commit
    order.

    A bot with the scope `changes` that acts for no user gets all changes. `user_id` is the user that a change is about:
    the person who got a seat, left, or was checked in, or whose role in an event changed.

    Start without `after`, then continue with `after=<next>`. If the server no longer keeps that change, or was restored
    from an older backup, it returns 410 `cursor_expired`. Read everything again, and start without `after`.

    With `Accept: text/event-stream`, the response is a stream of server-sent events with `seq` as their ID. The stream
    ignores `limit` and `timeout`.
    """
    if "text/event-stream" not in request.headers.get("accept", "").lower():
        return Response(await _follow(feed, request, after, timeout, limit))
    if last_event_id is not None:
        after = _parse_event_id(last_event_id)
    first = await feed.follow(request.user, after, 0, limit)  # a refusal comes before the stream starts
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
            yield ServerSentEventMessage(data=None, comment="keep-alive")
        try:
            page = await _follow(feed, request, page.next, HEARTBEAT_SECONDS, limit=100)
        except DomainError:
            return  # the client reconnects and gets the error


def _parse_event_id(text: str) -> int:
    if not text.isdecimal() or int(text[:20]) > MAX_SEQUENCE:
        raise Invalid(FieldError("Last-Event-ID", "cursor_invalid"))
    return int(text)
