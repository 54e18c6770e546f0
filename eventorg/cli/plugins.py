"""`eventorg plugins` and `eventorg <plugin> …`: the plugins and their commands."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from msgspec import Struct

from eventorg.cli.running import run_with_core
from eventorg.core import Core
from eventorg.extensions.loader import LoadedPlugin, check_name_is_free, load_plugins
from eventorg.extensions.scaffold import write_example
from eventorg.repositories.plugins import PluginCrashes, PluginState, summarize
from eventorg.settings import load

if TYPE_CHECKING:
    from eventorg.plugin import Context, Gate

T = TypeVar("T")


@click.group(invoke_without_command=True)
@click.pass_context
def plugins(context: click.Context) -> None:
    """Show the plugins and their state. For each plugin, the output lists its routes, jobs, settings, and commands, the
    number of changes it still has to process, the changes it failed to process, and its crashes.

    Example: eventorg plugins
    """
    if context.invoked_subcommand is not None:
        return

    async def show(core: Core) -> None:
        states = {state.name: state for state in await core.plugins.find_states()}
        crashes = await core.plugins.find_crashes()
        for loaded in core.loaded:
            name = loaded.plugin.name
            for line in _describe(loaded, states.get(name), crashes.get(name)):
                click.echo(line)

    run_with_core(show)


@plugins.command()
@click.argument("name")
def retry(name: str) -> None:
    """Retry the changes that plugin NAME failed to process. A running server starts the retry within seconds.

    Example: eventorg plugins retry webhooks
    """
    count = run_with_core(lambda core: core.plugins.retry(name))
    click.echo(f"{count} {'change' if count == 1 else 'changes'} queued for retry")


@plugins.command()
@click.argument("name")
@click.option(
    "--into",
    default=".",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Parent folder of the new folder.",
)
def new(name: str, into: Path) -> None:
    """Create the folder NAME with an example plugin. It has routes, tables, settings, and tests that pass.

    Example: eventorg plugins new notes --into my-plugins
    """
    check_name_is_free(name, load())
    click.echo(write_example(name, into))


def find_commands(name: str) -> tuple[click.Group, Callable[..., object]] | None:
    """Returns the group of a plugin's commands and the function that they get with `@click.pass_obj`. Returns None if
    the plugin does not exist or has no commands."""
    for loaded in load_plugins(load()):
        plugin = loaded.plugin
        if name == (plugin.command_name or plugin.name) and plugin.commands:
            group = click.Group(name, commands=plugin.commands, help=f"Commands of the plugin {plugin.name}.")
            return group, _RunOnPlugin(loaded)
    return None


class _RunOnPlugin:
    """Runs actions with the context of one plugin. `eventorg.plugin.RunCommand` documents it."""

    def __init__(self, loaded: LoadedPlugin) -> None:
        self._name = loaded.plugin.name
        self.settings = loaded.settings

    def __call__(self, action: Callable[["Context"], Awaitable[T]]) -> T:
        async def act(core: Core) -> T:
            loaded = next(each for each in core.loaded if each.plugin.name == self._name)
            return await action(core.context(loaded))

        return run_with_core(act, plugins=True)


def _paths(route: object) -> list[str]:
    """Returns the paths of a handler, each with its methods, or the path of a controller."""
    from litestar.handlers import HTTPRouteHandler  # here: `plugins new` and `retry` do without Litestar

    if isinstance(route, HTTPRouteHandler):
        methods = " ".join(sorted(route.http_methods))
        return [f"{methods} {path}" for path in sorted(route.paths)]
    return [getattr(route, "path", "/")]


def _gate(gate: "Gate") -> str:
    """Returns the name of a gate, and its exceptions."""
    binds = ", also for hosts" if gate.binds_hosts else ""
    lets_in = ", lets people in when it fails" if gate.on_error == "allow" else ""
    return f"{getattr(gate.check, '__name__', repr(gate.check))}{binds}{lets_in}"


def _interval(interval: timedelta) -> str:
    """Returns an interval in its largest whole unit: `10 s`, `90 min` or `24 h`."""
    total = interval.total_seconds()
    unit, seconds = next((each for each in (("h", 3600), ("min", 60)) if total % each[1] == 0), ("s", 1))
    return f"{total / seconds:.12g} {unit}"


def _describe(loaded: LoadedPlugin, state: PluginState | None, crashes: PluginCrashes | None) -> Iterator[str]:
    """Yields the lines that describe a plugin. The first line has its name and state."""
    plugin = loaded.plugin
    yield f"{plugin.name}: {summarize(state, crashes.crashes if crashes else 0)}"
    if plugin.requires:
        yield f"  requires eventorg {plugin.requires}"
    fields = getattr(plugin.settings, "__struct_fields__", ())
    for title, names in {
        "routes": [path for route in loaded.routes for path in _paths(route)],
        "facts": [f"{plugin.name}.{fact.name}" if isinstance(fact, Struct) else fact.__name__ for fact in plugin.on],
        "gates": [_gate(gate) for gate in plugin.gates],
        "jobs": [f"{job.name} every {_interval(job.every)}" for job in plugin.jobs],
        "migrations": [file.name for file in sorted(plugin.migrations.glob("*.sql"))] if plugin.migrations else [],
        "settings": [f"EVENTORG_{plugin.name}_{field}".upper() for field in fields],
        "commands": [f"eventorg {plugin.command_name or plugin.name} {command.name}" for command in plugin.commands],
        "Litestar plugins": [type(part).__name__ for part in plugin.litestar_plugins],
    }.items():
        if names:
            yield f"  {title}: {', '.join(names)}"
    if state:
        yield f"  backlog: {state.backlog}, failed changes: {state.failures}"
        if state.error:
            yield f"  last error (attempt {state.attempts}): {state.error}"
    if crashes:
        yield f"  crashes in a row: {crashes.crashes}, the last at {crashes.at}: {crashes.error}"
