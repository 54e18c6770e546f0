"""The copy of an event: its settings, and its times moved by the wall clock."""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import UNSET, structs

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.events import Event, EventPatch, check_times, check_window
from eventorg.domain.values import EARLIEST_YEAR, LATEST_YEAR, YEARS, Instant, Time
from eventorg.domain.wall_clock import after, at_local_time, elapsed_between, local_time

_MOVED = ("end_time", "registration_opens_at", "registration_closes_at")


class EventCopy(EventPatch, kw_only=True):
    """The start of a copy, and what differs from the original. Omitted fields are those of the original.

    An omitted end, and the ends of the registration window, move by the wall clock of the event's time zone.
    """

    example: ClassVar[dict[str, Any]] = {"start_time": "2027-09-22T13:00:00+03:00"}

    start_time: Time


def copied(event: Event, given: EventCopy) -> Event:
    """Returns the event with the settings of its copy. It is published unless `given` says otherwise.

    The metadata stays the original's. Raises `Invalid` for times out of order or out of range.
    """
    settings = {name: value for name, value in structs.asdict(given).items() if value is not UNSET}
    settings.pop("metadata", None)
    copy = structs.replace(event, **{"status": "published", **settings, **_moved(event, settings)})
    check_times(copy.start_time, copy.end_time)
    check_window(copy.registration_opens_at, copy.registration_closes_at)
    return copy


def _moved(event: Event, settings: Mapping[str, Any]) -> dict[str, Instant]:
    """Returns the times that are not set, as far from the new start on the wall clock as they are from the old one."""
    start, zone = settings["start_time"], settings.get("timezone", event.timezone)
    distance = local_time(start, zone) - local_time(event.start_time, event.timezone)
    moved: dict[str, Instant] = {}
    for name in _MOVED:
        at = getattr(event, name)
        if name in settings or at is None:
            continue
        moved[name] = at_local_time(local_time(at, event.timezone) + distance, zone)
    _keep_order(event, moved, start)
    for name, at in moved.items():
        if not EARLIEST_YEAR <= int(at[:4]) <= LATEST_YEAR:
            raise Invalid(FieldError(name, "year_out_of_range", {**YEARS}))
    return moved


def _keep_order(event: Event, moved: dict[str, Instant], start: Instant) -> None:
    """Keeps the time between two times if a change of the clocks would put them out of order."""
    if "end_time" in moved and moved["end_time"] <= start:
        moved["end_time"] = after(start, elapsed_between(event.start_time, event.end_time))
    opens, closes = moved.get("registration_opens_at"), moved.get("registration_closes_at")
    if opens and closes and closes <= opens:
        elapsed = elapsed_between(str(event.registration_opens_at), str(event.registration_closes_at))
        moved["registration_closes_at"] = after(opens, elapsed)
