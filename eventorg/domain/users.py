"""Users: their structs and the rules about names."""

from msgspec import UNSET, Struct, UnsetType

from eventorg.domain.errors import Forbidden
from eventorg.domain.values import (
    Email,
    EmailAttempt,
    Id,
    Input,
    Instant,
    Locale,
    Name,
    Password,
    PasswordAttempt,
    Timezone,
    Username,
)

DEFAULT_LOCALE = "ru"
DEFAULT_TIMEZONE = "UTC"


class User(Struct, kw_only=True, frozen=True):
    """A user as the API returns it. `email` is present only for the user, and null if there is none."""

    id: Id
    username: Username | None
    email: Email | UnsetType | None = UNSET
    first_name: Name | None
    last_name: Name | None
    created_at: Instant
    updated_at: Instant
    locale: Locale
    timezone: Timezone
    version: int


class NewUser(Input):
    """A new user."""

    username: Username
    email: Email
    password: Password
    first_name: Name | None = None
    last_name: Name | None = None
    locale: Locale = DEFAULT_LOCALE
    timezone: Timezone = DEFAULT_TIMEZONE


class UserPatch(Input):
    """A user's change to the own account: a field left out stays, null clears a name."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    first_name: Name | UnsetType | None = UNSET
    last_name: Name | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: PasswordAttempt | UnsetType = UNSET


class Login(Input):
    """An email address and a password."""

    email: EmailAttempt
    password: PasswordAttempt


def check_self(user_id: str, caller_id: str) -> None:
    """Raises `Forbidden` unless the caller is the user."""
    if user_id != caller_id:
        raise Forbidden()


def display_name(username: str | None, first_name: str | None, last_name: str | None) -> str:
    """Returns the name that others see: the first and last name, or else the username."""
    return " ".join(name for name in (first_name, last_name) if name) or username or "—"
