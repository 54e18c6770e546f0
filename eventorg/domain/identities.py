"""Telegram accounts and the users they belong to."""

import re
import unicodedata
from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.normal_forms import normal, visible
from eventorg.domain.users import User
from eventorg.domain.values import UNPRINTABLE, Id, Input, Instant, Locale, rule, text

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


ForeignName = Annotated[str, rule(_clean_foreign_name, examples=["Анна"])]


class TelegramAccount(Input):
    """The data of a Telegram account. A field left out stays; null clears it."""

    username: ForeignName | UnsetType | None = UNSET
    first_name: ForeignName | UnsetType | None = UNSET
    last_name: ForeignName | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET


class TelegramIdentity(Struct, kw_only=True, frozen=True):
    """A stored Telegram account."""

    telegram_id: int
    user_id: Id
    username: str | None
    created_at: Instant
    updated_at: Instant


class LinkCode(Struct, frozen=True):
    """A code that links a Telegram account to the user who asked for it: once, until it expires."""

    code: str
    expires_at: Instant


class NewLink(Input):
    """The code that a user showed to a bot."""

    code: Annotated[str, text(1, 64, example="7Hq2mWxKpA")]


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
