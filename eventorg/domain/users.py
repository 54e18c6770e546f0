"""A user, what a client may say of one, and the rules of names."""

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
    """A user as answered. `email` is there only for the user, and null where there is none."""

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
    """A sign-up."""

    username: Username
    email: Email
    password: Password
    first_name: Name | None = None
    last_name: Name | None = None
    locale: Locale = DEFAULT_LOCALE
    timezone: Timezone = DEFAULT_TIMEZONE


class UserPatch(Input):
    """What a user changes of itself: a field left out stays, null clears a name."""

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    first_name: Name | UnsetType | None = UNSET
    last_name: Name | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: PasswordAttempt | UnsetType = UNSET


class Login(Input):
    """Somebody who claims to be a user."""

    email: EmailAttempt
    password: PasswordAttempt


def check_self(user_id: str, caller_id: str) -> None:
    """Only a user itself may do this. Raises `Forbidden`."""
    if user_id != caller_id:
        raise Forbidden()


def display_name(username: str | None, first_name: str | None, last_name: str | None) -> str:
    """What others call a user: by name, or else by username."""
    return " ".join(name for name in (first_name, last_name) if name) or username or "—"
