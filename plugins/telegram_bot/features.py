"""All features of the bot. A new one is a module with `FEATURE`, listed here."""

from collections.abc import Sequence
from typing import Final

from . import (
    account,
    calendars,
    drafting,
    inline,
    invitations,
    links,
    my_events,
    new_event,
    places,
    preferences,
    questions,
    reminders,
    taps,
    zones,
)
from . import help as help_texts
from .hosting import feature as hosting
from .router import Feature

FEATURES: Final[Sequence[Feature]] = (
    taps.FEATURE,
    links.FEATURE,
    new_event.FEATURE,
    drafting.FEATURE,
    zones.FEATURE,
    hosting.FEATURE,
    inline.FEATURE,
    my_events.FEATURE,
    calendars.FEATURE,
    account.FEATURE,
    preferences.FEATURE,
    reminders.FEATURE,
    places.FEATURE,
    invitations.FEATURE,
    questions.FEATURE,
    help_texts.FEATURE,
)
