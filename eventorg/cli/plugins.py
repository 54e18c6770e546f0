"""`eventorg plugins`, and `eventorg <plugin> …`: what plugins add, and the commands they bring."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from litestar.handlers import HTTPRouteHandler

from eventorg.cli.running import run_with_core
from eventorg.core import Core
from eventorg.extensions.loader import load_plugins
from eventorg.extensions.scaffold import write_example
from eventorg.plugin import Context, Plugin
from eventorg.repositories.plugins import PluginState
from eventorg.settings import load

T = TypeVar("T")


@click.group(invoke_without_command=True)
@click.pass_context
def plugins(context: click.Context) -> None:
    """Show the plugins: what each adds, its state, its backlog and its failures.

    Example: eventorg plugins
    """
    if context.invoked_subcommand is not None:
        return

    async def show(core: Core) -> None:
        states = {state.name: state for state in await core.plugins.find_states()}
        for loaded in core.loaded:
            for line in _describe(loaded.plugin, states.get(loaded.plugin.name)):
                click.echo(line)

    run_with_core(show)


@plugins.command()
@click.argument("name")
def retry(name: str) -> None:
    """Have the plugin NAME told again what was set aside; the server does it within seconds.

    Example: eventorg plugins retry webhooks
    """
    click.echo(f"{run_with_core(lambda core: core.plugins.retry(name))} to be told again")


@plugins.command()
@click.argument("name")
@click.option(
    "--into", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where the folder goes."
)
def new(name: str, into: Path) -> None:
    """Write a plugin to begin with: a folder NAME with routes, tables, settings and tests that pass.

    Example: eventorg plugins new notes --into my-plugins
    """
    click.echo(write_example(name, into))


def find_commands(name: str) -> tuple[click.Group, Callable[..., object]] | None:
    """The commands of a plugin, and what they find with `@click.pass_obj`; None if there are none."""
    for loaded in load_plugins(load()):
        if loaded.plugin.name == name and loaded.plugin.commands:
            group = click.Group(name, commands=loaded.plugin.commands, help=f"What the plugin {name} can do.")
            return group, partial(_run_on_plugin, name)
    return None


def _run_on_plugin(name: str, action: Callable[[Context], Awaitable[T]]) -> T:
    async def act(core: Core) -> T:
        loaded = next(each for each in core.loaded if each.plugin.name == name)
        return await action(core.context(loaded))

    return run_with_core(act)


def _paths(route: object) -> list[str]:
    """Where a controller or a handler is found; of a handler, with its method."""
    if isinstance(route, HTTPRouteHandler):
        methods = " ".join(sorted(route.http_methods))
        return [f"{methods} {path}" for path in sorted(route.paths)]
    return [getattr(route, "path", "/")]


def _describe(plugin: Plugin, state: PluginState | None) -> Iterator[str]:
    """What a plugin adds, and how it fares: a line each, the first with its name."""
    yield f"{plugin.name}: {state.summary if state else 'ok'}"
    if plugin.requires:
        yield f"  requires eventorg {plugin.requires}"
    fields = getattr(plugin.settings, "__struct_fields__", ())
    for title, names in {
        "routes": [path for route in plugin.routes for path in _paths(route)],
        "told of": [fact.__name__ for fact in plugin.on],
        "jobs": [f"{job.name} every {job.every}" for job in plugin.jobs],
        "migrations": [file.name for file in sorted(plugin.migrations.glob("*.sql"))] if plugin.migrations else [],
        "settings": [f"EVENTORG_{plugin.name}_{field}".upper() for field in fields],
        "commands": [f"eventorg {plugin.name} {command.name}" for command in plugin.commands],
        "Litestar plugins": [type(part).__name__ for part in plugin.litestar_plugins],
    }.items():
        if names:
            yield f"  {title}: {', '.join(names)}"
    if state:
        yield f"  backlog: {state.backlog}, set aside: {state.failures}"
        if state.error:
            yield f"  failed {state.attempts} times: {state.error}"
