"""The settings of the bot."""

import re
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, structs

from eventorg.plugin import FieldError, Invalid

_TOKEN: Final = re.compile(r"\d+:[\w-]+", re.ASCII)


class Settings(Struct, frozen=True, kw_only=True):
    """The settings `EVENTORG_TELEGRAM_BOT_…`. The token is the core's too, which verifies Mini App logins with it."""

    token: Annotated[str, Meta(description="token from BotFather; without it, the bot is off")] = ""
    api_url: Annotated[str, Meta(description="address of the Bot API server")] = "https://api.telegram.org"
    timezone: Annotated[str, Meta(description="time zone of events where neither chat nor person has one")] = "UTC"
    webhook_url: Annotated[
        str, Meta(description="public address of this server, to get updates by webhook; default: by long polling")
    ] = ""

    def __post_init__(self) -> None:
        _check("token", not self.token or _TOKEN.fullmatch(self.token), "a token from BotFather, such as 123456:ABC…")
        _check("api_url", _is_address(self.api_url), "an address such as https://api.telegram.org")
        _check(
            "webhook_url",
            not self.webhook_url or _is_address(self.webhook_url),
            "an address such as https://events.example.com",
        )
        _check("timezone", is_zone(self.timezone), "a time zone such as Europe/Moscow")
        for field in ("api_url", "webhook_url"):
            structs.force_setattr(self, field, getattr(self, field).rstrip("/"))

    def __repr__(self) -> str:
        """Returns a text without the token."""
        return f"Settings(api_url={self.api_url!r})"


def _check(field: str, is_right: object, expected: str) -> None:
    if not is_right:
        raise Invalid(FieldError(field, "invalid", {"reason": f"Expected {expected}"}))


def is_zone(name: str) -> bool:
    """Returns true for the name of a time zone in the IANA database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, or a folder of zones
        return False
    return True


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not (parts.query or parts.fragment)
