"""Declares what a plugin is given: its access to the server."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, _ProtocolMeta, runtime_checkable
from weakref import WeakSet

from msgspec import Struct

from eventorg.domain.callers import BotScope, Caller
from eventorg.domain.events import Event, EventPatch, NewEvent, Role
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.domain.values import Clock, Instant
from eventorg.locales.cards import Card
from eventorg.plugin.fact_types import FactType
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction, TransactionFunction

if TYPE_CHECKING:
    from httpx import AsyncClient

T = TypeVar("T")


_fitting: Final[WeakSet[type]] = WeakSet()
"""The classes of objects that have every member of `Context`."""


class _CheckedOnce(_ProtocolMeta):
    """Checks all members of the first object of a class only. Litestar checks the context in each request, and Python
    3.11 takes longer for that than many routes."""

    def __instancecheck__(self, instance: object) -> bool:
        if self is not Context:
            return super().__instancecheck__(instance)
        if type(instance) in _fitting:
            return True
        fits = super().__instancecheck__(instance)
        if fits:
            _fitting.add(type(instance))
        return fits


@runtime_checkable
class Context(Protocol, metaclass=_CheckedOnce):
    """A plugin's access to the server. Routes get it as the dependency `plugin`, other functions as an argument."""

    settings: Any
    """An instance of `Plugin.settings`."""

    sql: Statements
    """The plugin's own statements: `context.sql.get_thing`."""

    clock: Clock
    """Returns the current time. Tests can move it."""

    log: Any
    """A structlog logger that adds the plugin's name."""

    @property
    def fact_types(self) -> Mapping[str, FactType]:
        """The types of facts of all loaded plugins, by their full names, `<plugin>.<name>`."""

    @property
    def sends_mail(self) -> bool:
        """True if the server sends mail to users who have a verified email address and no Telegram account."""

    @property
    def public_url(self) -> str:
        """The setting `EVENTORG_PUBLIC_URL` without a slash at the end, or an empty text: use `request.base_url`."""

    @property
    def is_stopping(self) -> bool:
        """True once the server is stopping. A request that waits must end then: look at least every second."""

    def client(self) -> "AsyncClient":
        """Returns a client of this server's own API, without a network: it sends requests as the bot of the plugin (see
        `Plugin.bot`), and works on any event loop. Add `X-Act-As` to act for a user. Close it when you are done.

        Raises `LookupError` if `Plugin.bot` is empty, or in a command, where no server runs.
        """

    async def find_bots(self, scope: BotScope) -> list[str]:
        """Returns the names of the bots that have a scope, sorted. Revoked ones are not among them."""

    def show_problem(self, sentence: str | None) -> None:
        """Shows a sentence in `/health` as the state of the plugin, until you call it with None. It tells the operator
        what to do. The server still counts as healthy."""

    def waiting(self, caller: str) -> AbstractContextManager[None]:
        """Counts a request that waits, until the block ends. Raises `TooMany` (429 `too_many_waiting`) if 20 requests
        of the caller, which is any text, wait in this plugin already. Use it on the server's event loop: in routes.
        """

    async def read(self, work: TransactionFunction[T]) -> T:
        """Runs a function in a read transaction (see `Transaction`), on one snapshot, and returns its result."""

    async def write(self, work: TransactionFunction[T]) -> T:
        """Runs a function in a write transaction and returns its result after the commit. An error rolls it back."""

    async def write_once(
        self,
        caller: Caller,
        kind: type[T],
        work: TransactionFunction[T],
        *,
        may_see: Callable[[Transaction, T], object] | None = None,
    ) -> T:
        """Runs `write` for a POST or PATCH route, once for each `Idempotency-Key` of the caller of the current request.

        `kind` is the type of the result. The result is kept as JSON and must be the same after a round trip. When the
        request is sent again, the stored result is first passed to `may_see`, which raises an error if the caller may
        no longer see it.
        """

    def is_replay(self, caller: Caller) -> bool:
        """Returns true if `write_once` is going to return the stored result of an earlier request.

        Use it to skip slow checks.
        """

    def load_event(self, tx: Transaction, event_id: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        """Returns an event by ID or code, and the viewer's role. Raises `NotFound` if the viewer may not see it."""

    def load_invited(self, tx: Transaction, code: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        """Returns the event of an invitation, also a private one, and the viewer's role. Raises `NotFound` if the code
        is unknown, has expired, or is used up by others."""

    def load_card(self, tx: Transaction, event_id: str, language: str, names: int = 20) -> Card:
        """Returns an event's card in a language (`ru` or `en`) with up to `names` names, as `GET
        /events/{event_id}/card` shows it. Raises `NotFound`.

        It does not ask who may see the event: check that before you pass the card on.
        """

    def load_user(self, tx: Transaction, user_id: str) -> User:
        """Returns a user. Raises `NotFound`."""

    def load_last_change(self, tx: Transaction) -> int:
        """Returns the number of the last change in the snapshot of `tx`: the `as_of` of a list that is read with it."""

    def notify(
        self,
        tx: Transaction,
        user_id: str,
        *,
        kind: str,
        dedupe_key: str,
        texts: Mapping[str, str],
        due_at: Instant | None = None,
        event_id: str | None = None,
        expires_at: Instant | None = None,
        replace: bool = False,
    ) -> bool:
        """Adds a message to the outbox, in the given transaction. Bots and the mail server deliver it at least once.

        Returns false if `dedupe_key` was used before, or if there is no such user. Bots see `<plugin>.<kind>` and
        `<plugin>:<dedupe_key>`. `texts` are by language (`ru`, `en`), each 1 to 4,096 UTF-16 code units. The message is
        told from `due_at` (default: now) until `expires_at`. It is deleted with its user, and it is void when its event
        is deleted; a message about the deletion is made afterwards. For a user who cannot be reached it is stored, but
        not told. Put the user's ID into `dedupe_key`: of two messages whose keys differ only in that, one is told if
        the two users become one. With `replace`, the user is not told older messages of this kind about this event
        any more. Raises `ValueError` for a missing, empty or too long text.
        """

    def cancel_notices(self, tx: Transaction, dedupe_keys: Sequence[str]) -> int:
        """Deletes messages that are not leased yet, by their keys, and returns their number."""

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
        """Registers a user, in the given transaction, and returns the registration. A second call returns the same one.

        `by` is the user, or a host who adds the user; the API's rules and the gates hold. Without it, the system adds
        the user: of all rules, only the capacity counts, and gates are not asked. Raises `NotFound`, `Forbidden`,
        `Invalid` and `Conflict`, like the API, and `LookupError` in a transaction that only reads.
        """

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
        """Registers somebody without an account, as the system, and returns the registration. A new user is made, who
        exists only as a participant of this event. Raises the errors of `register`."""

    def leave(self, tx: Transaction, event_id: str, user_id: str, *, by: Caller | None = None) -> Registration:
        """Cancels a registration and returns it. Free seats go to the waiting list, in the same transaction.

        `by` is the user, or a host who removes the user. The system can do this at any time. Raises the errors of
        `register`.
        """

    def rsvp(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        answer: Literal["going", "maybe", "declined"],
        *,
        guests: int | None = None,
        by: Caller | None = None,
    ) -> Registration | None:
        """Gives a user's answer to an event, and returns the registration of somebody who is going. `by` is the user.
        Raises the errors of `register`."""

    def create_event(self, tx: Transaction, new: NewEvent, organizer_id: str, *, by: Caller | None = None) -> Event:
        """Creates an event and returns it. `by` must be the organizer. Raises the errors of `register`."""

    def update_event(self, tx: Transaction, event_id: str, patch: EventPatch, *, by: Caller | None = None) -> Event:
        """Changes an event and returns it. `by` must be a host. Raises the errors of `register`."""

    def cancel_event(self, tx: Transaction, event_id: str, *, by: Caller | None = None) -> Event:
        """Cancels an event and returns it. `by` must be a host. Raises the errors of `register`."""

    def delete_event(self, tx: Transaction, event_id: str, *, by: Caller | None = None) -> None:
        """Deletes an event with its registrations. Nobody sees it any more. `by` must be the organizer. Raises the
        errors of `register`."""

    def copy_event(self, tx: Transaction, event_id: str, changes: EventPatch, *, by: Caller | None = None) -> Event:
        """Copies an event, with its co-hosts and metadata, and returns the copy. Times that are not in `changes` move
        with `start_time`, by the wall clock. `by` must be a host, and organizes the copy; the system's copy has the
        organizer of the original. Raises the errors of `register`.
        """

    def touch_card(self, tx: Transaction, event_id: str) -> None:
        """Notes that the card of an event shows something else, so that its `card_etag` changes."""

    def record(
        self,
        tx: Transaction,
        fact: FactType,
        data: Struct | None = None,
        *,
        event_id: str | None = None,
        user_id: str | None = None,
        by: Caller | None = None,
    ) -> None:
        """Records a fact of the plugin, in the given transaction. `GET /changes` shows it to the fact's audience, and
        handlers get it after the commit. `by` is whoever did it. Raises `ValueError` if an id is missing that the
        audience needs, or if the data is of another type."""
