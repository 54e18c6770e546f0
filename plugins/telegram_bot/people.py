"""A person in Telegram."""

from typing import Any, Final

from msgspec import Struct
from telegram import User

from .texts import language_of, shorten

_LABEL: Final = 40


class Person(Struct, frozen=True, kw_only=True):
    """A Telegram account, as an update shows it."""

    id: int
    first_name: str = ""
    last_name: str | None = None
    username: str | None = None
    language: str = "ru"
    """The language in which the bot speaks to this person: chosen in the bot, or that of Telegram."""

    @property
    def is_here(self) -> bool:
        """True for somebody who uses the bot now. Somebody whom it only remembers may have deleted the account."""
        return bool(self.first_name)

    @property
    def names(self) -> dict[str, str | None]:
        """The names, as `PUT /identities/telegram/{telegram_id}` takes them."""
        return {"username": self.username, "first_name": self.first_name or None, "last_name": self.last_name}


def person_of(user: User, language: str | None = None) -> Person:
    """Returns the person of an update, with the language that was chosen, if one was."""
    return Person(
        id=user.id,
        first_name=user.first_name,
        last_name=user.last_name,
        username=user.username,
        language=language or language_of(user.language_code),
    )


def name_of(participant: dict[str, Any]) -> str:
    """Returns the name of a participant with the number of guests."""
    user = participant.get("user") or {}
    parts = filter(None, (user.get("first_name"), user.get("last_name")))
    name = " ".join(parts) or user.get("username") or "?"
    guests = participant.get("guests")
    return shorten(name, _LABEL) + (f" +{guests}" if guests else "")
