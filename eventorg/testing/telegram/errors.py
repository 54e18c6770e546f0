"""The errors of the Bot API, with Telegram's words."""

import math
from typing import Any

Json = dict[str, Any]
"""A JSON object of the Bot API."""


class ApiError(Exception):
    """An answer with `ok: false`. `parameters` are those of `ResponseParameters`, such as `retry_after`."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def json(self) -> Json:
        """Returns the body of the response."""
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


class Lost(Exception):
    """The connection breaks, so that the bot gets no answer."""


def bad(description: str, **parameters: int) -> ApiError:
    """Returns an error with status 400."""
    return ApiError(400, f"Bad Request: {description}", **parameters)


def forbidden(description: str) -> ApiError:
    """Returns an error with status 403."""
    return ApiError(403, f"Forbidden: {description}")


def too_many(seconds: float) -> ApiError:
    """Returns an error with status 429 that asks to wait this long, rounded up to seconds."""
    wait = max(1, math.ceil(seconds))
    return ApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
