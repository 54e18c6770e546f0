"""GET /changes: what has happened, as pages one waits for or as a stream of server-sent events."""

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
        description="The `next` of the answer before; left out: from the oldest kept.",
        schema_extra={"minimum": 0},  # Litestar forgets a nought
    ),
]
Timeout = Annotated[float, QueryParameter(ge=0, le=30, description="Wait so many seconds for news, if there is none.")]
LastEventId = Annotated[
    str | None, HeaderParameter(name="Last-Event-ID", description="Of a stream that goes on: wins over `after`.")
]


@get(
    "/changes",
    operation_id="list_changes",
    summary="Follow what happens",
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
    """What concerns the events one hosts or attends, and oneself, in commit order; each committed change once. A bot
    with the scope `changes` that acts for nobody sees all. `user_id` is whom a change is about: who got the seat, who
    left, who was checked in, whose role in an event changed.

    Begin without `after` and go on with `after=<next>`. A number that is not kept any more, or that a restored backup
    has not reached yet, is 410 `cursor_expired`: begin anew. With
    `Accept: text/event-stream` the same comes as server-sent events whose id is `seq`, until the client or the server
    goes; `limit` and `timeout` do not matter then.
    """
    if "text/event-stream" not in request.headers.get("accept", "").lower():
        return Response(await _follow(feed, request, after, timeout, limit))
    if last_event_id is not None:
        after = _parse_event_id(last_event_id)
    first = await feed.follow(request.user, after, 0, limit)  # refused before the stream begins
    stream: Any = ServerSentEvent(_stream(feed, request, first), headers={"Cache-Control": "no-store"})
    return stream  # type: ignore[no-any-return]


async def _follow(feed: Feed, request: Authenticated, after: int | None, seconds: float, limit: int) -> ChangePage:
    """What `Feed.follow` finds for whom the caller is once the waiting is over: a bot may act for a Telegram account
    that is another user's by then. Raises what `Authentication` does for a token that is dead."""
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
            return  # the client comes again, and is told why


def _parse_event_id(text: str) -> int:
    if not text.isdecimal() or int(text[:20]) > MAX_SEQUENCE:
        raise Invalid(FieldError("Last-Event-ID", "cursor_invalid"))
    return int(text)
