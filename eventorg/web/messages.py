"""Short answers: in words, or where to look."""

from typing import Any

from litestar import Request
from litestar.datastructures import ResponseHeader
from msgspec import Struct

from eventorg.locales import text
from eventorg.web.headers import language_for

LOCATION = [ResponseHeader(name="Location", description="Where it is.", documentation_only=True)]


class Done(Struct, frozen=True):
    """Says that it is done, in the client's language."""

    message: str


def done(request: Request[Any, Any, Any], code: str) -> Done:
    """The message of a code, as `Accept-Language` asks."""
    return Done(text(language_for(request.scope), "messages", code))
