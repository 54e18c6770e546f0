"""The one statement that is composed: which filters a list of events has differs from request to request."""

from typing import Any

from pypika import NamedParameter, Order, SQLLiteQuery, Table, Tuple
from pypika.enums import Comparator
from pypika.terms import BasicCriterion, Criterion, Field, Function

from eventorg.domain.events import Event, EventQuery
from eventorg.domain.normal_forms import fold
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Parameter

_MIN_TRIGRAM = 3
_MAX_PHRASE = 12
"""The index finds so much of what is looked for; more costs it a second where texts repeat themselves, and the texts
that it finds are soon read."""


class _Comparator(Comparator):
    match = " MATCH "


def compose_search(
    wanted: EventQuery, viewer_id: str | None, after: tuple[str, str] | None, limit: int
) -> tuple[Statement, dict[str, Parameter]]:
    """The statement, and its values, for the first `limit` events after a place (start time and id).

    Public events as far as they are published (or of the status asked for, but no drafts), and the viewer's own
    whatever they are. Each branch is read in the order of an index and stops at the limit.
    """
    events, search = Table("events"), Table("events_search")
    values: dict[str, Parameter] = {"limit": limit, "status": wanted.status or "published"}
    filters: list[Criterion] = []

    def bind(name: str, value: Parameter) -> NamedParameter:
        values[name] = value
        return NamedParameter(name)

    if after is not None:
        place = Tuple(bind("after_time", after[0]), bind("after_id", after[1]))
        filters.append(Tuple(events.start_time, events.id) > place)
    if wanted.start_from is not None:
        filters.append(events.start_time >= bind("start_from", wanted.start_from))
    if wanted.start_to is not None:
        filters.append(events.start_time < bind("start_to", wanted.start_to))
    if wanted.organizer_id is not None:
        filters.append(events.organizer_id == bind("organizer_id", wanted.organizer_id))
    if wanted.q:
        words = fold(wanted.q)
        if len(words) >= _MIN_TRIGRAM:
            phrase = bind("phrase", '"' + words[:_MAX_PHRASE].replace('"', '""') + '"')
            found = SQLLiteQuery.from_(search).select(Field("rowid"))
            filters.append(
                events.seq.isin(found.where(BasicCriterion(_Comparator.match, Field("events_search"), phrase)))
            )
        if not _MIN_TRIGRAM <= len(words) <= _MAX_PHRASE:
            filters.append(Function("instr", events.search_text, bind("words", words)) > 0)

    # SQLite takes no parentheses around the parts of a UNION.
    ids = (
        SQLLiteQuery.from_(events, wrap_set_operation_queries=False)
        .select(events.start_time, events.id)
        .where(Criterion.all(filters))
    )
    of_status = events.status == NamedParameter("status")
    public = ids.where(events.visibility == "public").where(of_status).where(events.status != "draft")
    visible: Any = public  # a query or a union of them: PyPika has no type for both
    if viewer_id is not None:
        viewer = bind("viewer_id", viewer_id)
        own = ids if wanted.status is None else ids.where(of_status)
        hosts = Table("event_hosts")
        hosted = own.join(hosts).on(hosts.event_id == events.id).where(hosts.user_id == viewer)
        visible = public.union(own.where(events.organizer_id == viewer)).union(hosted)
    page = visible.orderby(Field("start_time")).orderby(Field("id")).limit(NamedParameter("limit")).as_("page")

    query = (
        SQLLiteQuery.from_(page)
        .join(events)
        .on(events.id == page.id)
        .select(*(events.field(name) for name in Event.__struct_fields__))
        .orderby(events.start_time, events.id, order=Order.asc)
    )
    return Statement("find_events", query.get_sql(), tuple(values), __name__), values
