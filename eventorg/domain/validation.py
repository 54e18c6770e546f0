"""The only place that reads msgspec's messages: a ValidationError as field errors with codes."""

import re

import msgspec

from eventorg.domain.errors import FieldError, Invalid

_MISSING = re.compile(r"Object missing required field `(?P<field>.+?)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_EXPECTED = re.compile(r"Expected `(?P<expected>.+?)`, got `.+?`", re.DOTALL)


def field_errors(error: msgspec.ValidationError) -> tuple[FieldError, ...]:
    """Returns what msgspec found, or the broken rules of an `Invalid` that a struct raised, each with its path.

    The codes are `required`, `unknown_field`, `wrong_type` (with the value `expected`), `invalid_choice`, and `invalid`
    (with the value `reason`, msgspec's own text, in which types stand in backticks).
    """
    reason, _, rest = str(error).partition(" - at `$")
    path = rest.rstrip("`").lstrip(".")
    if isinstance(broken := error.__cause__, Invalid):
        return tuple(FieldError(_join(path, each.field), each.code, each.values) for each in broken.errors)
    return (_field_error(reason, path),)


def _field_error(reason: str, path: str) -> FieldError:
    if match := _MISSING.match(reason):
        return FieldError(_join(path, match["field"]), "required")
    if match := _UNKNOWN.match(reason):
        return FieldError(_join(path, match["field"]), "unknown_field")
    if match := _EXPECTED.match(reason):
        return FieldError(path, "wrong_type", {"expected": match["expected"]})
    if reason.startswith("Invalid enum value"):
        return FieldError(path, "invalid_choice")
    return FieldError(path, "invalid", {"reason": reason})


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path and field else path or field
