"""Metadata of events: short texts that hosts and bots store under keys of their own."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.values import Refused, rule, text

MAX_KEYS: Final = 50
MAX_VALUE: Final = 500
MAX_FILTERS: Final = 5
_KEY: Final = re.compile(r"[a-z0-9_]{1,40}", re.ASCII)


def _clean_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Refused("metadata_key")
    return key


Key = Annotated[str, rule(_clean_key)]
Value = Annotated[str, text(0, MAX_VALUE, lines=True, example="-1001234567890")]
Metadata = Annotated[
    dict[str, str],
    Meta(
        description="What hosts and bots have stored. Only hosts, and bots that act for them, see it.",
        examples=[{"chat_id": "-1001234567890"}],
    ),
]
MetadataPatch = Annotated[
    dict[Key, Value | None],
    Meta(
        description=f"Texts to store, each of up to {MAX_VALUE} characters, under keys of 1 to 40 of `a-z`, `0-9` and "
        f"`_`. An event has up to {MAX_KEYS} keys. Omitted keys stay. `null` removes a key.",
        examples=[{"chat_id": "-1001234567890"}],
        extra_json_schema={
            "extra": {  # the rules of keys and values, which Litestar leaves out
                "property_names": {"pattern": f"^{_KEY.pattern}$"},
                "additional_properties": {"oneOf": [{"type": "string", "maxLength": MAX_VALUE}, {"type": "null"}]},
            }
        },
    ),
]


def merged(stored: Mapping[str, str], patch: Mapping[str, str | None]) -> dict[str, str]:
    """Returns the metadata after a change, by key. Raises `Invalid` for more than `MAX_KEYS`."""
    after = {key: value for key, value in sorted({**stored, **patch}.items()) if value is not None}
    if len(after) > MAX_KEYS:
        raise Invalid(FieldError("metadata", "too_long", {"maximum": MAX_KEYS, "unit": "items"}))
    return after


def check_filters(wanted: Mapping[str, str]) -> None:
    """Raises `Invalid` for more than `MAX_FILTERS` keys."""
    if len(wanted) > MAX_FILTERS:
        raise Invalid(FieldError("metadata", "too_long", {"maximum": MAX_FILTERS, "unit": "items"}))
