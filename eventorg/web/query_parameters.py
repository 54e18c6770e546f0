"""Strict query parameters: unknown, repeated and missing ones are refused, and numbers and booleans are spelled as in
JSON.

Litestar ignores unknown parameters. It reads `limit=1e1` and `limit=10.0` as numbers, `block=1` as true, `null` as an
omitted parameter and `nan` as a number within all limits. Of a repeated parameter it uses the last value, and it does
not name a missing one.
"""

import re
from collections.abc import Awaitable, Mapping
from types import NoneType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from litestar.typing import FieldDefinition

from eventorg.domain.errors import FieldError, Invalid

ANY_QUERY: Final = {"any_query": True}
"""The `opt` of a route that ignores unknown query parameters."""

MAX_FAULTS: Final = 20
MAX_NAME: Final = 100
_WHOLE: Final = re.compile(r"-?\d+", re.ASCII)
_BOOLEAN: Final = re.compile(r"true|false")
_NO_TEXT: Final = re.compile(r"(?!(?:null|nan)$).*", re.IGNORECASE | re.DOTALL)
_TEXT: Final = re.compile(r".*", re.DOTALL)


def query_prefixes(*prefixes: str) -> dict[str, Any]:
    """Returns the `opt` of a route that also takes any query parameter whose name begins with one of the prefixes."""
    return {"query_prefixes": prefixes}


class QueryParameters:
    """Middleware that checks the query string of a request."""

    def __init__(self) -> None:
        self._known: dict[BaseRouteHandler, dict[str, re.Pattern[str] | None]] = {}
        self._required: dict[BaseRouteHandler, set[str]] = {}

    def receive_route(self, route: HTTPRoute) -> None:
        """Notes the spelling that each parameter of the route's handlers allows; None for a list of values."""
        for handler, model in route.route_handler_map.values():
            known, fields = self._known.setdefault(handler, {}), handler.parsed_fn_signature.parameters
            for parameter in model.expected_query_params:
                if parameter.is_required:
                    self._required.setdefault(handler, set()).add(parameter.field_alias)
                field = fields.get(parameter.field_name)  # None for a parameter of a dependency
                known[parameter.field_alias] = None if parameter.is_sequence else _pattern(field) if field else _TEXT

    def __call__(self, app: ASGIApp) -> ASGIApp:
        """Returns the application with this middleware in front of it."""

        def checked(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            has_query = scope["query_string"] or scope["route_handler"] in self._required
            if has_query and scope.get("method") != "OPTIONS":
                self._check(scope)  # type: ignore[arg-type]
            return app(scope, receive, send)

        return checked

    def _check(self, scope: HTTPScope) -> None:
        """Raises `Invalid` with up to `MAX_FAULTS` broken rules, first those that were sent."""
        handler = scope["route_handler"]
        known, opt = self._known.get(handler, {}), handler.opt
        broken, sent = [], _read(scope["query_string"])
        for name, values in sent.items():
            fault = _fault(name, values, known, opt)
            if fault is not None:
                broken.append(fault)
            if len(broken) == MAX_FAULTS:
                break
        broken += [FieldError(name, "required") for name in sorted(self._required.get(handler, ()) - sent.keys())]
        if broken:
            raise Invalid(*broken)


def _pattern(field: FieldDefinition) -> re.Pattern[str]:
    kinds = {arm.annotation for arm in field.inner_types} if field.is_union else {field.annotation}
    if str in kinds:
        return _TEXT
    kinds -= {NoneType}
    if kinds == {bool}:
        return _BOOLEAN
    return _WHOLE if kinds == {int} else _NO_TEXT


def _read(query: bytes) -> dict[str, list[str]]:
    """Returns the values of each name. Bytes that are not UTF-8 become lone surrogates (PEP 383)."""
    sent: dict[str, list[str]] = {}
    for pair in query.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            sent.setdefault(_decoded(name), []).append(_decoded(value))
    return sent


def _decoded(part: bytes) -> str:
    return unquote_to_bytes(part.replace(b"+", b" ")).decode("utf-8", "surrogateescape")


def _fault(
    name: str, values: list[str], known: Mapping[str, re.Pattern[str] | None], opt: Mapping[str, Any]
) -> FieldError | None:
    """Returns the rule that a parameter breaks, or None."""
    is_open = name.startswith(opt.get("query_prefixes", ()))
    if name not in known and not is_open:
        return None if opt.get("any_query") else FieldError(_shown(name), "unknown_parameter")
    if not all(_is_text(part) for part in (name, *values)):
        return FieldError(_shown(name), "not_utf8")
    pattern = _TEXT if is_open else known[name]
    if pattern is None:
        return None
    if len(values) > 1:
        return FieldError(_shown(name), "repeated")
    return None if pattern.fullmatch(values[0]) else FieldError(_shown(name), "invalid")


def _is_text(part: str) -> bool:
    return part.isascii() or not any("\ud800" <= character <= "\udfff" for character in part)


def _shown(name: str) -> str:
    """Returns a name as the response shows it: not too long, and as text."""
    return name[:MAX_NAME].encode(errors="surrogateescape").decode(errors="replace")
