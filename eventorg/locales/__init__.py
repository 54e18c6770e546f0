"""The words clients read, in each language: one TOML file a language, keyed by code."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT = "ru"
LANGUAGES = ("ru", "en")
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")


def negotiate(accept_language: str) -> str:
    """The language to answer in, by the quality values of `Accept-Language` (RFC 9110, section 12.5.4)."""
    best, best_quality = DEFAULT, 0.0
    for item in accept_language[:1000].split(","):
        if not (match := _RANGE.fullmatch(item)):
            continue
        language = DEFAULT if match[1] == "*" else match[1].lower()
        quality = float(match[2] or 1)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def text(language: str, section: str, code: str, **values: str | int) -> str:
    """The text of a code, with its values filled in. Raises `KeyError` if the language has none."""
    template: str = catalogue(language)[section][code]
    return template.format_map(values) if values else template


@cache
def catalogue(language: str) -> dict[str, Any]:
    """All texts of a language, by section and code."""
    return tomllib.loads(files(__name__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
