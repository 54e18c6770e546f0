"""Schemathesis against a running server: what its description allows and what it does not, and what follows of it."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import schemathesis
from msgspec import Struct, field
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from eventorg.testing import Server, User

PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")

# Rules that JSON Schema cannot say, by the codes of their refusals: a request may fit its schema and break one.
BEYOND_SCHEMAS: Final = {
    "control_character": "a character that stands in no name",
    "cursor_invalid": "a cursor is opaque",
    "email_syntax": "`format: email` is wider than what is delivered",
    "end_before_start": "a field is compared with another",
    "id_syntax": "`format: uuid` takes upper case as well",
    "idempotency_key_reused": "depends on what was sent before",
    "out_of_range": "the length of a duration",
    "required": "`current_password` goes with `password`",
    "time_syntax": "`format: date-time` takes leap seconds, and lower case",
    "time_without_offset": "the same",
    "timezone_unknown": "there are six hundred",
    "too_long": "a list as a whole body",
    "username_characters": "letters of every alphabet",
    "wrong_password": "depends on what was set before",
    "year_out_of_range": "`format: date-time` takes every year",
}
_PRECONDITIONS: Final = {410: "after", 412: "If-Match"}
"""Refusals that depend on what is there, and the parameter they are about."""


Caller = Callable[[bool], User]
"""Who sends the requests; asked for another (True) when it has deleted its account."""


class Findings(Struct):
    """How many requests were sent in each phase, and each kind of failure once, with a request that shows it."""

    requests: Counter[str] = field(default_factory=Counter)
    failures: dict[tuple[str, str], str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def fuzz(server: Server, caller: Caller, examples: int, phases: tuple[str, ...], seed: int) -> Findings:
    """What Schemathesis finds as the caller, with so many examples an operation in the phases that draw them."""
    config = SchemathesisConfig.from_dict(
        {
            "continue-on-failure": True,
            "seed": seed,
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
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
    """Has every request bear the headers of the caller, and no host but the server's."""
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
        """Without `Host`, which is HTTP's: one that is no name is refused before the API is reached."""
        return {name: value for name, value in headers.items() if name.lower() != "host"} if headers else headers

    @schema.hook  # type: ignore[untyped-decorator]
    def after_call(context: Any, case: Any, response: Any) -> None:
        nonlocal is_gone
        is_gone = is_gone or (case.operation.definition.raw["operationId"], response.status_code) == (
            "delete_user",
            200,
        )


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
    """Whether a failure is one: not if what fits its schema was refused for a rule that no schema can say."""
    if "positive_data_acceptance" not in failure.checks:
        return True
    if response.status_code in _PRECONDITIONS:
        return False
    if response.status_code != 422:
        return True
    return any(not _is_beyond_schemas(fault, case.body) for fault in response.json()["errors"])


def _is_beyond_schemas(fault: dict[str, str], body: Any) -> bool:
    match fault["field"], fault["code"]:
        case "capacity" | "lease_seconds" | "limit" | "retry_after", "wrong_type":
            return True  # 3.0 is an integer to JSON Schema
        case "url", "invalid":
            return True  # leads nowhere
        case field, "too_short":  # without the white space around it, of which Python knows more than ECMA 262
            sent = body.get(field) if isinstance(body, dict) else None
            return isinstance(sent, str) and sent != sent.strip()
        case field, "too_long":
            return field == ""
        case _, code:
            return code in BEYOND_SCHEMAS
