"""The `eventorg` command: serving, and the operator's other work."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from eventorg import __version__
from eventorg.application import create_app, utc_now
from eventorg.backup import back_up
from eventorg.database import Database
from eventorg.domain.callers import SCOPES, Scope
from eventorg.domain.errors import DomainError
from eventorg.locales import text
from eventorg.preparation import core, find_faults, prepare
from eventorg.repositories.bots import BotRepository
from eventorg.resources import resource
from eventorg.server import serve as run_server
from eventorg.settings import StartError, load
from eventorg.statements import Statements

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="eventorg", message="%(prog)s %(version)s")
def cli() -> None:
    """A self-hosted API for organising events. Settings are EVENTORG_* environment variables.

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
    applied = prepare(load().database_path, [core()], utc_now)
    click.echo("\n".join(f"applied {name}" for name in applied) or "up to date")


@cli.command()
def check() -> None:
    """Check the database, also while it is served; exit status 1 if something is wrong.

    Example: eventorg check
    """
    path = load().database_path
    if not path.exists():
        raise StartError(f"There is no database {path}.")
    faults = find_faults(path, [core()])
    for fault in faults:
        click.echo(f"{path}: {fault}")
    if faults:
        sys.exit(1)
    click.echo("ok")


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the database to FILE, also while it is served. The copy is checked before it gets its name.

    Example: eventorg backup /var/backups/eventorg-monday.db
    """
    database = load().database_path
    if not sys.stderr.isatty():
        back_up(database, file)
        return
    with click.progressbar(length=1, label="copying", file=sys.stderr) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        back_up(database, file, show)


@cli.command()
def openapi() -> None:
    """Print the description of the API, as /openapi.json answers it.

    Example: eventorg openapi > openapi.json
    """
    document = create_app(load()).openapi_schema.to_schema()
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


@cli.group()
def token() -> None:
    """Make, list and revoke the tokens of bots, also while the database is served.

    Example: eventorg token create my-bot --scope act --scope changes
    """


@token.command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="What it may do.")
def create_token(name: str, scopes: tuple[Scope, ...]) -> None:
    """Make a token for the bot NAME. It is shown once, alone on the last line.

    Example: eventorg token create my-bot --scope act --scope changes
    """
    made = _with_bots(lambda bots: bots.create(name, list(scopes)))
    click.echo(f"The token of {name}, for the header Authorization: Bearer; it cannot be shown again.", err=True)
    click.echo(made)


@token.command("list")
def list_tokens() -> None:
    """List the bots, with their scopes and when they were last seen.

    Example: eventorg token list
    """
    for bot in _with_bots(lambda bots: bots.find()):
        state = f"revoked {bot.revoked_at}" if bot.revoked_at else f"last used {bot.last_used_at or 'never'}"
        click.echo(f"{bot.name}\t{bot.scopes}\tcreated {bot.created_at}\t{state}")


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """End the token of the bot NAME at once.

    Example: eventorg token revoke my-bot
    """
    _with_bots(lambda bots: bots.revoke(name))
    click.echo(f"revoked {name}")


def _with_bots(action: Callable[[BotRepository], Coroutine[Any, Any, T]]) -> T:
    """What an action on the bots of the database comes to. Raises `StartError`."""
    settings = load()
    prepare(settings.database_path, [core()], utc_now)

    async def act() -> T:
        database = Database(settings.database_path, settings.synchronous, utc_now)
        async with database.opened():
            return await action(BotRepository(database, Statements(resource("sql")), utc_now))

    try:
        return asyncio.run(act())
    except DomainError as error:
        raise StartError(text("en", "details", error.code)) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; what a person can mend is one sentence on standard error."""
    try:
        cli.main(arguments, prog_name="eventorg")
    except StartError as error:
        click.echo(f"eventorg: {error}", err=True)
        sys.exit(error.exit_status)
