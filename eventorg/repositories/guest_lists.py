"""The acts of hosts on the participants of their events."""

from msgspec import UNSET

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict
from eventorg.domain.facts import actor_for
from eventorg.domain.guest_lists import ParticipantPatch
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import Registration, check_seated
from eventorg.domain.values import check_version
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction


class GuestListRepository:
    """Changes participants as a host, and removes them. `ParticipantRepository` reads."""

    def __init__(
        self,
        database: Database,
        events: EventRepository,
        participants: ParticipantRepository,
        places: Places,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._events = events
        self._participants = participants
        self._places = places
        self._idempotency = idempotency

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
        self, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> Registration:
        """Cancels a participant's registration as a host, and returns it.

        A participant who left before counts as removed from now on. Raises `NotFound`, `Forbidden` (not a host) and
        `VersionMismatch`.
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            before = self._participants.load(tx, event.id, user_id)
            check_version(before.version, expected)
            removed = self._places.end(tx, before, caller, actor_for(user_id, caller), "host")
            self._events.note_act(tx, event.id, caller)
            return removed

        return await self._database.write(work)

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
        return self._places.approve(tx, asked, after, by) if is_approval else after
