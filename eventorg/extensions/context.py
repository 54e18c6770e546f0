"""Implements `eventorg.plugin.Context`, through which a plugin works."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct, to_builtins

from eventorg.domain.callers import BotScope, Caller
from eventorg.domain.deliveries import Notice
from eventorg.domain.events import Event, EventPatch, NewEvent, Role
from eventorg.domain.facts import NewChange
from eventorg.domain.guest_lists import NewParticipant
from eventorg.domain.idempotency import Once, is_replay, owner_of
from eventorg.domain.registrations import Registration
from eventorg.domain.rsvps import Answer
from eventorg.domain.users import User
from eventorg.domain.values import Clock
from eventorg.domain.waiting import WaitingRequests
from eventorg.extensions.acts import Acts
from eventorg.extensions.card_lines import CardLines
from eventorg.extensions.loader import LoadedPlugin
from eventorg.locales.cards import Card, make_card
from eventorg.repositories.bots import BotRepository
from eventorg.repositories.cards import CardRepository
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.delivery_leases import Refresh
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository, request_caller, request_once
from eventorg.repositories.invitations import InvitationRepository
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction, TransactionFunction

if TYPE_CHECKING:
    from httpx import AsyncClient

    from eventorg.extensions.client import App, BotToken
    from eventorg.plugin import FactType

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
        invitations: InvitationRepository,
        users: UserRepository,
        idempotency: IdempotencyRepository,
        deliveries: DeliveryRepository,
        acts: Acts,
        cards: CardRepository,
        card_lines: CardLines,
        stopping: threading.Event,
        public_url: str,
        bots: BotRepository,
        all_loaded: Sequence[LoadedPlugin],
    ) -> None:
        import structlog  # here: its import is slow, and commands without plugins do not need it

        self.settings = loaded.settings
        self.sql = loaded.sql
        self.clock = clock
        self.sends_mail: Final = deliveries.sends_mail
        self.public_url: Final = public_url
        self._all_loaded = all_loaded
        self.log = structlog.get_logger(f"eventorg.plugins.{loaded.plugin.name}", plugin=loaded.plugin.name)
        self._database = database
        self._changes = changes
        self._events = events
        self._invitations = invitations
        self._users = users
        self._idempotency = idempotency
        self._deliveries = deliveries
        self._acts = acts
        self._cards = cards
        self._card_lines = card_lines
        self._stopping = stopping
        self._name = loaded.plugin.name
        self._facts = loaded.plugin.facts
        self._bots = bots
        self._waiting = WaitingRequests()
        self._scopes = loaded.plugin.bot
        self._app: App | None = None
        self._token: BotToken | None = None
        self.problem: str | None = None
        """The sentence of `show_problem`, or None."""

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    @property
    def fact_types(self) -> "Mapping[str, FactType]":
        plugins = [loaded.plugin for loaded in self._all_loaded]
        return {f"{plugin.name}.{fact.name}": fact for plugin in plugins for fact in plugin.facts}

    def client(self) -> "AsyncClient":
        if not self._scopes:
            raise LookupError(f"Plugin.bot of the plugin {self._name} is empty")
        if self._app is None:
            raise LookupError("no server runs in this process")
        from eventorg.extensions.client import BotToken, make_client  # here: plugins without a bot do not need httpx

        if self._token is None:
            self._token = BotToken(partial(self._bots.renew, self._name, self._scopes))
        return make_client(self._app, self._database, self._token)

    async def find_bots(self, scope: BotScope) -> list[str]:
        return [each.name for each in await self._bots.find() if not each.revoked_at and scope in each.scopes.split()]

    def show_problem(self, sentence: str | None) -> None:
        self.problem = sentence

    def serve(self, app: "App") -> None:
        """Sets the application that `client` calls."""
        self._app = app

    def waiting(self, caller: str) -> AbstractContextManager[None]:
        return self._waiting.place(caller)

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
        event = self._events.load(tx, event_id, viewer_id)
        return event, event.role

    def load_invited(self, tx: Transaction, code: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        event = self._invitations.load_event(tx, code, viewer_id)
        return event, event.role

    def load_card(self, tx: Transaction, event_id: str, language: str, names: int = 20) -> Card:
        data = self._cards.load_for_all(tx, event_id, names)
        return make_card(data, language, self._card_lines.load(tx, data, language))

    def load_last_change(self, tx: Transaction) -> int:
        return self._changes.load_last(tx)

    def load_user(self, tx: Transaction, user_id: str) -> User:
        return self._users.load(tx, user_id)

    def notify(
        self,
        tx: Transaction,
        user_id: str,
        *,
        kind: str,
        dedupe_key: str,
        texts: Mapping[str, str],
        due_at: str | None = None,
        event_id: str | None = None,
        expires_at: str | None = None,
        replace: bool = False,
    ) -> bool:
        notice = Notice(user_id=user_id, kind=kind, dedupe_key=dedupe_key, event_id=event_id, due_at=due_at or tx.now)
        return self._deliveries.add(tx, self._name, notice, texts, expires_at, replace=replace)

    def cancel_notices(self, tx: Transaction, dedupe_keys: Sequence[str]) -> int:
        return self._deliveries.cancel(tx, self._name, dedupe_keys)

    def register(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        *,
        guests: int = 0,
        guest_names: Sequence[str] = (),
        by: Caller | None = None,
    ) -> Registration:
        return self._acts.register(tx, event_id, user_id, guests, guest_names, by)

    def register_by_name(
        self,
        tx: Transaction,
        event_id: str,
        first_name: str,
        last_name: str | None = None,
        *,
        guests: int = 0,
        guest_names: Sequence[str] = (),
    ) -> Registration:
        new = NewParticipant(first_name=first_name, last_name=last_name, guests=guests, guest_names=list(guest_names))
        return self._acts.register_by_name(tx, event_id, new)

    def leave(self, tx: Transaction, event_id: str, user_id: str, *, by: Caller | None = None) -> Registration:
        return self._acts.leave(tx, event_id, user_id, by)

    def rsvp(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        answer: Answer,
        *,
        guests: int | None = None,
        by: Caller | None = None,
    ) -> Registration | None:
        return self._acts.rsvp(tx, event_id, user_id, answer, guests, by)

    def create_event(self, tx: Transaction, new: NewEvent, organizer_id: str, *, by: Caller | None = None) -> Event:
        return self._acts.create_event(tx, new, organizer_id, by)

    def update_event(self, tx: Transaction, event_id: str, patch: EventPatch, *, by: Caller | None = None) -> Event:
        return self._acts.update_event(tx, event_id, patch, by)

    def cancel_event(self, tx: Transaction, event_id: str, *, by: Caller | None = None) -> Event:
        return self._acts.cancel_event(tx, event_id, by)

    def delete_event(self, tx: Transaction, event_id: str, *, by: Caller | None = None) -> None:
        self._acts.delete_event(tx, event_id, by)

    def copy_event(self, tx: Transaction, event_id: str, changes: EventPatch, *, by: Caller | None = None) -> Event:
        return self._acts.copy_event(tx, event_id, changes, by)

    def record(
        self,
        tx: Transaction,
        fact: "FactType",
        data: Struct | None = None,
        *,
        event_id: str | None = None,
        user_id: str | None = None,
        by: Caller | None = None,
    ) -> None:
        if fact not in self._facts:
            raise ValueError(f"the fact {fact.name} is not in Plugin.facts")
        if (user_id if fact.audience == "user" else event_id) is None:
            subject = "a user" if fact.audience == "user" else "an event"
            raise ValueError(f"the fact {fact.name} needs the id of {subject}")
        if type(data) is not (fact.data or type(None)):
            raise ValueError(f"the data of the fact {fact.name} has another type")
        values = None if data is None else to_builtins(data)
        change = NewChange(f"{self._name}.{fact.name}", event_id, user_id, values, fact.audience)
        self._acts.record(tx, change, by)

    def touch_card(self, tx: Transaction, event_id: str) -> None:
        self._acts.touch_card(tx, event_id)

    def refresher(self, refresh: Callable[[Notice, "PluginContext", Transaction], Mapping[str, str] | None]) -> Refresh:
        """Returns the plugin's function as the outbox calls it."""
        return lambda notice, tx: refresh(notice, self, tx)


def _once(caller: Caller) -> Once | None:
    """Returns the idempotency key of the current request, or None if it belongs to another caller."""
    once = request_once.get()
    return once if once is not None and once.owner == owner_of(caller) else None
