"""Users: their fields, and the rules of names."""

from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from eventorg.domain.errors import FieldError, Forbidden, Invalid
from eventorg.domain.fields import AsOf, CreatedAt, FirstName, LastName, Next, TelegramId, UpdatedAt, UserId
from eventorg.domain.values import (
    Email,
    EmailAttempt,
    Input,
    Locale,
    Password,
    PasswordAttempt,
    Timezone,
    Username,
)

DEFAULT_LOCALE = "ru"
DEFAULT_TIMEZONE = "UTC"
MAX_LISTED_IDS = 100


class User(Struct, kw_only=True, frozen=True):
    """A user."""

    id: UserId
    username: Username | None
    email: Email | UnsetType | None = UNSET
    first_name: FirstName | None
    last_name: LastName | None
    created_at: CreatedAt
    updated_at: UpdatedAt
    locale: Locale
    timezone: Timezone
    email_verified: (
        Annotated[
            bool,
            Meta(
                description="True if the user has proved to own the address. Only its owner sees it.", examples=[True]
            ),
        ]
        | UnsetType
    ) = UNSET
    version: Annotated[int, Meta(description="The number of edits, as in the `ETag`.", examples=[1])]
    name_only: Annotated[
        bool,
        Meta(
            description="True for somebody whom a host added by name: without an account, and only for one event.",
            examples=[False],
        ),
    ] = False


class UserList(Struct, kw_only=True, frozen=True):
    """Users in the order in which they were asked for."""

    users: Annotated[list[User], Meta(description="The users that exist.")]
    next: Next = None
    as_of: AsOf


class ListedUser(Struct, kw_only=True, frozen=True):
    """The names of a user in a list of something else."""

    id: UserId
    username: Username | None
    first_name: FirstName | None
    last_name: LastName | None
    telegram_id: TelegramId | UnsetType | None = UNSET


Expanded = Annotated[
    ListedUser | UnsetType,
    Meta(
        description="The names of the user, if you asked for them with `expand=user`. A bot with the scope `act` also "
        "gets `telegram_id`."
    ),
]


class NewUser(Input):
    """A new account."""

    username: Username
    email: Email
    password: Password
    first_name: FirstName | None = None
    last_name: LastName | None = None
    locale: Locale = DEFAULT_LOCALE
    timezone: Timezone = DEFAULT_TIMEZONE


class UserPatch(Input):
    """Changes to an account. Omitted fields stay. `null` clears a name."""

    example: ClassVar[dict[str, Any]] = {"first_name": "Анна", "last_name": "Смирнова", "timezone": "Europe/Moscow"}

    username: Username | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    first_name: FirstName | UnsetType | None = UNSET
    last_name: LastName | UnsetType | None = UNSET
    locale: Locale | UnsetType = UNSET
    timezone: Timezone | UnsetType = UNSET
    password: Password | UnsetType = UNSET
    current_password: PasswordAttempt | UnsetType = UNSET


class Login(Input):
    """The email address and password of an account."""

    email: EmailAttempt
    password: PasswordAttempt


def check_self(user_id: str, caller_id: str) -> None:
    """Raises `Forbidden` unless the caller is the user."""
    if user_id != caller_id:
        raise Forbidden()


def split_ids(listed: str) -> list[str]:
    """Returns the IDs of a list with commas, each once. Raises `Invalid` for more than `MAX_LISTED_IDS`."""
    ids = listed.split(",")
    if len(ids) > MAX_LISTED_IDS:
        raise Invalid(FieldError("ids", "too_long", {"maximum": MAX_LISTED_IDS, "unit": "items"}))
    return list(dict.fromkeys(ids))


def display_name(username: str | None, first_name: str | None, last_name: str | None) -> str:
    """Returns the name that others see: the first and last name, or else the username."""
    return " ".join(name for name in (first_name, last_name) if name) or username or "—"
