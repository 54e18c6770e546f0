"""The `eventorg` command. Each subcommand is imported when it is used, because the server takes a second to import."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

import click

from eventorg import __version__
from eventorg.errors import OperatorError

COMMANDS: Mapping[str, tuple[str, str]] = {
    "backup": ("database", "Copy the database to FILE."),
    "check": ("database", "Check the database and print one line per check."),
    "compact": ("database", "Rewrite the database without its free space."),
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
    arguments = sys.argv[1:] if arguments is None else arguments
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names that the terminal's encoding does not have
    try:
        _check_arguments(arguments)
        status = cli.main(arguments, prog_name="eventorg", standalone_mode=False)
    except OperatorError as error:
        _print_error(str(error))
        status = error.exit_status
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        status = error.exit_code
    except click.ClickException as error:
        _print_error(error.format_message())
        status = error.exit_code
    except click.Abort:
        status = 1
    except OSError as error:
        if error.filename is None:
            raise
        _print_error(f"Cannot use {error.filename}: {error.strerror}.")
        status = 1
    sys.exit(status if isinstance(status, int) else 0)


def _check_arguments(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"The argument {argument!a} is not UTF-8 text.") from None


def _print_error(text: str) -> None:
    """Prints an error as one line. Escapes the characters that could change what the terminal shows."""
    line = " ".join(text.split())
    shown = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in line)
    click.echo(f"eventorg: {shown}", err=True)
