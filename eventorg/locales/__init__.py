"""Texts for clients: one TOML file per language, keyed by code."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "ru"
LANGUAGES = ("ru", "en")
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]+)?\s*(?:;\s*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?")
_REFUSED = -1.0


def negotiate(accept_language: str) -> str:
    """Returns the language that best matches `Accept-Language` (RFC 9110, section 12.5.4), by quality.

    Languages that are not named have the quality of `*`. Refused languages (`q=0`) come last.
    """
    qualities: dict[str, float] = {}
    for item in accept_language[:1000].split(","):
        if match := _RANGE.fullmatch(item):
            named = match[1].lower()
            qualities[named] = max(qualities.get(named, _REFUSED), float(match[2] or 1) or _REFUSED)
    rest = qualities.pop("*", 0.0)
    candidates = [language for language in qualities if language in LANGUAGES] + list(LANGUAGES)
    return max(candidates, key=lambda language: qualities.get(language, rest))


def find_language(locale: str) -> str | None:
    """Returns the language of a locale such as `en-GB`, or None if there are no texts in it."""
    language = locale.partition("-")[0].lower()
    return language if language in LANGUAGES else None


def text(language: str, section: str, code: str, **values: str | int) -> str:
    """Returns the text of a code with its values. Raises `KeyError` if the language has no such text."""
    template: str = catalogue(language)[section][code]
    return template.format_map(values) if values else template


@cache
def catalogue(language: str) -> dict[str, Any]:
    """Returns all texts of a language, by section and code."""
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
