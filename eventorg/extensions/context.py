"""Implements `eventorg.plugin.Context`, through which a plugin works."""

from collections.abc import Callable
from typing import Final, TypeVar

from eventorg.domain.callers import Caller
from eventorg.domain.events import Event, Role
from eventorg.domain.idempotency import Once, is_replay, owner_of
from eventorg.domain.users import User
from eventorg.domain.values import Clock
from eventorg.extensions.loader import LoadedPlugin
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository, request_caller, request_once
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction, TransactionFunction

T = TypeVar("T")


class PluginContext:
    """The context of one plugin. `eventorg.plugin.Context` documents it."""

    def __init__(
        self,
        loaded: LoadedPlugin,
        database: Database,
        clock: Clock,
        changes: ChangeRepository,
        events: EventRepository,
        users: UserRepository,
        idempotency: IdempotencyRepository,
        public_url: str,
    ) -> None:
        import structlog  # here: its import is slow, and commands without plugins do not need it

        self.settings = loaded.settings
        self.sql = loaded.sql
        self.clock = clock
        self.public_url: Final = public_url
        self.log = structlog.get_logger(f"eventorg.plugins.{loaded.plugin.name}", plugin=loaded.plugin.name)
        self._database = database
        self._changes = changes
        self._events = events
        self._users = users
        self._idempotency = idempotency

    async def read(self, work: TransactionFunction[T]) -> T:
        return await self._database.read(work)

    async def write(self, work: TransactionFunction[T]) -> T:
        caller = request_caller.get()
        return await (self._database.write(work) if caller is None else self._idempotency.write_for(caller, work))

    async def write_once(
        self,
        caller: Caller,
        kind: type[T],
        work: TransactionFunction[T],
        *,
        may_see: Callable[[Transaction, T], object] | None = None,
    ) -> T:
        return await self._idempotency.write(caller, kind, work, _once(caller), may_see)

    def is_replay(self, caller: Caller) -> bool:
        return is_replay(_once(caller))

    def load_event(self, tx: Transaction, event_id: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        return self._events.load_with_role(tx, event_id, viewer_id)

    def load_last_change(self, tx: Transaction) -> int:
        return self._changes.load_last(tx)

    def load_user(self, tx: Transaction, user_id: str) -> User:
        return self._users.load(tx, user_id)


def _once(caller: Caller) -> Once | None:
    """Returns the idempotency key of the current request, or None if it belongs to another caller."""
    once = request_once.get()
    return once if once is not None and once.owner == owner_of(caller) else None
