"""The plan of a series: the settings of occurrences to come, and their times by the clock on the wall."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, structs

from eventorg.plugin import Event, EventPatch, FieldError, Instant, Invalid, at_local_time, local_time

from .rules import LAST_YEAR

TIMES: Final = ("start_time", "end_time", "registration_opens_at", "registration_closes_at")
_OWN: Final = (*TIMES, "timezone", "metadata", "status")
SETTINGS: Final = tuple(name for name in EventPatch.__struct_fields__ if name not in _OWN)
"""The fields of an event that are the same for all occurrences."""
_FIRST_YEAR: Final = 1970

Offsets = Mapping[str, int | None]
"""Seconds from midnight of the rule's date to each of the `TIMES`, by the clock on the wall. Null: there is none."""
Times = dict[str, Instant | None]


class Plan(Struct, frozen=True, kw_only=True):
    """What the occurrences to come are like."""

    timezone: str
    offsets: dict[str, int | None]
    settings: dict[str, Any]
    metadata: dict[str, str | None] = {}
    """What differs from the first event."""
    status: str | None = None

    @classmethod
    def of(cls, event: Event, day: str) -> "Plan":
        """Returns the plan by which occurrences are as an event on a date of the rule."""
        settings = {name: getattr(event, name) for name in SETTINGS}
        return cls(timezone=event.timezone, offsets=offsets_of(event, day), settings=settings)

    @classmethod
    def load(cls, stored: str) -> "Plan":
        """Returns a stored plan."""
        return msgspec.json.decode(stored, type=cls)

    def dump(self) -> str:
        """Returns the plan to store."""
        return msgspec.json.encode(self).decode()

    def times_on(self, day: str) -> Times | None:
        """Returns the times of the occurrence on a date of the rule. None: they are out of range."""
        return times_of(self.offsets, day, self.timezone)

    def planned(self, day: str) -> str:
        """Returns the date on which the occurrence starts."""
        return _local(self.offsets["start_time"] or 0, day).date().isoformat()

    def day_of(self, planned: date) -> date:
        """Returns the date of the rule whose occurrence starts on a date. Raises `OverflowError`."""
        return planned - timedelta(days=(self.offsets["start_time"] or 0) // 86_400)

    def as_patch(self, times: Times) -> EventPatch:
        """Returns what a copy of the first event has to change."""
        fields: dict[str, Any] = {"timezone": self.timezone, **self.settings, **times}
        if self.status:
            fields["status"] = self.status
        if self.metadata:
            fields["metadata"] = self.metadata
        return EventPatch(**fields)


class Reference(Struct, frozen=True):
    """The occurrence that the times of a change are about."""

    day: str
    times: Mapping[str, Instant | None]
    timezone: str


class Change:
    """A change to a series: what it means for each occurrence, and for those to come."""

    def __init__(self, patch: EventPatch, reference: Reference | None) -> None:
        self._patch = patch
        self._reference = reference
        self._given = {name: getattr(patch, name) for name in TIMES if getattr(patch, name) is not UNSET}
        self._new_zone: str | None = patch.timezone or None
        self._offsets: dict[str, int | None] = {}
        self._delta = 0
        if reference is not None:
            zone = self._new_zone or reference.timezone
            self._offsets = {name: _offset(at, zone, reference.day) for name, at in self._given.items()}
            start = str(reference.times["start_time"])
            self._delta = _seconds(local_time(start, zone) - local_time(start, reference.timezone))

    def of_event(self, event: Event, day: str) -> EventPatch:
        """Returns the change of the occurrence on a date of the rule."""
        moves = self._given or self._new_zone
        if not moves or (self._reference is not None and day == self._reference.day):
            return self._patch
        times = times_of(self._moved(offsets_of(event, day)), day, self._new_zone or event.timezone)
        if times is None:
            raise Invalid(FieldError("start_time", "year_out_of_range", {"minimum": "1970", "maximum": "2200"}))
        return structs.replace(
            self._patch, **(times if self._new_zone else {name: times[name] for name in self._given})
        )

    def of_plan(self, plan: Plan) -> Plan:
        """Returns the plan of the occurrences to come. Raises `Invalid` for times out of order."""
        patch = self._patch
        settings = {name: value for name in SETTINGS if (value := getattr(patch, name)) is not UNSET}
        offsets = self._moved(plan.offsets) if self._reference is not None else plan.offsets
        _check_order(offsets)
        return Plan(
            timezone=self._new_zone or plan.timezone,
            offsets=dict(offsets),
            settings=plan.settings | settings,
            metadata=plan.metadata | (patch.metadata or {}),
            status=patch.status if patch.status in ("draft", "published") else plan.status,
        )

    def _moved(self, own: Offsets) -> dict[str, int | None]:
        return {name: None if at is None else at + self._delta for name, at in own.items()} | self._offsets


def offsets_of(event: Event, day: str) -> dict[str, int | None]:
    """Returns the offsets of an event from a date of the rule."""
    return {name: _offset(getattr(event, name), event.timezone, day) for name in TIMES}


def times_of(offsets: Offsets, day: str, timezone: str) -> Times | None:
    """Returns the times for a date of the rule. None: they are out of range.

    If a change of the clocks would put the end before the start, as much time passes between them as the clocks show.
    """
    try:
        times: Times = {
            name: None if seconds is None else at_local_time(_local(seconds, day), timezone)
            for name, seconds in offsets.items()
        }
        for earlier, later in (TIMES[:2], TIMES[2:]):
            _keep_order(times, offsets, earlier, later)
    except OverflowError:
        return None
    years = [int(at[:4]) for at in times.values() if at is not None]
    return times if min(years) >= _FIRST_YEAR and max(years) <= LAST_YEAR else None


def _keep_order(times: Times, offsets: Offsets, earlier: str, later: str) -> None:
    begin, end = times[earlier], times[later]
    distance = (offsets[later] or 0) - (offsets[earlier] or 0)
    if begin is not None and end is not None and end <= begin and distance > 0:
        times[later] = at_local_time(local_time(begin, "UTC") + timedelta(seconds=distance), "UTC")


def _check_order(offsets: Offsets) -> None:
    for earlier, later, code in (
        (*TIMES[:2], "end_before_start"),
        (*TIMES[2:], "closes_before_opening"),
    ):
        begin, end = offsets[earlier], offsets[later]
        if begin is not None and end is not None and end <= begin:
            raise Invalid(FieldError(later, code))


def _offset(at: Instant | None, timezone: str, day: str) -> int | None:
    return None if at is None else _seconds(local_time(at, timezone) - datetime.fromisoformat(day))


def _local(seconds: int, day: str) -> datetime:
    return datetime.fromisoformat(day) + timedelta(seconds=seconds)


def _seconds(distance: timedelta) -> int:
    return distance // timedelta(seconds=1)
