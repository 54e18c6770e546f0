"""The field types of requests: each cleans what it accepts and refuses the rest with a code.

A type is `Annotated[…, rule]`, so one line says what OpenAPI shows and what is enforced. A struct of such fields
derives from `Input`, which cleans every field and reports all broken rules in one `Invalid`.
"""

import re
import unicodedata
import zoneinfo
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from msgspec import Meta, Struct, structs

from eventorg.domain.cleaners import Cleaner, cleaner_of
from eventorg.domain.cleaners import Refused as Refused
from eventorg.domain.errors import FieldError, Invalid, VersionMismatch
from eventorg.domain.normal_forms import visible
from eventorg.domain.text_rules import (
    LANGUAGE_TAG,
    UNPRINTABLE,
    clean_attempt,
    clean_email,
    clean_locale,
    clean_password,
    clean_username,
    composed,
    within,
)

Clock = Callable[[], datetime]
"""Returns the current time with its time zone. Tests can move it."""

EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
YEARS: Final = {"minimum": str(EARLIEST_YEAR), "maximum": str(LATEST_YEAR)}  # texts: a year has no thousands separator
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.\d+)?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)


def rule(clean: Callable[[Any], Any], **schema: object) -> Meta:
    """Marks a type: `clean` returns the stored form of a value or raises `Refused`; `schema` goes to OpenAPI.

    The keys are those of Litestar's `Schema` (`min_length`, not `minLength`).
    """
    described: dict[str, object] = {name: schema.pop(name) for name in ("description", "examples") if name in schema}
    return Meta(extra_json_schema={"extra": schema, **described}, extra={"clean": clean})


def text(minimum: int, maximum: int, *, lines: bool = False, example: str, description: str | None = None) -> Meta:
    """Marks a trimmed text in NFC without control characters. Newlines and tabs are allowed with `lines`.

    Invisible characters do not count for the minimum, and a text that is not empty has a visible one.
    """

    def clean(value: str) -> str:
        value = composed(value.replace("\r\n", "\n") if lines else value, maximum)
        if any(unicodedata.category(c) in UNPRINTABLE and not (lines and c in "\n\t") for c in value):
            raise Refused("control_character")
        seen = visible(value)
        if value and not seen:
            raise Refused("no_visible_character")
        within(value, len(seen), minimum, maximum)
        return within(value, len(value), minimum, maximum)

    described = {"description": description} if description else {}
    return rule(clean, min_length=minimum, max_length=maximum, examples=[example], **described)


def number(minimum: int, maximum: int, description: str, example: int) -> Meta:
    """Marks a whole number between two others, both included."""

    def clean(value: int) -> int:
        if not minimum <= value <= maximum:
            raise Refused("out_of_range", minimum=minimum, maximum=maximum)
        return value

    return rule(clean, minimum=minimum, maximum=maximum, description=description, examples=[example])


def rfc3339(moment: datetime) -> str:
    """Returns a time in the stored form: UTC, whole seconds, `2024-09-15T10:00:00Z`. It sorts as text."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"  # a third of the time of `strftime`


def _clean_time(value: str) -> str:
    """Returns a time of RFC 3339, section 5.6, as `rfc3339` spells it. Fractions of a second are cut off."""
    match = _TIME.fullmatch(value)
    if match is None:
        raise Refused("time_syntax")
    local, offset = match.groups()
    if offset is None:
        raise Refused("time_without_offset")
    try:
        moment = datetime.fromisoformat(local + ("+00:00" if offset in "Zz" else offset))
    except ValueError:  # the 30th of February
        raise Refused("time_syntax") from None
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise Refused("year_out_of_range", **YEARS) from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise Refused("year_out_of_range", **YEARS)
    return rfc3339(moment)


_NO_ZONES: Final = frozenset(("Factory", "localtime"))
"""Files in the zone folder that are no time zones: a placeholder, and the zone of the machine."""


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - _NO_ZONES


def _clean_timezone(value: str) -> str:
    if value not in _zones():
        raise Refused("timezone_unknown")
    return value


def _clean_id(value: str) -> str:
    try:
        canonical = str(UUID(value)) == value
    except ValueError:
        canonical = False
    if not canonical:
        raise Refused("id_syntax")
    return value


BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""The alphabet of codes that people read aloud: no 0, O, I or l."""

MAX_CAPACITY = 1_000_000_000


