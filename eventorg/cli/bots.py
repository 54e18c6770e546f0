"""`eventorg token`: the tokens of bots."""

import click

from eventorg.cli.running import run_with_core
from eventorg.domain.callers import SCOPES, BotName, BotScope
from eventorg.domain.errors import Invalid
from eventorg.locales.explanations import explain_fault


def _clean_name(_: click.Context, __: click.Parameter, value: str) -> str:
    try:
        return BotName(name=value).name
    except Invalid as error:
        raise click.BadParameter(explain_fault("en", error.errors[0])) from None


@click.group()
def token() -> None:
    """Create, list, and revoke the tokens of bots. You can run these commands while the server runs.

    Example: eventorg token create my-bot --scope act --scope changes
    """


@token.command("create")
@click.argument("name", callback=_clean_name)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    help="A permission of the bot. To give several, repeat the option.",
)
def create_token(name: str, scopes: tuple[BotScope, ...]) -> None:
    """Create a token for the bot NAME. The name can have up to 100 characters. The token is printed once, on the last
    line.

    Example: eventorg token create my-bot --scope act --scope changes
    """
    made = run_with_core(lambda core: core.bots.create(name, list(scopes)))
    click.echo(
        f"Created the token of bot {name}. Save it: eventorg does not show it again. "
        'Send it in the header "Authorization: Bearer <token>".',
        err=True,
    )
    click.echo(made)


@token.command("list")
def list_tokens() -> None:
    """List the bots with their scopes and the time of their last request.

    Example: eventorg token list
    """
    for bot in run_with_core(lambda core: core.bots.find()):
        state = f"revoked {bot.revoked_at}" if bot.revoked_at else f"last used {bot.last_used_at or 'never'}"
        click.echo(f"{bot.name}\t{bot.scopes}\tcreated {bot.created_at}\t{state}")


@token.command("revoke")
@click.argument("name")
def revoke_token(name: str) -> None:
    """Revoke the token of bot NAME (case-insensitive). It stops working at once.

    Example: eventorg token revoke my-bot
    """
    run_with_core(lambda core: core.bots.revoke(name))
    click.echo(f"revoked {name}")
