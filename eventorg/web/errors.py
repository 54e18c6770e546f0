"""Errors of the HTTP request itself. The domain never sees such a request."""

from eventorg.domain.errors import DomainError


class Malformed(DomainError):
    """The request or its body cannot be read as what it claims to be."""

    default_code = "malformed_body"


class TooSlow(DomainError):
    """The request did not arrive in time."""

    default_code = "request_timeout"


class TargetTooLong(DomainError):
    """The request target is longer than the server reads."""

    default_code = "target_too_long"


class UnsupportedMediaType(DomainError):
    """The body's media type or coding is not one that the operation takes; `headers` say which it takes."""

    default_code = "unsupported_media_type"

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self.headers = headers


class HeadTooLarge(DomainError):
    """The request line and the headers are longer than the server reads."""

    default_code = "head_too_large"
