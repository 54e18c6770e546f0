"""The door for extensions: everything a plugin may import, on one page.

A plugin is a module with a `plugin = Plugin(name=…)`. It declares what it adds and patches nothing; what is refused
is said in one sentence at start-up. `plugins/README.md` is the tutorial.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import click
from litestar.plugins import PluginProtocol
from litestar.types import ControllerRouterHandler
from msgspec import Struct

from eventorg.domain.callers import Caller
from eventorg.domain.errors import (
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unavailable,
)
from eventorg.domain.events import Event, Role, check_host, check_organizer
from eventorg.domain.facts import (
    FACTS,
    EventCancelled,
    EventCreated,
    EventDeleted,
    EventUpdated,
    Fact,
    RegistrationAttended,
    RegistrationCancelled,
    RegistrationCreated,
    RegistrationPromoted,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
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
    rfc3339,
    rule,
    text,
)
from eventorg.locales import negotiate
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Transaction, TransactionFunction
from eventorg.web.authentication import OPEN, OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated, by_bot
from eventorg.web.conditional import ETAG, answer_unless_current, expected_tags, is_current
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
    "Anybody",
    "Authenticated",
    "Caller",
    "Clock",
    "Conflict",
    "Context",
    "Cursor",
    "DomainError",
    "Event",
    "EventCancelled",
    "EventCreated",
    "EventDeleted",
    "EventUpdated",
    "Fact",
    "FieldError",
    "Forbidden",
    "Gone",
    "Happened",
    "Id",
    "Input",
    "Instant",
    "Invalid",
    "Job",
    "Limit",
    "Locale",
    "NotFound",
    "Plugin",
    "Refused",
    "RegistrationAttended",
    "RegistrationCancelled",
    "RegistrationCreated",
    "RegistrationPromoted",
    "Role",
    "RunCommand",
    "Statement",
    "Statements",
    "Timezone",
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
    "is_current",
    "language_for",
    "negotiate",
    "problems",
    "query_prefixes",
    "rfc3339",
    "rule",
    "text",
]

T = TypeVar("T")
Happened = Fact
"""The name of `Fact` until 0.1.0; it goes in 0.3."""


@runtime_checkable
class Context(Protocol):
    """What a plugin works with: its routes as the dependency `plugin`, its handlers and jobs as their argument."""

    settings: Any
    """An instance of `Plugin.settings`."""

    sql: Statements
    """The plugin's own statements: `context.sql.get_thing`."""

    clock: Clock
    """The time; tests move it."""

    log: Any
    """A structlog logger that names the plugin."""

    async def read(self, work: TransactionFunction[T]) -> T:
        """The result of a work that only reads (see `Transaction`), from one snapshot of the database."""

    async def write(self, work: TransactionFunction[T]) -> T:
        """The result of a work that changes things, once it is committed. An error undoes it alone."""

    async def write_once(
        self,
        caller: Caller,
        kind: type[T],
        work: TransactionFunction[T],
        *,
        may_see: Callable[[Transaction, T], object] | None = None,
    ) -> T:
        """`write` for a POST or PATCH route: runs once for each `Idempotency-Key` of the caller of the current request.

        `kind` is the type of the result, which must survive JSON. When the request is sent again, the stored result is
        first passed to `may_see`, which raises an error if the caller may no longer see it.
        """

    def is_replay(self, caller: Caller) -> bool:
        """Returns true if `write_once` is going to return the stored result of an earlier request. Use it to skip
        checks that are slow."""

    def load_event(self, tx: Transaction, event_id: str, viewer_id: str | None) -> tuple[Event, Role | None]:
        """An event by id or code, and what the viewer is to it. Raises `NotFound` if the viewer may not see it."""

    def load_user(self, tx: Transaction, user_id: str) -> User:
        """A user. Raises `NotFound`."""

    def load_last_change(self, tx: Transaction) -> int:
        """Returns the number of the last change in the snapshot of `tx`: the `as_of` of a list that is read with it."""


Handler = Callable[[Any, Context], Awaitable[None]]
Choice = Callable[[Sequence[Fact], Context, Transaction], Iterable[Fact]]
Exporter = Callable[[str, Context, Transaction], object]


class Job(Struct, frozen=True, kw_only=True):
    """What is done again and again: never twice at once, first when the server has started."""

    name: str
    every: timedelta
    run: Callable[[Context], Awaitable[None]]

    def __post_init__(self) -> None:
        if self.every <= timedelta(0):
            raise ValueError(f"the job {self.name} needs a pause")


class RunCommand(Protocol):
    """What a command finds with `@click.pass_obj`: it runs an action on the plugin's context, and stops."""

    def __call__(self, action: Callable[[Context], Awaitable[T]]) -> T: ...


class Plugin(Struct, frozen=True, kw_only=True):
    """All that a plugin adds. Everything but the name may be left out."""

    name: str
    """The name of its file, folder or entry point: lower-case letters, digits and `_`. Its settings, tables, commands
    and OpenAPI tag bear it."""

    requires: str = ""
    """The versions of eventorg it works with, as in `>=0.1,<2` (PEP 440)."""

    routes: Sequence[ControllerRouterHandler] = ()
    """Litestar handlers and controllers. Private unless marked with `opt=PUBLIC` or `opt=OPEN`."""

    on: Mapping[type[Fact], Handler] = {}
    """What to do when something has happened: told at least once, in order, also after a crash."""

    choose: Choice | None = None
    """Which of some facts, in their order, the handlers have something to do for: the others are not told. One read for
    many, where most need nothing, takes a tenth of the time. All are told if it raises."""

    export: Exporter | None = None
    """What it keeps about the user of an id, as JSON can say it, or a struct: for `GET /users/me/export`, under the
    plugin's name. It reads in the transaction it is given."""

    jobs: Sequence[Job] = ()
    """What to do again and again."""

    settings: type[Struct] | None = None
    """Its settings, read from `EVENTORG_<NAME>_<FIELD>`."""

    statements: Path | None = None
    """A folder of SQL files with named statements."""

    migrations: Path | None = None
    """A folder of numbered SQL files; the tables they make begin with `<name>_`."""

    commands: Sequence[click.Command] = ()
    """What `eventorg <name> …` can do."""

    problems: Mapping[str, Mapping[str, str]] = {}
    """The codes of its errors with their texts by language. Each gets a page at `/problems/<code>`, which the `type` of
    the problem document leads to."""

    litestar_plugins: Sequence[PluginProtocol] = ()
    """Plugins of Litestar's that it needs."""
