"""The `eventorg` command: serving, and the operator's other work."""

import json
import sys
from collections.abc import Sequence

import click

from eventorg import __version__
from eventorg.application import create_app
from eventorg.cli.bots import token
from eventorg.cli.deploy import deploy, health
from eventorg.cli.files import backup, check, progress_shown, restore
from eventorg.cli.plugins import find_commands, plugins
from eventorg.cli.users import user
from eventorg.core import Core
from eventorg.errors import OperatorError
from eventorg.serving.server import serve as run_server
from eventorg.settings import load


class _Commands(click.Group):
    """The core's commands; a name that is none of them may be a plugin's."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or the group of a plugin's commands."""
        command = super().get_command(ctx, cmd_name)
        if command is None and (found := find_commands(cmd_name)):
            command, ctx.obj = found
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eventorg", message="%(prog)s %(version)s")
def cli() -> None:
    """A self-hosted API for organizing events. Settings are EVENTORG_* environment variables, or stand in the TOML
    file that EVENTORG_CONFIG names. `eventorg plugins` shows the commands that plugins add.

    Example: EVENTORG_DATABASE=events.db eventorg serve
    """


@cli.command()
def serve() -> None:
    """Serve the API until SIGTERM or Ctrl-C, on a database made at first start.

    Example: EVENTORG_PORT=8080 eventorg serve
    """
    run_server(load())


@cli.command()
def migrate() -> None:
    """Make the database, or bring its schema up to date. `serve` does it too.

    Example: eventorg migrate
    """
    with progress_shown() as progress:
        applied = Core(load()).prepare(progress)
    click.echo("\n".join(f"applied {name}" for name in applied) or "up to date")


@cli.command()
def openapi() -> None:
    """Print the description of the API, as /openapi.json answers it.

    Example: eventorg openapi > openapi.json
    """
    document = create_app(load()).openapi_schema.to_schema()
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


for command in (check, backup, restore, token, user, plugins, deploy, health):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; what a person can mend is one sentence on standard error."""
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
