"""Events. Visibility and roles are checked inside the transaction that reads or changes an event."""

from typing import Final, NamedTuple
from uuid import uuid4

from msgspec import UNSET, UnsetType, structs

from eventorg.domain.callers import Caller
from eventorg.domain.cards import CARD_FIELDS
from eventorg.domain.errors import Conflict, Forbidden, NotFound
from eventorg.domain.events import (
    SETTINGS,
    STORED_PER_LIVE,
    Event,
    EventPatch,
    NewEvent,
    Role,
    check_draft,
    check_host,
    check_organizer,
    check_times,
    check_visible,
    check_window,
    is_host,
)
from eventorg.domain.facts import ChangeData, ChangeType, NewChange, field_names
from eventorg.domain.idempotency import Once
from eventorg.domain.metadata import merged
from eventorg.domain.values import check_version
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.event_deletion import EventDeletion
from eventorg.repositories.event_rows import new_code, read_event, settings_of
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.metadata import MetadataRepository
from eventorg.repositories.seats import Seats
from eventorg.repositories.steps import Step
from eventorg.storage.database import Database
from eventorg.storage.lookup_cache import caches_up_to
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class _View(NamedTuple):
    """A user's relation to an event: the role, whether the user answered or left, and what only hosts see."""

    role: Role | None
    has_answered: bool
    metadata: dict[str, str] | UnsetType = UNSET


_STRANGER: Final = _View(None, False)


