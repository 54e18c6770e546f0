"""The commands `eventorg telegram …`."""

from contextlib import suppress
from pathlib import Path

import click

from eventorg.plugin import Context, RunCommand

from .settings import Settings
from .state import BOT, PROCESS, PluginState, Values

_NO_TOKEN = "EVENTORG_TELEGRAM_BOT_TOKEN is not set. Get a token from https://t.me/BotFather, and set it."  # noqa: S105


@click.command()
@click.pass_obj
def check(run: RunCommand) -> None:
    """Print the bot's username, and a sentence for each thing that is wrong. Exits with 1 if the bot cannot do all of
    its work. Never prints the token.

    Example: eventorg telegram check
    """
    settings: Settings = run.settings
    if not settings.token:
        raise click.ClickException(_NO_TOKEN)
    process: Values = {}
    others: list[str] = []
    with suppress(Exception):  # without a database, there is no server and no other bot
        process, others = run(_look)
    from .checking import examine  # here, because it imports the Telegram library

    report = examine(settings, process, others)
    for line in report.lines:
        click.echo(line)
    if report.is_faulty:
        click.get_current_context().exit(1)


async def _look(context: Context) -> tuple[Values, list[str]]:
    """Returns what a running server notes about itself, and the other bots that get messages to people."""
    process = await PluginState(context).get(BOT, PROCESS)
    return process, [name for name in await context.find_bots("deliver") if name != "telegram_bot"]


@click.command("run")
@click.option("--url", required=True, help="Address of the eventorg server, for example https://events.example.com.")
@click.option("--token", required=True, help="Token of an eventorg bot with the scopes act, changes, and deliver.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for languages, time zones, and dialogs. Default: they are lost at the end.",
)
@click.pass_obj
def run_alone(run: RunCommand, url: str, token: str, state: Path | None) -> None:
    """Run the bot alone, for an eventorg server elsewhere, until SIGTERM or Ctrl-C. EVENTORG_TELEGRAM_BOT_TOKEN is the
    token from BotFather. There is no database file. Do not set EVENTORG_TELEGRAM_BOT_TOKEN on that server.

    Example: eventorg telegram run --url https://events.example.com --token TOKEN --state bot.json
    """
    settings: Settings = run.settings
    if not settings.token:
        raise click.ClickException(_NO_TOKEN)
    from .alone import serve  # here, because it imports the Telegram library

    problem = serve(settings, url, token, state)
    if problem:
        raise click.ClickException(problem)


COMMANDS: list[click.Command] = [check, run_alone]
