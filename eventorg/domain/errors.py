"""Everything that can be refused, as exceptions with a stable, machine-readable code.

The domain says what is wrong; only `eventorg.web.problems` knows which HTTP status that is and
only `eventorg.locales` which words.
"""

from typing import ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One broken rule of one field: `field` is a dotted path, "" stands for the whole body. `values` fill the text of
    the code in `eventorg.locales`; for a code of a plugin's own they are that text, by language."""

    field: str
    code: str
    values: dict[str, str | int] = {}


class DomainError(Exception):
    """A refusal a client can act upon. `code` names it; `words` say it, by language (`ru`, `en`), where the code is a
    plugin's own and not in `eventorg.locales`."""

    default_code: ClassVar[str]

    def __init__(self, code: str | None = None, **words: str) -> None:
        self.code = code or self.default_code
        self.words = words
        super().__init__(self.code)


class Malformed(DomainError):
    """The bytes sent are not what they claim to be."""

    default_code = "malformed_body"


class HeadTooLarge(DomainError):
    """The request line and the headers are longer than any that is read."""

    default_code = "head_too_large"


class TargetTooLong(DomainError):
    """The address is longer than any that is read."""

    default_code = "target_too_long"


class Unauthenticated(DomainError):
    """Nobody, or nobody any more: the token is missing, malformed, expired or revoked."""

    default_code = "unauthenticated"


class Forbidden(DomainError):
    """The caller may know of it, but it is somebody else's to do."""

    default_code = "forbidden"


class NotFound(DomainError):
    """There is no such thing, or none the caller may know of."""

    default_code = "not_found"


class Conflict(DomainError):
    """The state of things does not allow it; the code says which state."""

    default_code = "conflict"


class VersionMismatch(DomainError):
    """`If-Match` names a version that is no longer the current one."""

    default_code = "version_mismatch"


class UnsupportedMediaType(DomainError):
    """The body's media type is not the one the operation takes."""

    default_code = "unsupported_media_type"


class Invalid(DomainError, ValueError):
    """A well-formed request that breaks rules: all of them at once, as far as they can be told.

    A `ValueError`, so that msgspec says where it was raised within a body.
    """

    default_code = "validation_failed"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class KeyReused(Invalid):
    """The same `Idempotency-Key` came with another request."""

    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(FieldError("Idempotency-Key", "idempotency_key_reused"))


class WrongPassword(Invalid):
    """A new password was to be set with a current one that is not."""

    def __init__(self) -> None:
        super().__init__(FieldError("current_password", "wrong_password"))


class TooSlow(DomainError):
    """What was to be sent did not come in time."""

    default_code = "request_timeout"


class Gone(DomainError):
    """It was there, and is not kept any more."""

    default_code = "cursor_expired"


class TooMany(DomainError):
    """The caller asks too often; `retry_after` is in whole seconds."""

    default_code = "too_many_requests"

    def __init__(self, code: str | None = None, *, retry_after: int) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """It cannot be done now, nothing was changed, and trying again is right; `retry_after` in seconds."""

    default_code = "unavailable"

    def __init__(self, code: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class StorageFull(DomainError):
    """The disk is full: reads go on, writes come back once there is room."""

    default_code = "storage_full"
