"""`eventorg token`: the tokens of bots."""

import click

from eventorg.cli.running import run_with_core
from eventorg.domain.callers import SCOPES, BotName, BotScope
from eventorg.domain.errors import Invalid
from eventorg.web.problems import explain_fault


def _clean_name(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return BotName(name=value).name
    except Invalid as error:
        raise click.BadParameter(explain_fault("en", error.errors[0])) from None


@click.group()
def token() -> None:
    """Make, list and revoke the tokens of bots, also while the database is served.

    Example: eventorg token create my-bot --scope act --scope changes
    """


@token.command("create")
@click.argument("name", callback=_clean_name)
@click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="What it may do.")
def create_token(name: str, scopes: tuple[BotScope, ...]) -> None:
    """Make a token for the bot NAME, of 100 characters at most. It is shown once, alone on the last line.

    Example: eventorg token create my-bot --scope act --scope changes
    """
    made = run_with_core(lambda core: core.bots.create(name, list(scopes)))
    click.echo(f"The token of {name}, for the header Authorization: Bearer; it cannot be shown again.", err=True)
    click.echo(made)


@token.command("list")
def list_tokens() -> None:
    """List the bots, with their scopes and when they were last seen.

    Example: eventorg token list
    """
    for bot in run_with_core(lambda core: core.bots.find()):
        state = f"revoked {bot.revoked_at}" if bot.revoked_at else f"last used {bot.last_used_at or 'never'}"
        click.echo(f"{bot.name}\t{bot.scopes}\tcreated {bot.created_at}\t{state}")


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """End the token of the bot NAME, in whatever case, at once.

    Example: eventorg token revoke my-bot
    """
    run_with_core(lambda core: core.bots.revoke(name))
    click.echo(f"revoked {name}")
