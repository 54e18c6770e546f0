"""The interface for plugins: everything that a plugin may import.

A plugin is a module with a `plugin = Plugin(name=…)`. It declares what it adds and patches nothing. If a plugin is
invalid, the server prints one sentence and does not start. `plugins/README.md` is the tutorial.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

import click
from litestar.plugins import PluginProtocol
from litestar.types import ControllerRouterHandler
from msgspec import Struct, structs

from eventorg.domain.calendars import CalendarEvent, write_calendar
from eventorg.domain.callers import Caller
from eventorg.domain.cards import CardData
from eventorg.domain.deliveries import Notice
from eventorg.domain.errors import (
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooMany,
    Unavailable,
)
from eventorg.domain.events import Event, EventPatch, NewEvent, Role, check_host, check_organizer
from eventorg.domain.facts import (
    FACTS,
    AnswerUpdated,
    ChangeData,
    EventCancelled,
    EventCreated,
    EventDeleted,
    EventUpdated,
    Fact,
    RegistrationAttended,
    RegistrationCancelled,
    RegistrationCreated,
    RegistrationPromoted,
    RegistrationUpdated,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from eventorg.domain.gates import Asked, Refusal
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User, check_self
from eventorg.domain.values import (
    ABSENT,
    Clock,
    Id,
    Input,
    Instant,
    Locale,
    Refused,
    Timezone,
    check_version,
    moment,
    rfc3339,
    rule,
    text,
)
from eventorg.locales import negotiate
from eventorg.locales.cards import Card
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import ReadTransaction, Transaction, TransactionFunction
from eventorg.web.authentication import OPEN, OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated, by_bot
from eventorg.web.conditional import ETAG, answer_unless_current, expected_tags, expected_versions, is_current
from eventorg.web.disconnection import unless_disconnected
from eventorg.web.headers import accepts, language_for
from eventorg.web.pagination import Cursor, Limit, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.query_parameters import ANY_QUERY, query_prefixes

__all__ = [
    "ABSENT",
    "ANY_QUERY",
    "BODY_PROBLEMS",
    "ETAG",
    "FACTS",
    "OPEN",
    "OPTIONAL_SECURITY",
    "PUBLIC",
    "AnswerUpdated",
    "Anybody",
    "Asked",
    "Authenticated",
    "CalendarEvent",
    "Caller",
    "Card",
    "CardData",
    "ChangeData",
    "Clock",
    "Conflict",
    "Context",
    "Cursor",
    "DomainError",
    "Event",
    "EventCancelled",
    "EventCreated",
    "EventDeleted",
    "EventPatch",
    "EventUpdated",
    "Fact",
    "FactType",
    "FieldError",
    "Forbidden",
    "Gate",
    "Gone",
    "Happened",
    "Id",
    "Input",
    "Instant",
    "Invalid",
    "Job",
    "Limit",
    "Locale",
    "NewEvent",
    "NotFound",
    "Notice",
    "Plugin",
    "ReadTransaction",
    "Refusal",
    "Refused",
    "Registration",
    "RegistrationAttended",
    "RegistrationCancelled",
    "RegistrationCreated",
    "RegistrationPromoted",
    "RegistrationUpdated",
    "Role",
    "RunCommand",
    "Statement",
    "Statements",
    "Timezone",
    "TooMany",
    "Transaction",
    "Unavailable",
    "User",
    "UserCreated",
    "UserDeleted",
    "UserUpdated",
    "accepts",
    "answer_unless_current",
    "by_bot",
    "check_host",
    "check_organizer",
    "check_self",
    "check_version",
    "decode_cursor",
    "encode_cursor",
    "expected_tags",
    "expected_versions",
    "is_current",
    "language_for",
    "moment",
    "negotiate",
    "problems",
    "query_prefixes",
    "rfc3339",
    "rule",
    "text",
    "unless_disconnected",
    "write_calendar",
]

T = TypeVar("T")
INTERFACE = 1
"""The version of this interface. It grows when a plugin that worked would work no longer."""
Happened = Fact
"""Deprecated name of `Fact`. Will be removed in 0.3."""


@runtime_checkable
class Context(Protocol):
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
    def sends_mail(self) -> bool:
        """True if the server sends mail to users who have a verified email address and no Telegram account."""

    @property
    def public_url(self) -> str:
        """The setting `EVENTORG_PUBLIC_URL` without a slash at the end, or an empty text: use `request.base_url`."""

    @property
    def is_stopping(self) -> bool:
        """True once the server is stopping. A request that waits must end then: look at least every second."""

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
        fact: "FactType",
        data: Struct | None = None,
        *,
        event_id: str | None = None,
        user_id: str | None = None,
        by: Caller | None = None,
    ) -> None:
        """Records a fact of the plugin, in the given transaction. `GET /changes` shows it to the fact's audience, and
        handlers get it after the commit. `by` is whoever did it. Raises `ValueError` if an id is missing that the
        audience needs, or if the data is of another type."""


Handler = Callable[[Any, Context], Awaitable[None]]
Filter = Callable[[Sequence[Fact], Context, Transaction], Iterable[Fact]]
CardLines = Callable[[CardData, str, Context, ReadTransaction], Sequence[str]]
Exporter = Callable[[str, Context, Transaction], object]
Lifespan = Callable[[Context], AbstractAsyncContextManager[None]]
MergeHandler = Callable[[str, str, Context, Transaction], None]
Refresh = Callable[[Notice, Context, Transaction], Mapping[str, str] | None]


class Job(Struct, frozen=True, kw_only=True):
    """A function that runs when the server has started and then at intervals, never twice at once."""

    name: str

    every: timedelta
    """The time from one start to the next, by `Context.clock`."""

    run: Callable[[Context], Awaitable[None]]
    """The function. If it raises, that is logged, and it runs again when it is due."""

    timeout: timedelta = timedelta(minutes=5)
    """The longest time that a run may take. After that it is cancelled, which counts as an error."""

    def __post_init__(self) -> None:
        for field in ("every", "timeout"):
            if getattr(self, field) <= timedelta(0):
                raise ValueError(f"the job {self.name} needs a positive {field}")


class FactType(Struct, frozen=True, kw_only=True):
    """A type of fact of a plugin. Its name in the change log is `<plugin>.<name>`."""

    name: str
    """A past participle, such as `answered`: lowercase letters, digits, and underscores."""

    data: type[Struct] | None = None
    """The struct of its data, without personal data. None: it has no data."""

    audience: Literal["event", "user", "hosts"]
    """Whom `GET /changes` tells. `event`: everybody who follows the event, and they see `user_id` too. `user`: only the
    user. `hosts`: the event's hosts, and the user if there is one."""


