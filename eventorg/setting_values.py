"""The values of settings: checks, and the conversion to a struct with errors that say in words what a value must be."""

import re
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import msgspec

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.validation import field_errors
from eventorg.errors import SettingError, UnknownSetting

T = TypeVar("T")

_WORDS = {"int": "a whole number", "bool": "true or false", "str": "text"}
_TYPE = re.compile(rf"`({'|'.join(_WORDS)})`")
VISIBLE = re.compile(r"[!-~]*")
"""Visible ASCII characters."""


def convert(values: dict[str, Any], kind: type[T], prefix: str) -> T:
    """Returns the values as a struct. Raises `SettingError` with the name of the variable."""
    for name in values:
        if name not in _fields(kind):
            raise unknown(name, kind, prefix)
    try:
        converted: T = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        broken = field_errors(error)[0]
    except Invalid as error:  # from `__post_init__`, which msgspec passes on
        broken = error.errors[0]
    else:
        return converted
    raise SettingError(f"{prefix}{broken.field.upper()}", _in_words(broken, kind))


def _fields(kind: Any) -> tuple[str, ...]:
    """Returns the names of a struct's fields; `Struct` itself has none."""
    return getattr(kind, "__struct_fields__", ())


def _in_words(broken: FieldError, kind: Any) -> str:
    """Returns what a setting must be, in words."""
    if broken.code == "required":
        return "A value is required"
    hint = get_type_hints(kind).get(broken.field)
    if broken.code == "invalid_choice" and get_origin(hint) is Literal:
        return f"Expected {' or '.join(map(str, get_args(hint)))}"
    if broken.code == "wrong_type":
        expected = str(broken.values["expected"])
        return f"Expected {_WORDS.get(expected, expected)}"
    return _TYPE.sub(lambda found: _WORDS[found[1]], str(broken.values.get("reason", broken.code)))


def unknown(name: str, kind: Any, prefix: str) -> UnknownSetting:
    """Returns the error for a name that no setting has, with the setting that has a similar name."""
    similar = get_close_matches(name, [field for field in _fields(kind) if field != "others"], n=1, cutoff=0.7)
    return UnknownSetting(f"{prefix}{name.upper()}", f"{prefix}{similar[0].upper()}" if similar else None)


def check_text(name: str, value: Any) -> None:
    """Raises `SettingError` for text that is not UTF-8, or that has the character NUL, which no file name can have."""
    if not isinstance(value, str):
        return
    try:
        is_text = b"\0" not in value.encode()
    except UnicodeEncodeError:  # Python decodes other bytes of the environment to lone surrogates
        is_text = False
    if not is_text:
        raise SettingError(name, "Expected UTF-8 text without the character NUL")


def is_public_url(text: str) -> bool:
    """Returns true for an http or https address of visible ASCII characters with nothing behind its path."""
    if not VISIBLE.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port  # raises ValueError beyond 65535
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0 and not set("?#@\\") & set(text)


def is_network(text: str) -> bool:
    """Returns true for an address, or a network without host bits. uvicorn would accept any text."""
    try:
        ip_network(text.strip())
    except ValueError:
        return False
    return True
