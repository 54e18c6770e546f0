"""Copies events, with their co-hosts and their metadata."""

from msgspec import UNSET

from eventorg.domain.callers import Caller
from eventorg.domain.event_copies import EventCopy, copied
from eventorg.domain.events import Event
from eventorg.domain.facts import copied_from
from eventorg.domain.idempotency import Once
from eventorg.domain.metadata import merged
from eventorg.repositories.events import EventRepository
from eventorg.repositories.hosts import HostRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.metadata import MetadataRepository
from eventorg.storage.transactions import Transaction


class EventCopyRepository:
    """Creates events from other events."""

    def __init__(
        self,
        events: EventRepository,
        hosts: HostRepository,
        metadata: MetadataRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._events = events
        self._hosts = hosts
        self._metadata = metadata
        self._idempotency = idempotency

    async def create(self, event_id: str, given: EventCopy, caller: Caller, once: Once | None = None) -> Event:
        """Copies an event that the caller hosts, and returns the copy, which the caller organizes.

        Raises `NotFound`, `Forbidden` (not a host), `Invalid` (times or metadata), and `Conflict` (`too_many_events`,
        `too_many_pending_hosts`).
        """

        def work(tx: Transaction) -> Event:
            original = self._events.load_as_host(tx, event_id, caller.user_id)
            copy = self.make(tx, original, given, caller.user_id, caller)
            return self._events.load(tx, copy.id, caller.user_id)

        def may_see(tx: Transaction, copy: Event) -> None:
            self._events.load_as_host(tx, copy.id, caller.user_id)

        return await self._idempotency.write(caller, Event, work, once, may_see)

    def make(self, tx: Transaction, original: Event, given: EventCopy, organizer_id: str, by: Caller) -> Event:
        """Copies an event for an organizer, in the given transaction, and returns the copy.

        Raises `Invalid` and `Conflict` as `create` does.
        """
        copy = self._events.insert(tx, copied(original, given), organizer_id, by, copied_from(original.id))
        self._metadata.copy(tx, original.id, copy.id)
        if given.metadata is not UNSET:
            merged(original.metadata or {}, given.metadata)
            self._metadata.change(tx, copy.id, given.metadata, by.bot)
        self._hosts.copy(tx, original.id, copy, by)
        return copy
