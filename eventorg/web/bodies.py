"""Strict decoding of request bodies: values are never coerced, and no body causes a 500."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, TypeVar

import msgspec
from litestar import Request
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Receive
from litestar.utils.typing import make_non_optional_union

from eventorg.domain.errors import Invalid
from eventorg.domain.validation import field_errors
from eventorg.web.errors import Malformed, TooSlow, UnsupportedMediaType
from eventorg.web.headers import header
from eventorg.web.hooks import Check

T = TypeVar("T")

MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BYTES: Final = 256 * 1024
"""The maximum for a route that takes up to 1,000 entries, each with an ID."""
REQUEST_SECONDS = 15.0
"""The time within which a client must send its request."""

_without_none: Callable[[Any], Any] = cache(make_non_optional_union)
_NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
_CHARSETS = ("utf-8", "utf8")

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
"""JSON Merge Patch (RFC 7396): a field that is sent is changed, `null` clears it. Every PATCH route works so."""


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded directly into the type that its handler declares.

    Litestar decodes to builtins and converts with `strict=False`, which accepts `"1"` as a number.
    """

    async def body(self) -> bytes:
        """Returns the body. Raises `TooSlow` if it does not arrive in time, `Malformed` if the client disconnects."""
        length = header(self.scope, b"content-length")
        if length == "0" or (length is None and header(self.scope, b"transfer-encoding") is None):
            return b""  # a request without a body (RFC 9112, section 6.3)
        self.receive = _in_time(self.receive)
        return await super().body()

    async def json(self) -> Any:
        """Returns the body as the handler's type. Raises `UnsupportedMediaType`, `Malformed` and `Invalid`."""
        media_type, parameters = self.content_type
        taken = accepted(str(self.method))
        if media_type not in ("", *taken) or parameters.get("charset", "utf-8").lower() not in _CHARSETS:
            raise UnsupportedMediaType(_acceptable(taken))
        coding = header(self.scope, b"content-encoding") or ""
        if coding.strip().lower() not in ("", "identity"):
            raise UnsupportedMediaType(_acceptable(taken) | {"Accept-Encoding": "identity"})
        data = self.route_handler.parsed_data_field
        if data is None:
            raise ImproperlyConfiguredException("the handler declares no body")
        may_be_left_out = data.has_default and data.is_optional  # a body that is sent is not null
        return decode(await self.body(), _without_none(data.annotation) if may_be_left_out else data.annotation)


def accepted(method: str) -> tuple[str, ...]:
    """Returns the media types of the bodies that a method takes."""
    return (JSON, MERGE_PATCH) if method == "PATCH" else (JSON,)


def _acceptable(taken: tuple[str, ...]) -> dict[str, str]:
    """Returns the headers that name the accepted media types (RFC 9110, section 15.5.16, and RFC 5789, section 2.2)."""
    named = ", ".join(taken)
    return {"Accept": named, "Accept-Patch": named} if MERGE_PATCH in taken else {"Accept": named}


def body_check(handler: HTTPRouteHandler) -> Check | None:
    """Returns a check that reads and ignores the body, for a handler that changes something but declares no body.

    A body that is too large is refused on these routes too.
    """
    return _read_body if handler.http_methods & _CHANGING and handler.parsed_data_field is None else None


async def _read_body(request: Request[Any, Any, Any]) -> None:
    await request.body()


def _in_time(receive: Receive) -> Receive:
    """Returns a `receive` that raises `TooSlow` after the deadline.

    `eventorg.serving.protocol` handles a client that sends nothing.
    """
    deadline = time.monotonic() + REQUEST_SECONDS

    async def received() -> Message:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed()
        if message.get("more_body") and time.monotonic() >= deadline:
            raise TooSlow()
        return message  # type: ignore[return-value]

    return received  # type: ignore[return-value]


def decode(body: bytes, annotation: Any) -> Any:
    """Returns JSON bytes as a value of the type. Raises `Malformed` and `Invalid`."""
    try:
        return _decoder(annotation).decode(body)
    except msgspec.ValidationError as error:
        refusal = Invalid(*field_errors(error))
    except _NOT_JSON:
        raise Malformed("malformed_json") from None
    try:
        msgspec.json.decode(body)  # the first decoder stops at the error and may miss malformed JSON after it
    except msgspec.ValidationError:
        raise refusal from None  # a number that is valid JSON but out of range
    except _NOT_JSON:
        raise Malformed("malformed_json") from None
    raise refusal


def parse(kind: type[T], **parameters: str | Mapping[str, str] | None) -> T:
    """Returns query parameters as a struct, strictly, leaving out those that are None. Raises `Invalid`."""
    try:
        return msgspec.convert({name: value for name, value in parameters.items() if value is not None}, kind)
    except msgspec.ValidationError as error:
        raise Invalid(*field_errors(error)) from None


@cache
def _decoder(annotation: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(annotation)
