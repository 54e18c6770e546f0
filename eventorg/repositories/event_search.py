"""The full-text search of events: the statement that finds them, and the removal of deleted words from the index."""

from collections.abc import Iterable, Sequence
from functools import partial, reduce
from typing import Any

from pypika import NamedParameter, Order, SQLLiteQuery, Table, Tuple
from pypika.enums import Comparator
from pypika.terms import BasicCriterion, Criterion, EmptyCriterion, ExistsCriterion, Field, Function, PseudoColumn, Term

from eventorg.domain.events import STORED_FIELDS, EventQuery
from eventorg.domain.normal_forms import fold
from eventorg.storage.database import Database
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Parameter, Transaction

_MERGED_PAGES = 64
_MIN_TRIGRAM = 3
_MAX_PHRASE = 12
"""The number of characters to look up in the index. A longer phrase takes up to a second where texts repeat, and the
texts that the index finds are quick to read."""


_EVENTS = Table("events")
Pairs = Sequence[tuple[Term, Term]]
"""Parameters of keys and values of metadata."""


class _Comparator(Comparator):
    match = " MATCH "


def compose_search(
    wanted: EventQuery, viewer_id: str | None, bot: str | None, after: tuple[str, str] | None, limit: int
) -> tuple[Statement, dict[str, Parameter]]:
    """Returns the statement, and its values, that finds the first `limit` events after a start time and ID.

    It finds public events that are published (or have the wanted status, but no drafts), and all events of the viewer.
    By metadata it finds events of the viewer, and events that the bot tagged and that the viewer can see.
    Each branch is read in the order of an index and stops at the limit. This is the only composed statement, because
    the filters differ from request to request.
    """
    events, search = _EVENTS, Table("events_search")
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

    ending = Table("ending_events")
    filters.append(events.id.notin(SQLLiteQuery.from_(ending).select(ending.id)))

    # SQLite takes no parentheses around the parts of a UNION.
    ids = (
        SQLLiteQuery.from_(events, wrap_set_operation_queries=False)
        .select(events.start_time, events.id)
        .where(Criterion.all(filters))
    )
    of_status = events.status == NamedParameter("status")
    own = ids if wanted.status is None else ids.where(of_status)
    visible: Any  # a query or a union of them: PyPika has no type for both
    if wanted.metadata:
        pairs = [
            (bind(f"key{place}", key), bind(f"value{place}", value))
            for place, (key, value) in enumerate(wanted.metadata.items())
        ]
        viewer = bind("viewer_id", viewer_id or "")
        visible = _union(_hosted(own.where(_has_values(pairs)), viewer))
        if bot is not None:
            visible = visible.union(_tagged(own, pairs, bind("bot", bot), viewer))
    else:
        # With `+`, the organizer's few events are read instead of all public ones.
        visibility = events.visibility if wanted.organizer_id is None else PseudoColumn('+"visibility"')
        visible = ids.where(visibility == "public").where(of_status).where(events.status != "draft")
        if viewer_id is not None:
            visible = _union([visible, *_hosted(own, bind("viewer_id", viewer_id))])
    page = visible.orderby(Field("start_time")).orderby(Field("id")).limit(NamedParameter("limit")).as_("page")

    query = (
        SQLLiteQuery.from_(page)
        .join(events)
        .on(events.id == page.id)
        .select(*(events.field(name) for name in STORED_FIELDS))
        .orderby(events.start_time, events.id, order=Order.asc)
    )
    return Statement("find_events", query.get_sql(), tuple(values), __name__), values


def _hosted(events: Any, viewer: Term) -> list[Any]:
    """Returns the queries of the events that a viewer organizes and co-hosts."""
    hosts = Table("event_hosts")
    cohosted = events.join(hosts).on(hosts.event_id == _EVENTS.id).where(hosts.user_id == viewer)
    return [events.where(_EVENTS.organizer_id == viewer), cohosted]


def _tagged(events: Any, pairs: Pairs, bot: Term, viewer: Term) -> Any:
    """Returns the query of the events to which a bot gave these values, and that the viewer can see."""
    tags, registrations, answers = Table("event_metadata"), Table("registrations"), Table("rsvps")
    (key, value), *others = pairs
    is_shown = (_EVENTS.status != "draft") & (_EVENTS.visibility != "private")
    has_left = Function("coalesce", registrations.cancelled_by, "self") == "self"
    is_registered = (registrations.event_id == _EVENTS.id) & (registrations.user_id == viewer)
    has_answered = (answers.event_id == _EVENTS.id) & (answers.user_id == viewer)
    return (
        events.join(tags)
        .on(tags.event_id == _EVENTS.id)
        .where((tags.bot == bot) & (tags.key == key) & (tags.value == value))
        .where(_has_values(others, bot))
        .where(
            is_shown
            | _exists(registrations, is_registered & ((registrations.status != "cancelled") | has_left))
            | _exists(answers, has_answered)
        )
    )


def _has_values(pairs: Pairs, bot: Term | None = None) -> Criterion:
    """Returns the criterion of the events that have all these values, given by the bot if one is named."""
    tags = Table("event_metadata", alias="has")
    of_bot = EmptyCriterion() if bot is None else tags.bot == bot
    return Criterion.all(
        [
            _exists(tags, (tags.event_id == _EVENTS.id) & (tags.key == key) & (tags.value == value) & of_bot)
            for key, value in pairs
        ]
    )


def _exists(table: Table, criterion: Criterion) -> Criterion:
    return ExistsCriterion(SQLLiteQuery.from_(table).select(1).where(criterion))  # type: ignore[no-untyped-call]


def _union(queries: Iterable[Any]) -> Any:
    return reduce(lambda one, other: one.union(other), queries)


class SearchIndex:
    """The full-text index of events."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    async def forget_words(self) -> None:
        """Rewrites the index without the words of deleted events, a limited number of pages in each transaction."""
        pages = -_MERGED_PAGES
        while await self._database.write(partial(self._merge, pages=pages)):
            pages = _MERGED_PAGES

    def _merge(self, tx: Transaction, pages: int) -> bool:
        """Returns true if there is more to merge: a step without work writes less than two rows (FTS5, section 6.8)."""
        before = tx.row(self._sql.count_written)
        tx.run(self._sql.merge_search, pages=pages)
        after = tx.row(self._sql.count_written)
        return bool(after["written"] - before["written"] >= 2)
