"""The `eventorg` command. Each subcommand is imported when it is used, because the server takes a second to import."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import click

from eventorg import __version__
from eventorg.errors import OperatorError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "backup": ("database", "Copy the database to FILE."),
    "check": ("database", "Check the database and print one line per check."),
    "deploy": ("deploy", "Print an example configuration file for deployment."),
    "health": ("deploy", "Check that the server is running and healthy."),
    "migrate": ("database", "Create the database, or update its schema."),
    "openapi": ("serve", "Print the OpenAPI document, as served at /openapi.json."),
    "plugins": ("plugins", "Show the plugins and their state."),
    "restore": ("database", "Replace the database with the backup FILE."),
    "serve": ("serve", "Run the server until SIGTERM or Ctrl-C."),
    "token": ("bots", "Create, list, and revoke the tokens of bots."),
    "user": ("users", "Manage user accounts."),
}
"""The module in `eventorg.cli` that has each command, and the first sentence of the command's help."""


class _Commands(click.Group):
    """The core's commands, and a group for each plugin that has commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the core's commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports and returns the command. Any other name can be a plugin's."""
        if cmd_name in COMMANDS:
            command: click.Command = getattr(import_module(f"eventorg.cli.{COMMANDS[cmd_name][0]}"), cmd_name)
            return command
        from eventorg.cli.plugins import find_commands

        found = find_commands(cmd_name)
        if found is None:
            return None
        group, ctx.obj = found
        return group

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eventorg", message="%(prog)s %(version)s")
def cli() -> None:
    """A self-hosted API for organizing events.

    To change settings, set EVENTORG_* environment variables, or set EVENTORG_CONFIG to the path of a TOML file.
    `eventorg plugins` shows the commands that plugins add.

    Example: EVENTORG_DATABASE=events.db eventorg serve
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command. Prints an error that the operator can fix as one line on standard error."""
    try:
        status = cli.main(arguments, prog_name="eventorg", standalone_mode=False)
    except OperatorError as error:
        click.echo(f"eventorg: {error}", err=True)
        status = error.exit_status
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = error.exit_code
    except click.ClickException as error:
        click.echo(f"eventorg: {' '.join(error.format_message().split())}", err=True)
        status = error.exit_code
    except click.Abort:
        status = 1
    sys.exit(status if isinstance(status, int) else 0)
