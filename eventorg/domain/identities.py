"""A Telegram account, and the user it stands for."""

import re
import unicodedata
from typing import Annotated

from msgspec import UNSET, Struct, UnsetType

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.normal_forms import normal
from eventorg.domain.users import User
from eventorg.domain.values import UNPRINTABLE, Id, Input, Instant, Locale, rule, text

MAX_TELEGRAM_ID = 2**52 - 1
"""Telegram's ids have at most 52 significant bits (Bot API, User)."""

_SPELLING = re.compile(r"[1-9]\d{0,18}", re.ASCII)

_AS_FAR_AS_READ = 1_000
"""Telegram's names have 64 characters at most."""


def _clean_foreign_name(value: str) -> str:
    """People call themselves all sorts of things there; nobody is turned away for it."""
    kept = "".join(c for c in value[:_AS_FAR_AS_READ] if unicodedata.category(c) not in UNPRINTABLE)
    return normal("NFC", kept.strip())[:100].strip()


ForeignName = Annotated[str, rule(_clean_foreign_name, examples=["Анна"])]


class TelegramAccount(Input):
    """What Telegram says of an account. A field left out stays as it was, null clears it."""

    username: ForeignName | UnsetType | None = UNSET
    first_name: ForeignName | UnsetType | None = UNSET
    last_name: ForeignName | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET


class TelegramIdentity(Struct, kw_only=True, frozen=True):
    """A Telegram account that is known here."""

    telegram_id: int
    user_id: Id
    username: str | None
    created_at: Instant
    updated_at: Instant


class LinkCode(Struct, frozen=True):
    """A code that ties a Telegram account to the user who asked for it: once, until it expires."""

    code: str
    expires_at: Instant


class NewLink(Input):
    """The code that a user showed to a bot."""

    code: Annotated[str, text(1, 64, example="7Hq2mWxKpA")]


class Known(Struct, frozen=True):
    """The user for a Telegram account, and whether it was made just now."""

    user: User
    is_new: bool


def parse_telegram_id(spelled: str) -> int | None:
    """The id in its usual spelling, which may be too large for one; None for any other."""
    return int(spelled) if _SPELLING.fullmatch(spelled) else None


def check_telegram_id(telegram_id: int) -> None:
    """Raises `Invalid` for what cannot be Telegram's id of a user."""
    if not 0 < telegram_id <= MAX_TELEGRAM_ID:
        limits: dict[str, str | int] = {"minimum": 1, "maximum": MAX_TELEGRAM_ID}
        raise Invalid(FieldError("telegram_id", "out_of_range", limits))
