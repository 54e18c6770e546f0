"""Runs the commands in this process, and finds them all."""

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from eventorg.cli import cli, main
from eventorg.extensions.loader import load_plugins
from eventorg.extensions.template import plugin as example
from eventorg.settings import Settings


def said(*arguments: str) -> str:
    """Runs a command that succeeds and returns its output."""
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return str(result.output)


def main_ends(*arguments: str) -> int:
    """Runs the program and returns its exit status."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert isinstance(end.value.code, int)
    return end.value.code


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yields a command and all of its subcommands, by their full names."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        parts = [command.get_command(context, part) for part in command.list_commands(context)]
        for part in parts:
            assert part is not None
            yield from walk(part, f"{name} {part.name}")


def every_command() -> dict[str, click.Command]:
    """Returns the commands of the core, of the bundled plugins, and of the template."""
    plugins = [loaded.plugin for loaded in load_plugins(Settings())] + [example]
    groups = [
        click.Group(plugin.command_name or plugin.name, commands=plugin.commands)
        for plugin in plugins
        if plugin.commands
    ]
    below = [found for group in groups for found in walk(group, f"eventorg {group.name}") if found[1] is not group]
    return dict([*walk(cli, "eventorg"), *below])
