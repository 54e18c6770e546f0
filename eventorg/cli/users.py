"""`eventorg user`: user accounts."""

import secrets
import sys
from functools import partial
from typing import Any, cast

import click

from eventorg.cli.running import run_with_core
from eventorg.core import Core
from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound
from eventorg.domain.users import DEFAULT_LOCALE, DEFAULT_TIMEZONE, NewUser, User, UserPatch, display_name
from eventorg.errors import OperatorError

PAGE = 500

generate_option = click.option("--generate", is_flag=True, help="Generate a password and print it on the last line.")


@click.group()
def user() -> None:
    """Manage user accounts. You can run these commands while the server runs. NAME is a username, an email address, or
    an ID.

    Example: eventorg user create anna --email anna@example.com
    """


@user.command("create")
@click.argument("username")
@click.option("--email", required=True, help="Email address to log in with.")
@click.option("--first-name", help="First name.")
@click.option("--last-name", help="Last name.")
@click.option("--locale", default=DEFAULT_LOCALE, show_default=True, help="Language, for example en-GB.")
@click.option("--timezone", default=DEFAULT_TIMEZONE, show_default=True, help="Time zone, for example Asia/Omsk.")
@generate_option
def create_user(generate: bool, **fields: Any) -> None:
    """Create an account, even if sign-up is closed. The command asks for the password twice, or reads it from standard
    input.

    Example: eventorg user create anna --email anna@example.com --generate
    """
    password = _new_password(generate)

    async def act(core: Core) -> User:
        return await core.users.create(NewUser(password=password, **fields), None)

    made = run_with_core(act)
    click.echo(f"created {made.username}, {made.id}")
    if generate:
        click.echo(password)


@user.command("reset-password")
@click.argument("name")
@generate_option
def reset_password(name: str, generate: bool) -> None:
    """Set a new password for the user NAME. The user is logged out everywhere.

    Example: eventorg user reset-password anna@example.com --generate
    """
    found = run_with_core(partial(_find, name))
    if found.email is None:
        raise OperatorError(f"The user {_called(found)} has no email address and cannot log in with a password.")
    password = _new_password(generate)

    async def act(core: Core) -> None:
        new = cast("str", UserPatch(password=password).password)  # cleaned
        await core.users.reset_password(found.id, new)

    run_with_core(act)
    click.echo(f"new password for {_called(found)}, {found.id}; the user is logged out everywhere")
    if generate:
        click.echo(password)


@user.command("verify")
@click.argument("name")
def verify_user(name: str) -> None:
    """Mark the email address of the user NAME as verified, so that the user gets mail.

    Example: eventorg user verify anna
    """
    found = run_with_core(partial(_find, name))
    if found.email is None:
        raise OperatorError(f"The user {_called(found)} has no email address.")

    async def act(core: Core) -> None:
        await core.users.verify_email(found.id)

    run_with_core(act)
    click.echo(f"verified {found.email} of {_called(found)}, {found.id}")


@user.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def delete_user(name: str, yes: bool) -> None:
    """Delete the account NAME. Its registrations and its events are deleted too, except for events that pass to a
    co-host who has acted as one. You can undo this only by restoring a backup.

    Example: eventorg user delete anna --yes
    """
    found = run_with_core(partial(_find, name))
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Standard input is not a terminal: add --yes to confirm.")
        click.confirm(f"Delete {_called(found)}, {found.id}, permanently?", abort=True, err=True)

    async def delete(core: Core) -> None:
        await core.users.delete(found.id, None, Caller(user_id=found.id, is_operator=True))
        await core.open_tasks.finish()

    run_with_core(delete)
    click.echo(f"deleted {_called(found)}, {found.id}")


@user.command("list")
def list_users() -> None:
    """List all accounts. Each line has the ID, username, email address, name, and date of creation.

    Example: eventorg user list
    """

    async def act(core: Core) -> None:
        last = ""
        while page := await core.users.find_page(last, PAGE):
            for each in page:
                name = display_name(None, each.first_name, each.last_name)
                fields = (each.id, each.username or "-", each.email or "-", name, each.created_at[:10])
                click.echo("\t".join(fields))
            last = page[-1].id

    run_with_core(act)


@user.command("show")
@click.argument("name")
def show_user(name: str) -> None:
    """Show the account NAME. Each line has one field that is set.

    Example: eventorg user show anna
    """

    async def act(core: Core) -> None:
        found = await _find(name, core)
        kept = await core.exports.get(found.id)
        for field in found.__struct_fields__:
            if (value := getattr(found, field)) is not None:
                click.echo(f"{field}: {value}")
        if kept.telegram:
            click.echo(f"telegram_id: {kept.telegram.telegram_id}")
        click.echo(f"events: {len(kept.events)}, registrations: {len(kept.registrations)}")

    run_with_core(act)


async def _find(name: str, core: Core) -> User:
    try:
        return await core.users.find_named(name)
    except NotFound:
        raise OperatorError(f"The user {name} does not exist. Run `eventorg user list` to see all users.") from None


def _new_password(generate: bool) -> str:
    """Returns a generated password, or the one that the operator types or pipes in."""
    if generate:
        return secrets.token_urlsafe(18)
    try:
        if sys.stdin.isatty():
            password = str(click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
        else:
            password = sys.stdin.readline().rstrip("\r\n")
        password.encode()
    except UnicodeError:
        raise click.UsageError("The password is not UTF-8 text.") from None
    if not password:
        raise click.UsageError("No password on standard input: pipe one in, or add --generate.")
    return password


def _called(found: User) -> str:
    return found.username or found.email or display_name(None, found.first_name, found.last_name)
