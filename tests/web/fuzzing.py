"""Runs Schemathesis against a server: valid and invalid requests, and sequences of requests."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import schemathesis
from msgspec import Struct, field
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from eventorg.testing import Server, User

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")

# Codes of rules that JSON Schema cannot express: a request can match its schema and still break one.
BEYOND_SCHEMAS: Final = {
    "closes_before_opening": "a field is compared with another",
    "control_character": "a character that stands in no name",
    "cursor_invalid": "a cursor is opaque",
    "email_syntax": "`format: email` is wider than what is delivered",
    "end_before_start": "a field is compared with another",
    "guests_without_going": "a field is compared with another",
    "id_syntax": "`format: uuid` takes upper case as well",
    "idempotency_key_reused": "depends on what was sent before",
    "is_caller": "depends on who sends the request",
    "no_visible_character": "what shows nothing is no text",
    "not_distinct": "`uniqueItems` compares before cleaning",
    "options_not_allowed": "a field is compared with another",
    "out_of_range": "the length of a duration",
    "required": "`current_password` goes with `password`",
    "rrule_ends_before_start": "depends on the event",
    "rrule_syntax": "parts that do not go together",
    "rrule_unsupported": "the names of parts that are not supported",
    "time_syntax": "`format: date-time` takes leap seconds, and lower case",
    "time_without_offset": "the same",
    "timezone_unknown": "there are six hundred",
    "too_many_guests": "depends on the event",
    "too_many_names": "a field is compared with another",
    "unknown_question": "depends on the questions of the event",
    "user_or_name": "one of two fields",
    "username_characters": "letters of every alphabet",
    "wrong_password": "depends on what was set before",
    "year_out_of_range": "`format: date-time` takes every year",
}
_PRECONDITIONS: Final = {410: "after", 412: "If-Match"}
"""Refusals that depend on existing data, with their parameters."""
_HEADERS_OF_THE_CONNECTION: Final = ("content-length", "host")
"""The server refuses an invalid one before the API sees it."""

Caller = Callable[[bool], User]
"""Returns the user who sends the requests: another one if called with True, after the token has ended."""


class Findings(Struct):
    """The number of requests in each phase, and one request for each kind of failure."""

    requests: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def fuzz(server: Server, caller: Caller, examples: int, phases: tuple[str, ...], seed: int) -> Findings:
    """Returns what Schemathesis finds as this caller, with this number of examples per operation."""
    config = SchemathesisConfig.from_dict(
        {
            "continue-on-failure": True,
            "seed": seed,
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
            "checks": {"negative_data_rejection": {"expected-statuses": ["4xx", "5xx"]}},
            "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
        }
    )
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)
    schema.hook("filter_failure")(filter_failure)
    _sign_requests(schema, caller)
    findings = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            findings.requests[event.phase.value] += len(event.recorder.interactions)
            _collect(event.recorder, findings)
        elif isinstance(event, events.NonFatalError):
            findings.errors.append(f"{event.label}: {event.value}")
    return findings


def _sign_requests(schema: Any, caller: Caller) -> None:
    """Sends every request with the headers of the caller and the server's host."""
    is_gone = False

    @schema.auth(refresh_interval=None)
    class Signing:
        def get(self, case: Any, context: Any) -> dict[str, str]:
            nonlocal is_gone
            user, is_gone = caller(is_gone), False
            return user.headers

        def set(self, case: Any, headers: dict[str, str], context: Any) -> None:
            case.headers.update(headers)

    @schema.hook  # type: ignore[untyped-decorator]
    def map_headers(context: Any, headers: Any) -> Any:
        return headers and {
            name: value for name, value in headers.items() if name.lower() not in _HEADERS_OF_THE_CONNECTION
        }

    @schema.hook  # type: ignore[untyped-decorator]
    def after_call(context: Any, case: Any, response: Any) -> None:
        nonlocal is_gone
        done = (case.operation.definition.raw["operationId"], response.status_code)
        is_gone = is_gone or done in (("delete_user", 200), ("logout", 204))


def _collect(recorder: Any, findings: Findings) -> None:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                kind = (recorder.cases[case_id].value.operation.label, check.name)
                response = recorder.interactions[case_id].response
                told = (failure.title, failure.message, check.failure_info.code_sample, response and response.text)
                findings.failures.setdefault(kind, "\n".join(map(str, told)))


def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Returns false if the refused request broke a rule that JSON Schema cannot express."""
    if "positive_data_acceptance" not in failure.checks:
        return True
    if response.status_code in _PRECONDITIONS:
        return False
    if response.status_code != 422:
        return True
    return any(not _is_beyond_schemas(fault, _sent(fault["field"], case)) for fault in response.json()["errors"])


def _is_beyond_schemas(fault: dict[str, str], sent: Any) -> bool:
    match fault["field"], fault["code"]:
        case _, "wrong_type":
            return isinstance(sent, float) and sent.is_integer()  # 3.0 is an integer to JSON Schema
        case "url", "invalid":
            return True  # does not resolve
        case "types", "invalid_choice":
            return True  # a fact of a plugin that is not loaded
        case _, "too_short":  # too short after trimming; Python knows more white space than ECMA 262
            return isinstance(sent, list) or (isinstance(sent, str) and sent != sent.strip())
        case _, "too_long":
            return isinstance(sent, list)  # how many may be in it, depends on another field
        case _, code:
            return code in BEYOND_SCHEMAS


def _sent(field: str, case: Any) -> Any:
    """Returns the value of a field such as `results[0].error`, in the body or the query of the request."""
    for found in (case.body, case.query):
        for step in re.findall(r"[^.[\]]+", field):
            if isinstance(found, list):
                found = found[int(step)]
            else:
                found = found.get(step) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None
