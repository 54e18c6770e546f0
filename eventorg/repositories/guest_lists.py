"""The acts of hosts on the participants of their events."""

from eventorg.domain.callers import Caller
from eventorg.domain.facts import actor_for
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import Registration, RegistrationPatch, check_seated
from eventorg.domain.values import check_version
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction


class GuestListRepository:
    """Checks participants in, and removes them. `ParticipantRepository` reads."""

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

    async def check_in(
        self,
        event_id: str,
        user_id: str,
        patch: RegistrationPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Registration:
        """Marks a registration as attended, or undoes that, and returns it.

        Raises `NotFound`, `Forbidden` (not a host), `VersionMismatch` and `Conflict` (no seat).
        """

        def work(tx: Transaction) -> Registration:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            before = self._participants.load(tx, event.id, user_id)
            check_version(before.version, expected)
            check_seated(before.status)
            if before.status == patch.status:
                return before
            after = self._places.mark(tx, before, patch.status, caller, actor_for(user_id, caller))
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
