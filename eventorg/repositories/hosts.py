"""The hosts of events: the organizer adds and removes co-hosts."""

from datetime import timedelta

import msgspec
from msgspec import Raw

from eventorg.domain.callers import NOBODY, Caller
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.events import Event, check_host, check_organizer
from eventorg.domain.facts import NewChange, field_names
from eventorg.domain.hosts import PENDING_HOSTS_DAYS, Host, Hosts, NewHost, check_pending_hosts
from eventorg.domain.idempotency import Once
from eventorg.domain.values import Clock, check_version, rfc3339
from eventorg.repositories.blocks import Blocks
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.user_expansion import UserExpansion
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

Place = tuple[int, str, str]
"""A place in the list of an event's hosts."""


class HostRepository:
    """Reads and changes the hosts of events."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        clock: Clock,
        changes: ChangeRepository,
        events: EventRepository,
        blocks: Blocks,
        idempotency: IdempotencyRepository,
        expansion: UserExpansion,
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._changes = changes
        self._events = events
        self._blocks = blocks
        self._idempotency = idempotency
        self._expansion = expansion

    async def find(
        self, event_id: str, after: Place, limit: int | None, caller: Caller, *, with_users: bool
    ) -> tuple[Hosts, Place | None]:
        """Returns the hosts of an event after a place in their list, and the place of the last one if there are more.
        Raises `NotFound`."""

        def work(tx: Transaction) -> tuple[Hosts, Place | None]:
            event = self._events.load(tx, event_id, caller.user_id)
            found = [host for host in self._find(tx, event.id) if host.place > after]
            page = found[:limit]
            listed = msgspec.json.encode(page)
            hosts = self._expansion.add_users(tx, listed.decode(), caller) if with_users else Raw(listed)
            listing = Hosts(event_id=event.id, hosts=hosts, next=None, as_of=self._changes.load_last(tx))
            return listing, page[-1].place if len(found) > len(page) else None

        return await self._database.read(work)

    async def add(self, event_id: str, new: NewHost, caller: Caller, once: Once | None = None) -> tuple[Host, bool]:
        """Adds a co-host and returns it, and true if it is new.

        Raises `NotFound` (event or user), `Forbidden` (not the organizer, or `blocked`: one of the two has blocked the
        other) and `Conflict` (the user is the organizer, or too many co-hosts have not acted as one yet).
        """

        def work(tx: Transaction) -> tuple[Host, bool]:
            event = self._load_as_organizer(tx, event_id, caller.user_id)
            if new.user_id == event.organizer_id:
                raise Conflict("already_organizer")
            user = tx.one(self._sql.get_user, user_id=new.user_id)
            if user is None or user["only_at"]:
                raise NotFound("user_not_found")
            is_new = tx.one(self._sql.add_host, event_id=event.id, user_id=new.user_id, now=tx.now) is not None
            if is_new:
                self._blocks.check(tx, new.user_id, caller.user_id)
                self._blocks.check(tx, caller.user_id, new.user_id)
                self._check_pending(tx, event, new.user_id)
                self._record(tx, event.id, new.user_id, caller)
            return next(host for host in self._find(tx, event.id) if host.user_id == new.user_id), is_new

        def may_see(tx: Transaction, _: tuple[Host, bool]) -> None:
            self._load_as_organizer(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, tuple[Host, bool], work, once, may_see)

    async def remove(self, event_id: str, user_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Removes a co-host, as the organizer or as that co-host.

        Raises `NotFound`, `Forbidden` and `VersionMismatch`.
        """

        def work(tx: Transaction) -> None:
            event = self._events.load(tx, event_id, caller.user_id)
            if user_id == caller.user_id:
                check_host(event.role)
            else:
                check_organizer(event.role)
            hosts = [host for host in self._find(tx, event.id) if host.user_id == user_id and host.role == "host"]
            if not hosts:
                raise NotFound("host_not_found")
            check_version(hosts[0].version, expected)
            tx.run(self._sql.remove_host, event_id=event.id, user_id=user_id)
            self._record(tx, event.id, user_id, caller)

        await self._database.write(work)

    def copy(self, tx: Transaction, event_id: str, copy: Event, caller: Caller) -> None:
        """Makes the hosts of an event co-hosts of its copy, except the copy's organizer and those with a block between
        them. Raises `Conflict` if too many of them have not acted as one yet; a copy by the system leaves them out."""
        added = tx.all(self._sql.copy_hosts, event_id=event_id, copy_id=copy.id, now=tx.now)
        for row in added:
            try:
                self._check_pending(tx, copy, row["user_id"])
            except Conflict:
                if caller != NOBODY:
                    raise
                tx.run(self._sql.remove_host, event_id=copy.id, user_id=row["user_id"])
                continue
            self._record(tx, copy.id, row["user_id"], caller)

    def _check_pending(self, tx: Transaction, event: Event, user_id: str) -> None:
        """Bounds what an organizer can do to people who never asked to be co-host."""
        between = {"organizer_id": event.organizer_id, "user_id": user_id}
        if tx.one(self._sql.has_acted_for, **between):
            return
        since = rfc3339(self._clock() - timedelta(days=PENDING_HOSTS_DAYS))
        pending = tx.row(self._sql.count_pending_hosts, since=since, **between)
        check_pending_hosts(pending["of_all"] - 1, pending["of_user"] - 1)  # without the new one

    def _load_as_organizer(self, tx: Transaction, event_id: str, caller_id: str) -> Event:
        event = self._events.load(tx, event_id, caller_id)
        check_organizer(event.role)
        return event

    def _record(self, tx: Transaction, event_id: str, user_id: str, by: Caller) -> None:
        self._changes.record(tx, NewChange("event.updated", event_id, user_id, field_names(["hosts"])), by)

    def _find(self, tx: Transaction, event_id: str) -> list[Host]:
        return [
            Host(user_id=row["user_id"], role=row["role"], since=row["since"])
            for row in tx.all(self._sql.list_hosts, event_id=event_id)
        ]
