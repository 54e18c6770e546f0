"""Runs the gates of the plugins, and keeps their faults away from everybody else."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import structs

from eventorg.domain.errors import Unavailable
from eventorg.domain.gates import Asked, Refusal, Refused
from eventorg.errors import PluginError
from eventorg.extensions.context import PluginContext
from eventorg.extensions.faults import describe_error, find_place
from eventorg.extensions.loader import LoadedPlugin
from eventorg.logger import Logger
from eventorg.repositories.gates import SQL_SECONDS, Check
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import ReadTransaction

if TYPE_CHECKING:
    from eventorg.plugin import Gate

SLOW_SECONDS: Final = 0.01
RETRY_SECONDS: Final = 30

Outcome = Literal["failed", "slow"]

log = Logger("eventorg.plugins")


class PluginGates:
    """The gates of all plugins."""

    def __init__(self) -> None:
        self.observers: Final[list[Callable[[str, Outcome], None]]] = []
        """Called on the writer's thread with the plugin's name when one of its gates fails or is slow."""
        self._failing: set[str] = set()

    def is_failing(self, name: str) -> bool:
        """Returns true if a gate of the plugin failed when it was last asked."""
        return name in self._failing

    def checks_of(self, loaded: LoadedPlugin, context: PluginContext) -> list[Check]:
        """Returns the gates of a plugin as the core asks them. Raises `PluginError` for a wrong `Gate.applies`."""
        return [
            Check(_PluginGate(self, loaded, gate, context).ask, gate.binds_hosts, _find_condition(loaded, gate))
            for gate in loaded.plugin.gates
        ]

    def note(self, name: str, gate: "Gate", *, seconds: float, error: BaseException | None = None) -> None:
        """Notes how a gate has answered. The log has the place of an error, or that of a gate that has raised none."""
        failed = error is not None
        if error is not None:
            self._failing.add(name)
            place = find_place(error) or _place_of(gate.check)
            log.error("gate_failed", plugin=name, error=describe_error(error), at=place)
        else:
            self._failing.discard(name)
        if seconds > SLOW_SECONDS:
            log.warning("gate_slow", plugin=name, milliseconds=round(seconds * 1_000))
        for observe in self.observers:
            if failed:
                observe(name, "failed")
            if seconds > SLOW_SECONDS:
                observe(name, "slow")


class _PluginGate:
    """One gate of a plugin."""

    def __init__(self, gates: PluginGates, loaded: LoadedPlugin, gate: "Gate", context: PluginContext) -> None:
        self._gates = gates
        self._name = loaded.plugin.name
        self._refusals = {refusal.code: refusal for refusal in loaded.plugin.refusals}
        self._gate = gate
        self._context = context

    def ask(self, asked: Asked, tx: ReadTransaction) -> None:
        """Raises `Refused`, or `Unavailable` (`plugin_failed`) if the gate fails and does not let people in then."""
        started = time.perf_counter()
        refusal, error = None, None
        try:
            refusal = tx.within(SQL_SECONDS, lambda _: self._gate.check(asked, self._context, tx))
            _check_declared(refusal, self._refusals)
        except (Exception, SystemExit) as fault:
            if not tx.is_open:
                raise
            error = fault
        self._gates.note(self._name, self._gate, seconds=time.perf_counter() - started, error=error)
        if error is not None:
            if self._gate.on_error == "refuse":
                raise Unavailable("plugin_failed", retry_after=RETRY_SECONDS)
        elif refusal is not None:
            raise Refused(f"{self._name}_{refusal.code}", refusal)


def _find_condition(loaded: LoadedPlugin, gate: "Gate") -> Statement | None:
    if not gate.applies:
        return None
    statement: Statement | None = getattr(loaded.sql, gate.applies, None)
    if statement is None:
        fault = "is not one of its statements"
    elif not statement.only_reads:
        fault = "writes"
    elif not set(statement.parameters) <= {"event_id", "user_id"}:
        fault = "takes other parameters than event_id and user_id"
    else:
        return statement
    raise PluginError(f"The plugin {loaded.plugin.name} declares a gate with applies={gate.applies!r}, which {fault}.")


def _place_of(function: Callable[..., object]) -> str | None:
    """Returns the file and line of a function."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else None


def _check_declared(refusal: Refusal | None, declared: Mapping[str, Refusal]) -> None:
    """Raises `TypeError` unless a gate has returned None, or a declared refusal with data that can be sent."""
    if refusal is None:
        return
    if not isinstance(refusal, Refusal):
        raise TypeError(f"a gate returns a Refusal or None, not {refusal!r}")
    known = declared.get(refusal.code)
    if known is None or structs.replace(refusal, data=known.data) != known:
        raise TypeError(f"the refusal {refusal.code} is not in Plugin.refusals")
    msgspec.json.encode(refusal.data)
