"""The interface for plugins: everything that a plugin may import.

A plugin is a module with a `plugin = Plugin(name=…)`. It declares what it adds and patches nothing. If a plugin is
invalid, the server prints one sentence and does not start. `plugins/README.md` is the tutorial.
"""

from eventorg.domain.calendars import CalendarEvent, write_calendar
from eventorg.domain.callers import Caller
from eventorg.domain.cards import CardData
from eventorg.domain.deliveries import Notice
from eventorg.domain.errors import (
    Conflict,
    DomainError,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    TooMany,
    Unavailable,
)
from eventorg.domain.events import Event, EventPatch, NewEvent, Role, check_host, check_organizer
from eventorg.domain.facts import (
    FACTS,
    AnswerUpdated,
    ChangeData,
    EventCancelled,
    EventCreated,
    EventDeleted,
    EventUpdated,
    Fact,
    RegistrationAttended,
    RegistrationCancelled,
    RegistrationCreated,
    RegistrationPromoted,
    RegistrationUpdated,
    UserCreated,
    UserDeleted,
    UserUpdated,
)
from eventorg.domain.gates import Asked, Refusal
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User, check_self
from eventorg.domain.values import (
    ABSENT,
    Clock,
    Id,
    Input,
    Instant,
    Locale,
    Refused,
    Timezone,
    check_version,
    moment,
    rfc3339,
    rule,
    text,
)
from eventorg.domain.wall_clock import at_local_time, local_time
from eventorg.locales import negotiate
from eventorg.locales.cards import Card
from eventorg.plugin.context import Context
from eventorg.plugin.declarations import Gate, Job, Plugin, RunCommand
from eventorg.plugin.fact_types import FactType
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import ReadTransaction, Transaction
from eventorg.web.authentication import OPEN, OPTIONAL_SECURITY, PUBLIC, Anybody, Authenticated, by_bot
from eventorg.web.conditional import (
    ETAG,
    answer_unless_current,
    etag,
    expected_tags,
    expected_versions,
    is_current,
)
from eventorg.web.disconnection import unless_disconnected
from eventorg.web.headers import accepts, also_as, language_for
from eventorg.web.messages import LOCATION
from eventorg.web.pagination import Cursor, Limit, decode_cursor, encode_cursor
from eventorg.web.problems import BODY_PROBLEMS, problems
from eventorg.web.query_parameters import ANY_QUERY, query_prefixes

__all__ = [
    "ABSENT",
    "ANY_QUERY",
    "BODY_PROBLEMS",
    "ETAG",
    "FACTS",
    "LOCATION",
    "OPEN",
    "OPTIONAL_SECURITY",
    "PUBLIC",
    "AnswerUpdated",
    "Anybody",
    "Asked",
    "Authenticated",
    "CalendarEvent",
    "Caller",
    "Card",
    "CardData",
    "ChangeData",
    "Clock",
    "Conflict",
    "Context",
    "Cursor",
    "DomainError",
    "Event",
    "EventCancelled",
    "EventCreated",
    "EventDeleted",
    "EventPatch",
    "EventUpdated",
    "Fact",
    "FactType",
    "FieldError",
    "Forbidden",
    "Gate",
    "Gone",
    "Happened",
    "Id",
    "Input",
    "Instant",
    "Invalid",
    "Job",
    "Limit",
    "Locale",
    "NewEvent",
    "NotFound",
    "Notice",
    "Plugin",
    "ReadTransaction",
    "Refusal",
    "Refused",
    "Registration",
    "RegistrationAttended",
    "RegistrationCancelled",
    "RegistrationCreated",
    "RegistrationPromoted",
    "RegistrationUpdated",
    "Role",
    "RunCommand",
    "Statement",
    "Statements",
    "Timezone",
    "TooMany",
    "Transaction",
    "Unavailable",
    "User",
    "UserCreated",
    "UserDeleted",
    "UserUpdated",
    "accepts",
    "also_as",
    "answer_unless_current",
    "at_local_time",
    "by_bot",
    "check_host",
    "check_organizer",
    "check_self",
    "check_version",
    "decode_cursor",
    "encode_cursor",
    "etag",
    "expected_tags",
    "expected_versions",
    "is_current",
    "language_for",
    "local_time",
    "moment",
    "negotiate",
    "problems",
    "query_prefixes",
    "rfc3339",
    "rule",
    "text",
    "unless_disconnected",
    "write_calendar",
]

Happened = Fact
"""Deprecated name of `Fact`. Will be removed in 0.3."""
