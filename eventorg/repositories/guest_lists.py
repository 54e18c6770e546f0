"""The acts of hosts on the participants of their events."""

from uuid import uuid4

from msgspec import UNSET

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.facts import actor_for
from eventorg.domain.guest_lists import MAX_BY_NAME, NewParticipant, ParticipantPatch
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import Registration, check_seated
from eventorg.domain.users import DEFAULT_LOCALE, DEFAULT_TIMEZONE, User
from eventorg.domain.values import check_version
from eventorg.repositories.account_closing import AccountClosing
from eventorg.repositories.blocks import Blocks
from eventorg.repositories.events import EventRepository
from eventorg.repositories.host_notices import HostNotices
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.repositories.steps import Step
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class GuestListRepository:
    """Adds participants as a host, changes and removes them. `ParticipantRepository` reads."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        events: EventRepository,
        users: UserRepository,
        blocks: Blocks,
        participants: ParticipantRepository,
        places: Places,
        notices: HostNotices,
        closing: AccountClosing,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._events = events
        self._users = users
        self._blocks = blocks
        self._participants = participants
        self._places = places
        self._notices = notices
        self._closing = closing
        self._idempotency = idempotency

    async def add(
        self, event_id: str, new: NewParticipant, caller: Caller, once: Once | None = None
    ) -> tuple[Registration, bool]:
        """Adds somebody as a host, and returns the registration, and true if it is new.

        Somebody who waits for approval is approved. Raises `NotFound` (event or user), `Forbidden` (not a host, or
        `blocked`: the user blocks the caller) and `Conflict` (the event is full or not open, or has too many people by
        name alone).
        """

        def work(tx: Transaction) -> tuple[Registration, bool]:
            return self.enter(tx, event_id, new, caller)

        def may_see(tx: Transaction, _: tuple[Registration, bool]) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, tuple[Registration, bool], work, once, may_see)

    async def update(
        self,
        event_id: str,
        user_id: str,
        patch: ParticipantPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Registration:
        """Changes a registration as a host, and returns it: the party, the approval, the seats, and the check-in.

        Raises `NotFound`, `Forbidden` (not a host), `VersionMismatch` and `Conflict` (cancelled, no seat, the event is
        full or not open).
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            before = self._participants.load(tx, event.id, user_id)
            check_version(before.version, expected)
            after = before if patch.is_empty else self._update(tx, before, patch, caller)
            if after != before:
                self._events.note_act(tx, event.id, caller)
            return after

        def may_see(tx: Transaction, _: Registration) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Registration, work, once, may_see)

    async def remove(
        self, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller, *, block: bool = False
    ) -> Registration:
        """Cancels a participant's registration as a host, and returns it. With `block`, the caller also blocks the
        participant. Somebody who was added by name is deleted.

        A participant who left before counts as removed from now on. Raises `NotFound`, `Forbidden` (not a host),
        `VersionMismatch` and `Invalid` (a host who blocks itself).
        """

        def work(tx: Transaction) -> Registration:
            return self.end(tx, event_id, user_id, expected, caller, block=block)

        return await self._database.write(work)

    def enter(self, tx: Transaction, event_id: str, new: NewParticipant, caller: Caller) -> tuple[Registration, bool]:
        """Does what `add` does, in the given transaction."""
        event = self._events.load_as_host(tx, event_id, caller.user_id)
        user = self._create(tx, event.id, new, caller) if new.user_id is None else self._users.load(tx, new.user_id)
        asked = self._places.ask(tx, event.id, user.id)
        before = self._participants.load(tx, event.id, user.id) if asked.is_registered else None
        if before is not None and before.approved:
            return before, False
        if user.name_only and new.user_id is not None:
            raise NotFound("user_not_found")  # a participant of another event
        self._blocks.check(tx, user.id, caller.user_id)
        self._events.note_act(tx, event.id, caller)
        if before is not None:
            return self._places.approve(tx, asked, before, caller, "host"), False
        added = self._places.enter(tx, asked, new.party, caller, "host")
        if not user.name_only:
            self._notices.tell_added(tx, event, added, user, caller)
        return added, True

    def enter_by_name(self, tx: Transaction, event_id: str, new: NewParticipant, caller: Caller) -> Registration:
        """Adds somebody by name as the system, in the given transaction, and returns the registration. Of all rules,
        only the capacity counts.

        Raises `NotFound`, and `Conflict` (`event_full`, `too_many_people_by_name`).
        """
        user = self._create(tx, event_id, new, caller)
        try:
            return self._places.enter(tx, self._places.ask(tx, event_id, user.id), new.party, caller, "system")
        except Conflict:
            self._closing.finish(tx, user.id, caller, Step())
            raise

    def end(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        expected: frozenset[str] | None,
        caller: Caller,
        *,
        block: bool,
    ) -> Registration:
        """Does what `remove` does, in the given transaction."""
        event = self._events.load_as_host(tx, event_id, caller.user_id)
        before = self._participants.load(tx, event.id, user_id)
        check_version(before.version, expected)
        if block:
            self._blocks.add(tx, caller.user_id, user_id)
        removed = self._places.end(tx, before, caller, actor_for(user_id, caller), "host")
        self._notices.withdraw(tx, before)
        self._events.note_act(tx, event.id, caller)
        if tx.one(self._sql.is_name_only, user_id=user_id):
            self._closing.finish(tx, user_id, caller, Step())
        return removed

    def _create(self, tx: Transaction, event_id: str, new: NewParticipant, by: Caller) -> User:
        """Returns a new user who exists only as a participant of an event."""
        if tx.one(self._sql.has_many_by_name, event_id=event_id, fewer=MAX_BY_NAME - 1):
            raise Conflict("too_many_people_by_name")
        profile = {
            "username": None,
            "email": None,
            "first_name": new.first_name,
            "last_name": new.last_name,
            "locale": DEFAULT_LOCALE,
            "timezone": DEFAULT_TIMEZONE,
        }
        return self._users.insert(tx, profile, user_id=str(uuid4()), by=by, only_at=event_id)

    def _update(self, tx: Transaction, before: Registration, patch: ParticipantPatch, by: Caller) -> Registration:
        """Returns the changed registration: first its party, then the approval, then the status."""
        if before.status == "cancelled":
            raise Conflict("registration_cancelled")
        needs_place = patch.changes_party or before.status == "waitlisted"
        after = self._place(tx, before, patch, by) if needs_place else before
        if patch.status is UNSET or after.status == patch.status:
            return after
        check_seated(after.status)
        return self._places.mark(tx, after, patch.status, by, actor_for(before.user_id, by))

    def _place(self, tx: Transaction, before: Registration, patch: ParticipantPatch, by: Caller) -> Registration:
        """Returns the registration with the party of the patch, approved or seated if the patch says so."""
        asked = self._places.ask(tx, before.event_id, before.user_id)
        raises = patch.raise_capacity
        after = self._places.change_party(tx, asked, before, patch, by, "host", raise_capacity=raises)
        if after.status != "waitlisted":
            return after
        is_approval = patch.approved is True and not after.approved
        if patch.status == "registered" or (is_approval and raises):
            return self._places.let_in(tx, asked, after, by, raise_capacity=raises)
        return self._places.approve(tx, asked, after, by, "host") if is_approval else after
