"""The routes of series."""

from typing import Annotated, Final

from litestar import Response, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter, QueryParameter

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    LOCATION,
    Authenticated,
    Context,
    Cursor,
    Event,
    EventPatch,
    Limit,
    answer_unless_current,
    etag,
    expected_versions,
    problems,
)

from . import changing, repository, skipping
from .series import NewSeries, Series, SeriesEvents, Tagged

PluginContext = NamedDependency[Context]
SeriesId = Annotated[str, PathParameter(description="The series' ID.")]
SkippedDate = Annotated[
    str,
    PathParameter(
        description="The date in the series' time zone, such as `2027-09-21`.", schema_extra={"format": "date"}
    ),
]
Since = Annotated[
    str | None,
    QueryParameter(name="from", description="The ID or code of an event of the series: it and those that follow."),
]
Cancel = Annotated[bool, QueryParameter(description="True: also cancels the events that have not begun.")]
_SERIES: Final = {404: ["series_not_found"]}
_DATE: Final = {404: ["series_not_found", "occurrence_not_found"], 409: ["event_over"]}


@post(
    "/series",
    operation_id="create_series",
    summary="Create a series",
    response_headers=[*ETAG, *LOCATION],
    responses=problems(
        *BODY_PROBLEMS, 401, 403, codes={404: ["event_not_found"], 409: ["already_in_series", "too_many_series"]}
    ),
)
async def create_series(request: Authenticated, data: JSONBody[NewSeries], plugin: PluginContext) -> Response[Series]:
    """Repeats an event. Only its hosts can do this.

    The other occurrences are made as `POST /events/{event_id}/copy` makes them, organized by the organizer of the first
    event. They start at the same time on the wall clock of the event's time zone. Without `carry_over`, those of the
    next 90 days exist, 50 at most.
    """
    made = await repository.create(plugin, data, request.user)
    return _answer(made, 201, {"Location": f"/series/{made.series.id}"})


@get(
    "/series/{series_id:str}",
    operation_id="get_series",
    summary="Get a series",
    response_headers=ETAG,
    responses=problems(401, 403, codes=_SERIES),
)
async def get_series(request: Authenticated, series_id: SeriesId, plugin: PluginContext) -> Response[Series]:
    """Returns a series. Everybody who may see one of its events can read it."""
    found = await repository.get(plugin, series_id, request.user)
    return answer_unless_current(found.series, found.tag, request)


@get(
    "/events/{event_id:str}/series",
    operation_id="get_series_of_event",
    summary="Get the series of an event",
    response_headers=ETAG,
    responses=problems(401, 403, codes={404: ["event_not_found", "series_not_found"]}),
)
async def get_series_of_event(
    request: Authenticated, event_id: FromPath[str], plugin: PluginContext
) -> Response[Series]:
    """Returns the series that an event belongs to. Everybody who may see the event can read it."""
    found = await repository.get_of_event(plugin, event_id, request.user)
    return answer_unless_current(found.series, found.tag, request)


@get(
    "/series/{series_id:str}/events",
    operation_id="list_series_events",
    summary="List the events of a series",
    responses=problems(401, 403, 422, codes=_SERIES),
)
async def list_series_events(
    request: Authenticated, series_id: SeriesId, plugin: PluginContext, limit: Limit = 100, cursor: Cursor = None
) -> SeriesEvents:
    """Lists the events of a series that you may see, by start time. Cancelled ones are included, detached ones are
    not."""
    return await repository.find_events(plugin, series_id, limit, cursor, request.user)


@patch(
    "/series/{series_id:str}",
    operation_id="update_series",
    summary="Update a series",
    response_headers=ETAG,
    responses=problems(
        *BODY_PROBLEMS,
        401,
        403,
        412,
        codes={404: ["series_not_found", "occurrence_not_found"], 409: ["event_has_participants"]},
    ),
)
async def update_series(
    request: Authenticated,
    series_id: SeriesId,
    data: JSONBody[EventPatch],
    plugin: PluginContext,
    since: Since = None,
) -> Response[Series]:
    """Changes the events of a series that have not begun, and those to come. Only hosts of its first event can do this.

    Events that somebody edited by themselves stay as they are. With `from`, the event that you name and those that
    follow it change. Times are those of the first event that changes; the others move by as many days, and to the same
    time on the wall clock. Either all events change, or none.
    """
    changed = await changing.update(plugin, series_id, data, since, expected_versions(request), request.user)
    return _answer(changed)


@delete(
    "/series/{series_id:str}",
    operation_id="end_series",
    summary="End a series",
    status_code=200,
    response_headers=ETAG,
    responses=problems(401, 403, 412, 422, 507, codes=_SERIES),
)
async def end_series(
    request: Authenticated, series_id: SeriesId, plugin: PluginContext, cancel: Cancel = False
) -> Response[Series]:
    """Ends a series: no more events are made. Only hosts of its first event can do this. The events that exist stay,
    unless `cancel` is true: then those that have not begun are cancelled, also those that somebody edited by
    themselves. A second call returns the same."""
    ended = await changing.end(plugin, series_id, expected_versions(request), request.user, cancels=cancel)
    return _answer(ended)


@put(
    "/series/{series_id:str}/skips/{date:str}",
    operation_id="skip_date",
    summary="Skip a date",
    response_headers=ETAG,
    responses=problems(401, 403, 412, 507, codes=_DATE),
)
async def skip_date(
    request: Authenticated, series_id: SeriesId, date: SkippedDate, plugin: PluginContext
) -> Response[Series]:
    """Leaves out a date of the series. Only hosts of its first event can do this. The event of the date is deleted if
    nobody ever registered for it. Otherwise, it is cancelled. A second call returns the same."""
    changed = await skipping.skip(plugin, series_id, date, expected_versions(request), request.user)
    return _answer(changed)


@delete(
    "/series/{series_id:str}/skips/{date:str}",
    operation_id="unskip_date",
    summary="Take back a skipped date",
    status_code=200,
    response_headers=ETAG,
    responses=problems(401, 403, 412, 507, codes=_DATE),
)
async def unskip_date(
    request: Authenticated, series_id: SeriesId, date: SkippedDate, plugin: PluginContext
) -> Response[Series]:
    """Takes a skip back. Only hosts of the first event can do this. An event that the skip has cancelled takes place
    again, and one that it has deleted is made again. A second call returns the same."""
    changed = await skipping.take_back(plugin, series_id, date, expected_versions(request), request.user)
    return _answer(changed)


@post(
    "/events/{event_id:str}/detach",
    operation_id="detach_event",
    summary="Detach an event from its series",
    status_code=200,
    response_headers=ETAG,
    responses=problems(401, 403, 409, codes={404: ["event_not_found", "series_not_found"]}),
)
async def detach_event(request: Authenticated, event_id: FromPath[str], plugin: PluginContext) -> Response[Event]:
    """Takes an event out of its series, and returns it. Only its hosts can do this. Changes of the series do not
    concern it any more, and its date is not made again."""
    event = await changing.detach(plugin, event_id, request.user)
    return Response(event, headers={"ETag": etag(event)})


def _answer(tagged: Tagged, status: int = 200, headers: dict[str, str] | None = None) -> Response[Series]:
    return Response(tagged.series, status_code=status, headers={"ETag": tagged.tag, **(headers or {})})


ROUTES: Final = (
    create_series,
    get_series,
    get_series_of_event,
    list_series_events,
    update_series,
    end_series,
    skip_date,
    unskip_date,
    detach_event,
)