def identifier(description: str, *examples: str) -> Meta:
    """Marks an id in canonical spelling, with its description for OpenAPI."""
    return rule(_clean_id, format="uuid", description=description, examples=list(examples))


def moment(description: str, example: str) -> Meta:
    """Marks a time in a request, with its description for OpenAPI."""
    return rule(_clean_time, format="date-time", description=description, examples=[example])


def instant(description: str, example: str = "2027-08-01T09:30:00Z") -> Meta:
    """Marks a time in an answer, with its description for OpenAPI."""
    return Meta(description=description, examples=[example], extra_json_schema={"extra": {"format": "date-time"}})


Title = Annotated[str, text(1, 200, example="Встреча выпускников", description="The title.")]
Description = Annotated[
    str, text(0, 4000, lines=True, example="Чай, пирог и разговоры.", description="The description, as plain text.")
]
Location = Annotated[
    str, text(0, 500, example="Москва, Чистопрудный бульвар, 1", description="The place, as plain text.")
]
Username = Annotated[
    str,
    rule(
        clean_username,
        min_length=3,
        max_length=32,
        description="A unique name, regardless of case. Letters, digits and `_`, `.`, `-`.",
        examples=["anna"],
    ),
]
Email = Annotated[
    str,
    rule(
        clean_email,
        min_length=3,
        max_length=254,
        format="email",
        description="The email address, unique regardless of case. Only its owner sees it.",
        examples=["anna@example.com"],
    ),
]
Password = Annotated[
    str,
    rule(
        clean_password,
        min_length=8,
        max_length=1024,
        format="password",
        description="A password of 8 to 1,024 bytes in UTF-8.",
        examples=["correct horse"],
    ),
]
PasswordAttempt = Annotated[
    str,
    rule(
        clean_attempt,
        max_length=1024,
        format="password",
        description="The current password.",
        examples=["correct horse"],
    ),
]
EmailAttempt = Annotated[str, text(0, 254, example="anna@example.com", description="The email address of the account.")]
Time = Annotated[str, moment("The start: an RFC 3339 time with an offset.", "2027-09-15T13:00:00+03:00")]
EndTime = Annotated[
    str, moment("The end: an RFC 3339 time with an offset, after the start.", "2027-09-15T15:00:00+03:00")
]
Timezone = Annotated[
    str,
    rule(_clean_timezone, description="A time zone of the IANA database.", examples=["Europe/Moscow"]),
]
Locale = Annotated[
    str,
    rule(
        clean_locale,
        pattern=f"^{LANGUAGE_TAG.pattern}$",
        description="The language, as a BCP 47 tag.",
        examples=["ru"],
    ),
]
Capacity = Annotated[int, number(1, MAX_CAPACITY, "The number of seats. `null`: unlimited.", 30)]
Id = Annotated[str, identifier("A UUID.", "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11")]

Instant = Annotated[str, instant("A time in UTC.", "2027-09-15T10:00:00Z")]
"""A time in a response: always UTC and whole seconds, as it is stored."""


class JSONOf(Struct, frozen=True):
    """Marks a `msgspec.Raw` field whose JSON is made by SQLite: `type` is what that JSON holds."""

    type: Any


class Input(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a request. It is created only by decoding, so an instance is always valid."""

    example: ClassVar[dict[str, Any] | None] = None
    """A body that works, for the API description. None: it is made of the fields' examples."""

    def __post_init__(self) -> None:
        self.clean()

    def clean(self) -> None:
        """Replaces each field by its clean form. Raises `Invalid` with every broken rule."""
        errors: list[FieldError] = []
        for name, sent_name, clean in _cleaners(type(self)):
            setattr(self, name, clean(getattr(self, name), sent_name, errors))
        if errors:
            raise Invalid(*errors)


@cache
def _cleaners(struct: type[Struct]) -> tuple[tuple[str, str, Cleaner], ...]:
    return tuple(
        (field.name, field.encode_name, cleaner)
        for field in structs.fields(struct)
        if (cleaner := cleaner_of(field.type)) is not None
    )


ABSENT: Final = ""
"""Stands for the version of a resource that does not exist."""


class AllExcept(frozenset[str]):
    """All versions other than these."""

    def __contains__(self, version: object) -> bool:
        return not super().__contains__(version)


def check_version(version: int | str, expected: frozenset[str] | None) -> None:
    """Raises `VersionMismatch` unless `version` is among the expected ones; None expects any version."""
    if expected is not None and str(version) not in expected:
        raise VersionMismatch()
