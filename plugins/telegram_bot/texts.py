"""The texts of the bot: one TOML file per language. A name with plural forms has one text for each (CLDR)."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from babel import Locale

LANGUAGES: Final = ("ru", "en")
MAX_UNITS: Final = 4_096
"""The longest text of a message, in UTF-16 code units."""
_FOLDER: Final = Path(__file__).parent / "locales"
_ELLIPSIS: Final = "…"


def say(language: str, name: str, /, **values: object) -> str:
    """Returns the text `section.key` in a language with its values. If it has plural forms, `count` chooses one."""
    found = _find(language, name)
    if isinstance(found, dict):
        found = found[_plural_form(language, int(str(values["count"])))]
    return str(found).format(**values)


def language_of(code: str | None) -> str:
    """Returns the language of a Telegram account: Russian for `ru*` and for none, otherwise English."""
    return "ru" if code is None or code.lower().startswith("ru") else "en"


def units(text: str) -> int:
    """Returns the length in UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def shorten(text: str, most: int) -> str:
    """Returns a text of at most `most` UTF-16 code units, with an ellipsis if it is cut."""
    if units(text) <= most:
        return text
    return text.encode("utf-16-le")[: (most - 1) * 2].decode("utf-16-le", errors="ignore").rstrip() + _ELLIPSIS


def _find(language: str, name: str) -> Any:
    section, _, key = name.partition(".")
    return _catalogue(language)[section][key]


@cache
def _catalogue(language: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


@cache
def _plural_forms(language: str) -> Any:
    return Locale(language).plural_form


def _plural_form(language: str, count: int) -> str:
    return str(_plural_forms(language)(count))