class Gate(Struct, frozen=True, kw_only=True):
    """A rule about who may take a place at an event. It is asked inside the transaction that gives the place, after the
    core's own rules and before seats are taken, so that no race passes it."""

    check: "Callable[[Asked, Context, ReadTransaction], Refusal | None]"
    """Returns None, or one of `Plugin.refusals`, perhaps with data. It only reads, and has no other effect: it can be
    called twice. Its SQL is interrupted after 100 ms. Everybody who writes waits for it, so be quick: more than 10 ms
    is logged."""

    on_error: Literal["refuse", "allow"] = "refuse"
    """What happens if it raises, takes too long, or returns something else: 503 `plugin_failed`, or the place is given.
    Both are logged, and `/health` shows the plugin as `failing` until the gate answers again."""

    binds_hosts: bool = False
    """True if it is also asked when a host or the operator adds somebody."""


class RunCommand(Protocol):
    """The object that `@click.pass_obj` passes to a command. It runs an action with the plugin's context."""

    def __call__(self, action: Callable[[Context], Awaitable[T]]) -> T: ...


class Plugin(Struct, frozen=True, kw_only=True):
    """Everything that a plugin adds. Only the name is required."""

    name: str
    """The name of its file, folder, or entry point: lowercase letters, digits, and underscores. Its settings, tables,
    commands, and OpenAPI tag contain it."""

    api: int = INTERFACE
    """The version of this interface that the plugin was written for. A server with another one refuses the plugin."""

    requires: str = ""
    """The versions of eventorg that it works with, such as `>=0.1,<2` (PEP 440)."""

    routes: Sequence[ControllerRouterHandler] = ()
    """Litestar handlers and controllers. Private unless marked with `opt=PUBLIC` or `opt=OPEN`."""

    facts: Sequence[FactType] = ()
    """The types of facts that the plugin records with `Context.record`."""

    on: Mapping[type[Fact] | FactType, Handler] = {}
    """The handler for each type of fact, of the core or of the plugin itself; the latter gets a `Fact`. A fact is
    delivered at least once, in order, also after a crash."""

    filter: Filter | None = None
    """Takes facts in order, and returns those that the handlers need. The others are not delivered. If most facts need
    nothing, one read for many of them takes a tenth of the time. If it raises, all of them are delivered."""

    gates: Sequence[Gate] = ()
    """Rules about who may take a place. They are asked when somebody registers, or registers more guests. They are not
    asked about leaving, the waiting list, a host's approval, or an account that is linked."""

    refusals: Sequence[Refusal] = ()
    """Everything that the gates may return. Each gets a page at `/problems/<plugin>_<code>`."""

    card: CardLines | None = None
    """Returns the lines that an event's card has after the core's, in a language: `ru` or `en`. Each has up to 200
    UTF-16 code units. If it raises, or takes longer than 50 ms, that is logged, and the card has none of them. Call
    `Context.touch_card` when they change."""

    export: Exporter | None = None
    """Returns what the plugin keeps about a user, by ID, as JSON values or a struct. `GET /users/me/export` includes it
    under the plugin's name. The function reads in the given transaction."""

    on_merge: MergeHandler | None = None
    """Moves what the plugin keeps about a user to another user, with whom the user is merged: called with the ID of the
    user that goes, the ID of the user that stays, the context and the transaction of the merge, before the core moves
    its own rows. What is not moved is deleted with the user. If it raises, the merge fails."""

    refresh: Refresh | None = None
    """Called when a message of the plugin is about to be delivered: returns its texts as of now, or None if the message
    is obsolete. It reads in the transaction that leases the message, so be quick. If it raises, the message is tried
    again a minute later. Without it, the texts of `Context.notify` are delivered."""

    lifespan: Lifespan | None = None
    """An async context manager around the plugin's work, on the plugin's own event loop and thread: entered before its
    first handler and job, left after the last. It may start long-running tasks, and ends what it starts.

    An error or more than 30 seconds at the start keeps the server from starting. An error while it runs, such as one of
    a task group in it, is a crash: handlers and jobs stop, and the plugin restarts after 1, 2, 4 … seconds, at most 5
    minutes; `/health` shows `retrying`, and `failing` from the eighth crash in a row. A plugin that takes more than 2
    seconds to stop is abandoned. Commands do not enter it."""

    jobs: Sequence[Job] = ()
    """Functions that run at intervals."""

    settings: type[Struct] | None = None
    """Its settings, read from `EVENTORG_<NAME>_<FIELD>`."""

    statements: Path | None = None
    """A folder of SQL files with named statements."""

    migrations: Path | None = None
    """A folder of numbered SQL files. The names of their tables begin with `<name>_`."""

    commands: Sequence[click.Command] = ()
    """The commands of `eventorg <name> …`."""

    problems: Mapping[str, Mapping[str, str]] = {}
    """The codes of its errors with their texts by language. Each gets a page at `/problems/<code>`, which the `type` of
    the problem document leads to."""

    litestar_plugins: Sequence[PluginProtocol] = ()
    """The Litestar plugins that its routes need."""

    choose: Filter | None = None
    """Deprecated name of `filter`. Will be removed in 0.3."""

    def __post_init__(self) -> None:
        if self.choose is None:
            return
        if self.filter is not None:
            raise ValueError("`choose` is the old name of `filter`; set only `filter`")
        structs.force_setattr(self, "filter", self.choose)
