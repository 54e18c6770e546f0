"""Short responses: a message, or the location of a new resource."""

from typing import Annotated, Any

from litestar import Request
from litestar.datastructures import ResponseHeader
from msgspec import Meta, Struct

from eventorg.locales import text
from eventorg.web.headers import language_for

LOCATION = [ResponseHeader(name="Location", description="The URL of the resource.", documentation_only=True)]


class Done(Struct, frozen=True):
    """A confirmation in the client's language."""

    message: Annotated[str, Meta(description="Text for people.", examples=["Event deleted"])]


def done(request: Request[Any, Any, Any], code: str) -> Done:
    """Returns the message of a code in the language that best matches `Accept-Language`."""
    return Done(text(language_for(request.scope), "messages", code))
