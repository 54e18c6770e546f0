"""Declares what a plugin adds: the plugin itself and its parts."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import click
from litestar.plugins import PluginProtocol
from litestar.types import ControllerRouterHandler
from msgspec import Struct, structs

from eventorg.domain.callers import BotScope
from eventorg.domain.cards import CardData
from eventorg.domain.deliveries import Notice
from eventorg.domain.facts import Fact
from eventorg.domain.gates import Asked, Refusal
from eventorg.plugin.context import Context
from eventorg.plugin.fact_types import FactType
from eventorg.storage.transactions import ReadTransaction, Transaction

T = TypeVar("T")
INTERFACE = 1
"""The version of this interface. It grows when a plugin that worked would work no longer."""

Handler = Callable[[Any, Context], Awaitable[None]]
Filter = Callable[[Sequence[Fact], Context, Transaction], Iterable[Fact]]
CardLines = Callable[[CardData, str, Context, ReadTransaction], Sequence[str]]
Exporter = Callable[[str, Context, Transaction], object]
Lifespan = Callable[[Context], AbstractAsyncContextManager[None]]
MergeHandler = Callable[[str, str, Context, Transaction], None]
Routes = Callable[[Any], Sequence[ControllerRouterHandler]]
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


class Gate(Struct, frozen=True, kw_only=True):
    """A rule about who may take a place at an event. It is asked inside the transaction that gives the place, after the
    core's own rules and before seats are taken, so that no race passes it."""

    check: Callable[[Asked, Context, ReadTransaction], Refusal | None]
    """Returns None, or one of `Plugin.refusals`, perhaps with data. It only reads, and has no other effect: it can be
    called twice. Its SQL is interrupted after 100 ms. Everybody who writes waits for it, so be quick: more than 10 ms
    is logged."""

    on_error: Literal["refuse", "allow"] = "refuse"
    """The result if it raises, takes too long, or returns something else: 503 `plugin_failed`, or the place is given.
    Both are logged, and `/health` shows the plugin as `failing` until the gate answers again."""

    binds_hosts: bool = False
    """True if it is also asked when a host or the operator adds somebody."""

    applies: str = ""
    """The name of a statement that has a row if the gate is to be asked. It takes `event_id`, `user_id`, or both, and
    only reads. The server runs the statements of all gates as one, so that a gate costs little where it has nothing to
    say. Empty: the gate is always asked."""


class RunCommand(Protocol):
    """The object that `@click.pass_obj` passes to a command. It runs an action with the plugin's context."""

    @property
    def settings(self) -> Any:
        """An instance of `Plugin.settings`, for a command that needs no database."""

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

    routes: Sequence[ControllerRouterHandler] | Routes = ()
    """Litestar handlers and controllers. Private unless marked with `opt=PUBLIC` or `opt=OPEN`. If their paths depend
    on the settings, a function that returns them, given an instance of `Plugin.settings`."""

    facts: Sequence[FactType] = ()
    """The types of facts that the plugin records with `Context.record`."""

    on: Mapping[type[Fact] | FactType, Handler] = {}
    """The handler for each type of fact, of the core or of the plugin itself; the latter gets a `Fact`. The handler for
    `Fact` gets all others, also those of other plugins: respect `Fact.audience` when you pass them on. A fact is
    delivered at least once, in order, also after a crash."""

    filter: Filter | None = None
    """Takes facts in order, and returns those that the handlers need. The others are not delivered. If most facts need
    nothing, one read for many of them takes a tenth of the time. If it raises, all of them are delivered."""

    gates: Sequence[Gate] = ()
    """Rules about who may take a place. They are asked once, when somebody registers, also onto the waiting list, and
    when a participant brings more guests. They are not asked again when somebody moves from the list to a seat, leaves,
    answers `maybe` or `declined`, is approved by a host, or links an account."""

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

    command_name: str = ""
    """The name in front of the commands, if it is not the name of the plugin."""

    bot: Sequence[BotScope] = ()
    """The scopes of the bot as which the plugin calls the server's own API, with `Context.client`. The bot has the name
    of the plugin. At its first request, the server renews its token, which only the memory of the process has."""

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
