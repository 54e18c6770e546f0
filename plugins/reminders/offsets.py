"""The times of reminders before the start: those of an event, or those of a user for all events."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from eventorg.plugin import (
    Caller,
    Context,
    FieldError,
    Input,
    Invalid,
    Refused,
    Transaction,
    check_host,
    check_version,
    rule,
)

DEFAULT_OFFSETS: Final = (86_400, 3_600)
"""The default times, in seconds before the start."""

_MAX_REMINDERS: Final = 10
_MAX_SECONDS: Final = 30 * 86_400
_PATTERN: Final = r"P(?=.)((\d+)W|(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)"
_MAX_SPELLING: Final = 100


def duration(seconds: int) -> str:
    """Returns a duration in hours, minutes, and seconds, without zero parts (ISO 8601)."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "H"), (rest // 60, "M"), (rest % 60, "S"))
    return "PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def seconds_of(written: str) -> int:
    """Returns the seconds of an ISO 8601 duration in weeks, or in days and smaller units. Raises `Refused`."""
    found = re.fullmatch(_PATTERN, written.removeprefix("-"), re.ASCII) if len(written) <= _MAX_SPELLING else None
    if found is None:
        raise Refused("invalid")
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
    length = (weeks * 7 + days) * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if length > _MAX_SECONDS or written.startswith("-"):
        raise Refused("out_of_range", minimum="PT0S", maximum=duration(_MAX_SECONDS))
    return length


class Reminder(Input):
    """A reminder before the start of an event."""

    before: Annotated[
        str,
        rule(
            lambda written: duration(seconds_of(written)),
            format="duration",
            pattern=f"^{_PATTERN}$",
            max_length=_MAX_SPELLING,
            description="An ISO 8601 duration in weeks, or in days, hours, minutes, and seconds. At most 30 days. "
            "Responses have hours, minutes, and seconds.",
            examples=["PT24H"],
        ),
    ]


def offsets_of(reminders: Sequence[Reminder]) -> list[int]:
    """Returns the offsets in seconds, each once, the longest first. Raises `Invalid` if there are too many."""
    if len(reminders) > _MAX_REMINDERS:
        raise Invalid(FieldError("", "too_long", {"maximum": _MAX_REMINDERS, "unit": "items"}))
    return sorted({seconds_of(reminder.before) for reminder in reminders}, reverse=True)


async def get_event_offsets(context: Context, event_id: str, caller: Caller) -> list[Reminder]:
    """Returns the reminders of an event. Raises `NotFound` and `Forbidden` (not a host)."""

    def work(tx: Transaction) -> list[Reminder]:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        return _find_event_offsets(context, tx, event.id)

    return await context.read(work)


async def set_event_offsets(
    context: Context, event_id: str, reminders: Sequence[Reminder], expected: frozenset[str] | None, caller: Caller
) -> list[Reminder]:
    """Sets the reminders of an event and returns them.

    Raises `NotFound`, `Forbidden` (not a host), `Invalid` (too many) and `VersionMismatch`.
    """
    offsets = offsets_of(reminders)

    def work(tx: Transaction) -> list[Reminder]:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        check_version(tag_of(_find_event_offsets(context, tx, event.id)), expected)
        tx.run(context.sql.set_event_offsets, event_id=event.id, offsets=dump(offsets))
        return _reminders(offsets)

    return await context.write(work)


async def get_user_offsets(context: Context, user_id: str) -> list[Reminder]:
    """Returns a user's own reminders, or the default ones, which each event may change."""
    own = await context.read(lambda tx: find_user_offsets(context, tx, user_id))
    return _or_default(own)


def find_user_offsets(context: Context, tx: Transaction, user_id: str) -> list[Reminder] | None:
    """Returns a user's own reminders, or None if those of each event apply."""
    row = tx.one(context.sql.get_user_offsets, user_id=user_id)
    return _reminders(_load(row["offsets"])) if row else None


async def set_user_offsets(
    context: Context, user_id: str, reminders: Sequence[Reminder] | None, expected: frozenset[str] | None
) -> list[Reminder]:
    """Sets a user's own reminders and returns them. None: those of each event apply.

    Raises `Invalid` (too many) and `VersionMismatch`.
    """
    offsets = None if reminders is None else offsets_of(reminders)

    def work(tx: Transaction) -> list[Reminder]:
        check_version(tag_of(_or_default(find_user_offsets(context, tx, user_id))), expected)
        if offsets is None:
            tx.run(context.sql.delete_user_offsets, user_id=user_id)
            return _reminders(DEFAULT_OFFSETS)
        tx.run(context.sql.set_user_offsets, user_id=user_id, offsets=dump(offsets))
        return _reminders(offsets)

    return await context.write(work)


def tag_of(reminders: Sequence[Reminder]) -> str:
    """Returns the entity tag of a list, which contains all of its values."""
    return f'"{"-".join(reminder.before for reminder in reminders)}"'


def dump(offsets: Sequence[int]) -> str:
    """Returns offsets as JSON for the database."""
    return msgspec.json.encode(offsets).decode()


def _find_event_offsets(context: Context, tx: Transaction, event_id: str) -> list[Reminder]:
    row = tx.one(context.sql.get_event_offsets, event_id=event_id)
    return _reminders(_load(row["offsets"]) if row else DEFAULT_OFFSETS)


def _load(kept: str) -> Any:
    return msgspec.json.decode(kept, type=list[int])


def _or_default(own: list[Reminder] | None) -> list[Reminder]:
    return _reminders(DEFAULT_OFFSETS) if own is None else own


def _reminders(offsets: Sequence[int]) -> list[Reminder]:
    return [Reminder(before=duration(seconds)) for seconds in offsets]