class EventRepository:
    """Reads and changes events. An event can be named by its ID or its code."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        deletion: EventDeletion,
        metadata: MetadataRepository,
        idempotency: IdempotencyRepository,
        per_user: int,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._deletion = deletion
        self._metadata = metadata
        self._idempotency = idempotency
        self._per_user = per_user

    async def create(self, new: NewEvent, caller: Caller, once: Once | None = None) -> Event:
        """Creates an event that the caller organizes, and returns it. Raises `Forbidden` for another organizer, and
        `Conflict` (`too_many_events`)."""
        if new.organizer_id not in (None, caller.user_id):
            raise Forbidden()

        def may_see(tx: Transaction, event: Event) -> None:
            self.load(tx, event.id, caller.user_id)

        return await self._idempotency.write(
            caller, Event, lambda tx: self.make(tx, new, caller.user_id, caller), once, may_see
        )

    async def get(self, event_id: str, viewer_id: str | None) -> Event:
        """Returns the event. Raises `NotFound` if the viewer may not see it."""
        event = await self._database.look_up(self._load, event_id)  # the same for everyone who may see it
        return self._seen_by(event, await self._database.look_up(self._load_view, event.id, viewer_id))

    async def get_invited(self, event_id: str, viewer_id: str | None) -> tuple[Event, bool]:
        """Returns the event whatever its visibility, with the viewer's role, and true for a viewer who may see it
        without an invitation to a private event. Raises `NotFound`."""
        event = await self._database.look_up(self._load, event_id)
        return _invited(event, await self._database.look_up(self._load_view, event.id, viewer_id))

    async def update(
        self,
        event_id: str,
        patch: EventPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Event:
        """Changes the event and returns it. Nothing is recorded if nothing changes.

        Raises `NotFound`, `Forbidden` (not a host), `VersionMismatch`, `Invalid` (ends before it starts) and `Conflict`
        (back to a draft while people are registered).
        """

        def may_see(tx: Transaction, _: Event) -> None:
            self.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(
            caller, Event, lambda tx: self.change(tx, event_id, patch, expected, caller), once, may_see
        )

    async def delete(self, event_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Deletes the event and its registrations. What is too much for one step is an open task; nobody sees the event
        any more. Raises `NotFound`, `Forbidden` and `VersionMismatch`."""

        await self._database.write(lambda tx: self.end(tx, event_id, expected, caller))

    def load(self, tx: Transaction, event_id: str, viewer_id: str | None) -> Event:
        """Returns the event with the viewer's role. Raises `NotFound` if the viewer may not see it."""
        event = self._load(tx, event_id)
        return self._seen_by(event, self._load_view(tx, event.id, viewer_id))

    def load_for_all(self, tx: Transaction, event_id: str) -> Event:
        """Returns the event without a role, whoever may see it. Raises `NotFound`."""
        return self._load(tx, event_id)

    def load_invited(self, tx: Transaction, event_id: str, viewer_id: str | None) -> tuple[Event, bool]:
        """Returns what `get_invited` returns. Raises `NotFound`."""
        event = self._load(tx, event_id)
        return _invited(event, self._load_view(tx, event.id, viewer_id))

    def load_as_host(self, tx: Transaction, event_id: str, caller_id: str) -> Event:
        """Returns the event. Raises `NotFound`, or `Forbidden` if the caller is not one of its hosts."""
        event = self.load(tx, event_id, caller_id)
        check_host(event.role)
        return event

    def note_act(self, tx: Transaction, event_id: str, by: Caller) -> None:
        """Records that a host has acted as one: only such a co-host takes the event over when its organizer's account
        is deleted."""
        tx.run(self._sql.note_host_act, event_id=event_id, user_id=by.user_id, now=tx.now)

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[Event]:
        """Returns the events that a user organizes or co-hosts, by start time."""
        return [self.load(tx, row["id"], user_id) for row in tx.all(self._sql.list_organized, user_id=user_id)]

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        """Transfers each event of a user to its longest-serving co-host who has acted as one, or deletes it if there
        is none. Returns false if the step was too short."""
        while owned := tx.one(self._sql.get_next_owned, user_id=user_id):
            if not step.has_time():
                return False
            event_id = owned["id"]
            if tx.one(self._sql.is_ending, event_id=event_id):
                if not self._deletion.begin(tx, event_id, by, step):
                    return False
            else:
                successor = tx.row(self._sql.transfer_ownership, event_id=event_id, now=tx.now)
                tx.run(self._sql.remove_host, event_id=event_id, user_id=successor["organizer_id"])
                changed = field_names(["organizer_id", "hosts"])
                self._changes.record(tx, NewChange("event.updated", event_id, successor["organizer_id"], changed), by)
        return True

    def make(self, tx: Transaction, new: NewEvent, organizer_id: str, by: Caller) -> Event:
        """Creates an event of an organizer, and returns it. Raises `Conflict` (`too_many_events`)."""
        event = self.insert(tx, new, organizer_id, by)
        self._metadata.change(tx, event.id, new.metadata, by.bot)
        return structs.replace(event, role="organizer", metadata=merged({}, new.metadata))

    def insert(
        self, tx: Transaction, new: NewEvent | Event, organizer_id: str, by: Caller, data: ChangeData | None = None
    ) -> Event:
        """Creates an event with the settings of `new`, without metadata, and returns it. Raises `Conflict`."""
        self._check_number(tx, organizer_id)
        values = settings_of(new) | {"organizer_id": organizer_id, "event_id": str(uuid4())}
        row = None
        while row is None:  # no row: the code is taken
            row = tx.one(self._sql.create_event, code=new_code(), now=tx.now, **values)
        event = read_event(row)
        # It names the organizer: a reader who waits for news does not know the new event's ID.
        self._changes.record(tx, NewChange("event.created", event.id, organizer_id, data), by)
        return event

    def end(
        self,
        tx: Transaction,
        event_id: str,
        expected: frozenset[str] | None,
        caller: Caller,
        *,
        as_system: bool = False,
    ) -> None:
        """Does what `delete` does, in the given transaction. The system need not be the organizer."""
        event = self.load_for_all(tx, event_id) if as_system else self.load(tx, event_id, caller.user_id)
        if not as_system:
            check_organizer(event.role)
        check_version(event.version, expected)
        self._deletion.begin(tx, event.id, caller, Step())

    def change(
        self,
        tx: Transaction,
        event_id: str,
        patch: EventPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        *,
        as_system: bool = False,
    ) -> Event:
        """Does what `update` does, in the given transaction. The system need not be a host."""
        before = self.load_for_all(tx, event_id) if as_system else self.load_as_host(tx, event_id, caller.user_id)
        check_version(before.version, expected)
        after = structs.replace(
            before, **{name: value for name in SETTINGS if (value := getattr(patch, name)) is not UNSET}
        )
        if patch.metadata is not UNSET:
            after = structs.replace(after, metadata=merged(before.metadata or {}, patch.metadata))
            self._metadata.change(tx, before.id, patch.metadata, caller.bot)
        if after == before:
            return before
        check_times(after.start_time, after.end_time)
        check_window(after.registration_opens_at, after.registration_closes_at)
        check_draft(before, after)
        changed = [name for name in EventPatch.__struct_fields__ if getattr(after, name) != getattr(before, name)]
        if changed == ["metadata"]:
            tx.run(self._sql.touch_event, event_id=before.id, now=tx.now)
        else:
            is_shown = not CARD_FIELDS.isdisjoint(changed)
            tx.run(self._sql.update_event, event_id=before.id, is_shown=is_shown, now=tx.now, **settings_of(after))
        cancelled = after.status == "cancelled" != before.status
        kind: ChangeType = "event.cancelled" if cancelled else "event.updated"
        self._changes.record(tx, NewChange(kind, before.id, data=field_names(changed)), caller)
        self.note_act(tx, before.id, caller)
        self._seats.fill(tx, before.id, caller)
        return self.load_for_all(tx, before.id) if as_system else self.load(tx, before.id, caller.user_id)

    def _check_number(self, tx: Transaction, user_id: str) -> None:
        """Raises `Conflict` if a user has as many events as one can have."""
        stored = self._per_user * STORED_PER_LIVE
        if tx.one(self._sql.has_many_live, organizer_id=user_id, now=tx.now, fewer=self._per_user - 1) or tx.one(
            self._sql.has_many_owned, organizer_id=user_id, fewer=stored - 1
        ):
            raise Conflict("too_many_events")

    @caches_up_to(2_048)  # at most 30 MB, if each has the longest texts
    def _load(self, tx: Transaction, event_id: str) -> Event:
        row = tx.one(self._sql.get_event, event_id=event_id)
        if row is None:
            raise NotFound("event_not_found")
        return read_event(row)

    @caches_up_to(16_384)  # at most 6 MB: one for each viewer of each event, and most of them are strangers
    def _load_view(self, tx: Transaction, event_id: str, viewer_id: str | None) -> _View:
        if not viewer_id:
            return _STRANGER
        row = tx.row(self._sql.get_role, event_id=event_id, viewer_id=viewer_id)
        if row["role"] is None and not row["has_answered"]:
            return _STRANGER
        metadata = self._metadata.load(tx, event_id) if is_host(row["role"]) else UNSET
        return _View(row["role"], bool(row["has_answered"]), metadata)

    def _seen_by(self, event: Event, view: _View) -> Event:
        """Returns the event as its viewer sees it. Raises `NotFound` if the viewer may not see it."""
        check_visible(event.status, event.visibility, view.role, has_answered=view.has_answered)
        return event if view.role is None else structs.replace(event, role=view.role, metadata=view.metadata)


def _invited(event: Event, view: _View) -> tuple[Event, bool]:
    shown = structs.replace(event, role=view.role, metadata=view.metadata)
    return shown, view.role is not None or view.has_answered
