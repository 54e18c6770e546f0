"""Telegram accounts and the users they belong to."""

import re
import unicodedata
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.fields import CreatedAt, TelegramId, UpdatedAt, UserId
from eventorg.domain.normal_forms import normal, visible
from eventorg.domain.text_rules import UNPRINTABLE
from eventorg.domain.users import User
from eventorg.domain.values import Input, Locale, Timezone, instant, rule, text

MAX_TELEGRAM_ID = 2**52 - 1
"""Telegram IDs have at most 52 significant bits (Bot API, User)."""

_SPELLING = re.compile(r"[1-9]\d{0,18}", re.ASCII)

_AS_FAR_AS_READ = 1_000
"""Telegram names have at most 64 characters."""


def _clean_foreign_name(value: str) -> str:
    """Returns a cleaned name, or "" if nothing of it is visible. Names in Telegram can contain anything, so none is
    refused."""
    kept = "".join(c for c in value[:_AS_FAR_AS_READ] if unicodedata.category(c) not in UNPRINTABLE)
    name = normal("NFC", kept.strip())[:100].strip()
    return name if visible(name) else ""


TelegramUsername = Annotated[
    str, rule(_clean_foreign_name, description="The username in Telegram, without `@`.", examples=["anna"])
]
TelegramFirstName = Annotated[
    str, rule(_clean_foreign_name, description="The first name in Telegram.", examples=["Анна"])
]
TelegramLastName = Annotated[
    str, rule(_clean_foreign_name, description="The last name in Telegram.", examples=["Смирнова"])
]


class TelegramAccount(Input):
    """A Telegram account, with the fields of Telegram's `User`. Omitted fields stay. `null` clears a field."""

    username: TelegramUsername | UnsetType | None = UNSET
    first_name: TelegramFirstName | UnsetType | None = UNSET
    last_name: TelegramLastName | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET
    reachable: (
        Annotated[
            bool,
            Meta(
                description="`false`: the bot cannot send messages to the user, and deliveries stop. `true`, or any "
                "request for the user: deliveries go on.",
                examples=[True],
            ),
        ]
        | UnsetType
    ) = UNSET


class TelegramIdentity(Struct, kw_only=True, frozen=True):
    """A Telegram account of a user."""

    telegram_id: TelegramId
    user_id: UserId
    username: Annotated[str | None, Meta(description="The username in Telegram.", examples=["anna"])]
    created_at: CreatedAt
    updated_at: UpdatedAt


class LinkCode(Struct, frozen=True):
    """A one-time code. It links a Telegram account to a user, or gives the place of a name to an account."""

    code: Annotated[str, Meta(description="The code to show to a bot.", examples=["7Hq2mWxKpA"])]
    expires_at: Annotated[str, instant("The time when the code expires, in UTC.", "2027-08-01T09:45:00Z")]


class NewLink(Input):
    """A link code."""

    code: Annotated[str, text(1, 64, example="7Hq2mWxKpA", description="The code from `POST /users/me/link-codes`.")]


class Claim(Input):
    """The code of a person whom a host added by name."""

    code: Annotated[
        str,
        text(
            1,
            64,
            example="7Hq2mWxKpA",
            description="The code from `POST /events/{event_id}/participants/{user_id}/link-codes`.",
        ),
    ]


class Known(Struct, frozen=True):
    """The user of a Telegram account, and true if the user was just created."""

    user: User
    is_new: bool


def parse_telegram_id(spelled: str) -> int | None:
    """Returns the ID if it is spelled as a plain number, which can be too large; otherwise None."""
    return int(spelled) if _SPELLING.fullmatch(spelled) else None


def check_telegram_id(telegram_id: int) -> None:
    """Raises `Invalid` for a number that cannot be a Telegram user ID."""
    if not 0 < telegram_id <= MAX_TELEGRAM_ID:
        limits: dict[str, str | int] = {"minimum": 1, "maximum": MAX_TELEGRAM_ID}
        raise Invalid(FieldError("telegram_id", "out_of_range", limits))
