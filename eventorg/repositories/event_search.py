"""The full-text search of events: the statement that finds them, and the removal of deleted words from the index."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, Final

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
WALKED: Final = 1_000
"""The number of public events whose texts are read for a page of a common text. Reading one takes as long as one or
two matches in the index, all of which are read if these events do not fill the page."""
_MAX_KEPT = 512
"""The number of statements that are kept. Without metadata there are 384, and few clients combine all filters."""
MAX_RARE: Final = 500
"""The number of events that have a rare phrase. Those are read and sorted. Where a phrase is frequent, the events are
read in their order, until enough of them have it."""

_EVENTS = Table("events")
Position = tuple[str, str]
"""A start time and an ID."""
_AFTER_ALL: Final = "~"
"""After every start time."""
Pairs = Sequence[tuple[Term, Term]]
"""Parameters of keys and values of metadata."""


class _Comparator(Comparator):
    match = " MATCH "


def compose_search(
    wanted: EventQuery,
    viewer_id: str | None,
    bot: str | None,
    after: Position | None,
    limit: int,
    is_rare: bool = False,
    *,
    before: Position | None = None,
    by_index: bool = True,
) -> tuple[Statement, dict[str, Parameter]]:
    """Returns the statement, and its values, that finds the first `limit` events after a start time and ID.

    It finds public events that are published (or have the wanted status, but no drafts), and all events of the viewer.
    By metadata it finds events of the viewer, and events that the bot tagged and that the viewer can see.
    With `before`, it finds only those before this position. Without `by_index`, the text is looked up in each event.
    Each branch is read in the order of an index and stops at the limit, unless the phrase is rare. This is the only
    composed statement, because the filters differ from request to request.
    """
    values: dict[str, Parameter] = {"limit": limit, "status": wanted.status or "published"}
    if after is not None:
        values |= {"after_time": after[0], "after_id": after[1]}
    if before is not None:
        values |= {"before_time": before[0], "before_id": before[1]}
    if wanted.start_from is not None:
        values["start_from"] = wanted.start_from
    if wanted.start_to is not None:
        values["start_to"] = wanted.start_to
    if wanted.organizer_id is not None:
        values["organizer_id"] = wanted.organizer_id
    if wanted.q:
        words = fold(wanted.q)
        phrase = _phrase(words) if by_index else None
        if phrase is not None:
            values["phrase"] = phrase
        if phrase is None or len(words) > _MAX_PHRASE:
            values["words"] = words
    for place, (key, value) in enumerate(wanted.metadata.items()):
        values |= {f"key{place}": key, f"value{place}": value}
    if wanted.metadata:
        values["viewer_id"] = viewer_id or ""
        if bot is not None:
            values["bot"] = bot
    elif viewer_id is not None:
        values["viewer_id"] = viewer_id
    return _compose(tuple(values), len(wanted.metadata), wanted.status is not None, is_rare), values


def compose_text_searches(
    tx: Transaction,
    sql: Statements,
    wanted: EventQuery,
    viewer_id: str | None,
    bot: str | None,
    after: Position | None,
    limit: int,
) -> Iterator[tuple[Statement, dict[str, Parameter]]]:
    """Yields the statements of a search for text: the next one if a page is not full, and the last one in any case.

    The index finds a text without order. The matches of a rare one are sorted. For a common one, it is cheaper to read
    the first events in order, and to go through all matches only if these events do not fill the page.
    """
    phrase = _phrase(fold(wanted.q or ""))
    if phrase is None or wanted.organizer_id is not None or wanted.metadata:
        yield compose_search(wanted, viewer_id, bot, after, limit)
        return
    if tx.one(sql.has_many_found, phrase=phrase, fewer=MAX_RARE) is None:
        yield compose_search(wanted, viewer_id, bot, after, limit, is_rare=True)
        return
    begin = max(after or ("", ""), (wanted.start_from or "", ""))
    row = tx.one(
        sql.find_position,
        status=wanted.status or "published",
        after_time=begin[0],
        after_id=begin[1],
        start_to=wanted.start_to or _AFTER_ALL,
        number=WALKED,
    )
    before = (row["start_time"], row["id"]) if row else None
    yield compose_search(wanted, viewer_id, bot, after, limit, before=before, by_index=False)
    if before is not None:
        yield compose_search(wanted, viewer_id, bot, after, limit)


def _phrase(words: str) -> str | None:
    """Returns what to look up in the index, or None for a text that is too short for it."""
    return '"' + words[:_MAX_PHRASE].replace('"', '""') + '"' if len(words) >= _MIN_TRIGRAM else None


@lru_cache(_MAX_KEPT)
def _compose(names: tuple[str, ...], pair_count: int, is_of_status: bool, is_rare: bool) -> Statement:
    """Returns the statement for values with these names. PyPika composes longer than SQLite runs, so it is kept."""
    events, search = _EVENTS, Table("events_search")
    filters: list[Criterion] = []
    if "after_time" in names:
        place = Tuple(NamedParameter("after_time"), NamedParameter("after_id"))
        filters.append(Tuple(events.start_time, events.id) > place)
    if "before_time" in names:
        end = Tuple(NamedParameter("before_time"), NamedParameter("before_id"))
        filters.append(Tuple(events.start_time, events.id) < end)
    if "start_from" in names:
        filters.append(events.start_time >= NamedParameter("start_from"))
    if "start_to" in names:
        filters.append(events.start_time < NamedParameter("start_to"))
    if "organizer_id" in names:
        filters.append(events.organizer_id == NamedParameter("organizer_id"))
    if "phrase" in names:
        is_found = BasicCriterion(_Comparator.match, Field("events_search"), NamedParameter("phrase"))
        filters.append(events.seq.isin(SQLLiteQuery.from_(search).select(Field("rowid")).where(is_found)))
    if "words" in names:
        filters.append(Function("instr", events.search_text, NamedParameter("words")) > 0)

    ending = Table("ending_events")
    filters.append(events.id.notin(SQLLiteQuery.from_(ending).select(ending.id)))

    # SQLite takes no parentheses around the parts of a UNION.
    ids = (
        SQLLiteQuery.from_(events, wrap_set_operation_queries=False)
        .select(events.start_time, events.id)
        .where(Criterion.all(filters))
    )
    viewer = NamedParameter("viewer_id")
    of_status = events.status == NamedParameter("status")
    own = ids.where(of_status) if is_of_status else ids
    visible: Any  # a query or a union of them: PyPika has no type for both
    if pair_count:
        pairs = [(NamedParameter(f"key{place}"), NamedParameter(f"value{place}")) for place in range(pair_count)]
        visible = _union(_hosted(own.where(_has_values(pairs)), viewer))
        if "bot" in names:
            visible = visible.union(_tagged(own, pairs, NamedParameter("bot"), viewer))
    else:
        # With `+`, the organizer's few events, or those with a rare phrase, are read instead of all public ones.
        has_few = is_rare or "organizer_id" in names
        visibility = PseudoColumn('+"visibility"') if has_few else events.visibility
        visible = ids.where(visibility == "public").where(of_status).where(events.status != "draft")
        if "viewer_id" in names:
            visible = _union([visible, *_hosted(own, viewer)])
    page = visible.orderby(Field("start_time")).orderby(Field("id")).limit(NamedParameter("limit")).as_("page")

    query = (
        SQLLiteQuery.from_(page)
        .join(events)
        .on(events.id == page.id)
        .select(*(events.field(name) for name in STORED_FIELDS))
        .orderby(events.start_time, events.id, order=Order.asc)
    )
    return Statement("find_events", query.get_sql(), names, __name__)


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
