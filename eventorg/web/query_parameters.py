"""Strict query parameters: a whole number is digits, and a repeated parameter is refused.

Litestar reads `limit=1e1` and `limit=10.0` as numbers, `null` as an omitted parameter and `nan` as a number within all
limits. Of a repeated parameter it uses the last value.
"""

import re
from types import NoneType
from typing import Any, Final

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from eventorg.domain.errors import FieldError, Invalid
from eventorg.web.hooks import Check

_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_NO_TEXT: Final = re.compile(r"(?!(?:null|nan)$).*", re.IGNORECASE | re.DOTALL)
_TEXT: Final = re.compile(r".*", re.DOTALL)


def query_check(handler: HTTPRouteHandler) -> Check | None:
    """Returns a check of the handler's query parameters as they are sent, or None if it declares none."""
    patterns = _patterns(handler)
    return _checking(patterns) if patterns else None


def _patterns(handler: HTTPRouteHandler) -> dict[str, re.Pattern[str]]:
    """Returns the allowed spelling of each parameter that is not a list."""
    found = {}
    for name, field in handler.parsed_fn_signature.parameters.items():
        kwarg = field.kwarg_definition
        if isinstance(kwarg, QueryParameter) and not field.is_non_string_collection:
            found[kwarg.name or name] = _pattern(field)
    return found


def _pattern(field: FieldDefinition) -> re.Pattern[str]:
    kinds = {arm.annotation for arm in field.inner_types} if field.is_union else {field.annotation}
    if str in kinds:
        return _TEXT
    return _WHOLE if kinds - {NoneType} == {int} else _NO_TEXT


def _checking(patterns: dict[str, re.Pattern[str]]) -> Check:
    async def check(request: Request[Any, Any, Any]) -> None:
        """Raises `Invalid`."""
        if request.scope["query_string"]:
            given = request.query_params
            faults = [_fault(name, pattern, given.getall(name, [])) for name, pattern in patterns.items()]
            if broken := [fault for fault in faults if fault is not None]:
                raise Invalid(*broken)

    return check


def _fault(name: str, pattern: re.Pattern[str], values: list[str]) -> FieldError | None:
    if len(values) > 1:
        return FieldError(name, "repeated")
    return FieldError(name, "invalid") if values and not pattern.fullmatch(values[0]) else None
