"""How long before the start reminders are sent: as an event says, or as a user prefers for all of its events."""

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

USUAL: Final = (86_400, 3_600)
"""For an event of which nothing else is said, in seconds."""

_MOST: Final = 10
_LONGEST: Final = 30 * 86_400
_PATTERN: Final = r"P(?=.)((\d+)W|(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)"
_MAX_SPELLING: Final = 100


def duration(seconds: int) -> str:
    """The one spelling of a duration here: hours, minutes and seconds, without what is nought (ISO 8601)."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "H"), (rest // 60, "M"), (rest % 60, "S"))
    return "PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def seconds_of(written: str) -> int:
    """The seconds of an ISO 8601 duration in weeks, or in days and smaller units. Raises `Refused`."""
    found = re.fullmatch(_PATTERN, written.removeprefix("-"), re.ASCII) if len(written) <= _MAX_SPELLING else None
    if found is None:
        raise Refused("invalid")
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in found.groups()[1:])
    length = (weeks * 7 + days) * 86_400 + hours * 3_600 + minutes * 60 + seconds
    if length > _LONGEST or written.startswith("-"):
        raise Refused("out_of_range", minimum="PT0S", maximum=duration(_LONGEST))
    return length


class Reminder(Input):
    """A reminder, so long before the start."""

    before: Annotated[
        str,
        rule(
            lambda written: duration(seconds_of(written)),
            format="duration",
            pattern=f"^{_PATTERN}$",
            max_length=_MAX_SPELLING,
            description="An ISO 8601 duration in weeks, or in days, hours, minutes and seconds, 30 days at most. "
            "Answered in hours, minutes and seconds.",
            examples=["PT24H"],
        ),
    ]


def offsets_of(reminders: Sequence[Reminder]) -> list[int]:
    """The offsets in seconds, each once, the longest first. Raises `Invalid` if there are too many."""
    if len(reminders) > _MOST:
        raise Invalid(FieldError("", "too_long", {"maximum": _MOST}))
    return sorted({seconds_of(reminder.before) for reminder in reminders}, reverse=True)


async def get_event_offsets(context: Context, event_id: str, caller: Caller) -> list[Reminder]:
    """When an event reminds its participants. Raises `NotFound` and `Forbidden` (not a host)."""

    def work(tx: Transaction) -> list[Reminder]:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        return _find_event_offsets(context, tx, event.id)

    return await context.read(work)


async def set_event_offsets(
    context: Context, event_id: str, reminders: Sequence[Reminder], expected: frozenset[str] | None, caller: Caller
) -> list[Reminder]:
    """The same, as changed. Raises `NotFound`, `Forbidden` (not a host), `Invalid` (too many) and `VersionMismatch`."""
    offsets = offsets_of(reminders)

    def work(tx: Transaction) -> list[Reminder]:
        event, role = context.load_event(tx, event_id, caller.user_id)
        check_host(role)
        check_version(tag_of(_find_event_offsets(context, tx, event.id)), expected)
        tx.run(context.sql.set_event_offsets, event_id=event.id, offsets=dump(offsets))
        return _reminders(offsets)

    return await context.write(work)


async def get_user_offsets(context: Context, user_id: str) -> list[Reminder]:
    """When a user wants to be reminded; one that has not said so is told the usual, which each event may change."""
    own = await context.read(lambda tx: find_user_offsets(context, tx, user_id))
    return _or_usual(own)


def find_user_offsets(context: Context, tx: Transaction, user_id: str) -> list[Reminder] | None:
    """What a user has set for itself; None for what each event says."""
    row = tx.one(context.sql.get_user_offsets, user_id=user_id)
    return _reminders(_load(row["offsets"])) if row else None


async def set_user_offsets(
    context: Context, user_id: str, reminders: Sequence[Reminder] | None, expected: frozenset[str] | None
) -> list[Reminder]:
    """The same, as changed (None: as each event says); the user has acted, so that a block ends.

    Raises `Invalid` (too many) and `VersionMismatch`.
    """
    offsets = None if reminders is None else offsets_of(reminders)

    def work(tx: Transaction) -> list[Reminder]:
        check_version(tag_of(_or_usual(find_user_offsets(context, tx, user_id))), expected)
        tx.run(context.sql.mark_reachable, user_id=user_id)
        if offsets is None:
            tx.run(context.sql.delete_user_offsets, user_id=user_id)
            return _reminders(USUAL)
        tx.run(context.sql.set_user_offsets, user_id=user_id, offsets=dump(offsets))
        return _reminders(offsets)

    return await context.write(work)


def tag_of(reminders: Sequence[Reminder]) -> str:
    """The entity tag of a list: all that it says."""
    return f'"{"-".join(reminder.before for reminder in reminders)}"'


def dump(offsets: Sequence[int]) -> str:
    """Offsets as they are kept."""
    return msgspec.json.encode(offsets).decode()


def _find_event_offsets(context: Context, tx: Transaction, event_id: str) -> list[Reminder]:
    row = tx.one(context.sql.get_event_offsets, event_id=event_id)
    return _reminders(_load(row["offsets"]) if row else USUAL)


def _load(kept: str) -> Any:
    return msgspec.json.decode(kept, type=list[int])


def _or_usual(own: list[Reminder] | None) -> list[Reminder]:
    return _reminders(USUAL) if own is None else own


def _reminders(offsets: Sequence[int]) -> list[Reminder]:
    return [Reminder(before=duration(seconds)) for seconds in offsets]
