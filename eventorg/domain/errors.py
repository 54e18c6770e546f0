"""The errors of the domain: exceptions with a stable, machine-readable code.

The domain says what is wrong. Only `eventorg.web.problems` knows the HTTP status, and only `eventorg.locales` knows
the words.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One broken rule of one field.

    `field` is a dotted path; "" is the whole input. `values` fill the text of the code in `eventorg.locales`. For a
    code that a plugin defines, they are the text itself, by language.
    """

    field: str
    code: str
    values: Mapping[str, str | int] = {}


class DomainError(Exception):
    """An error that a client can act on.

    `code` names it. `words` are its text by language (`ru`, `en`), for a code that a plugin defines.
    """

    default_code: ClassVar[str]

    values: Mapping[str, str] = {}
    """The values that the text of the code mentions."""
    members: Mapping[str, Any] = {}
    """The extension members of the problem document, such as `opens_at` (RFC 9457, section 3.2)."""

    def __init__(self, code: str | None = None, **words: str) -> None:
        self.code = code or self.default_code
        self.words = words
        super().__init__(self.code)


class Unauthenticated(DomainError):
    """The caller is unknown: the token is missing, malformed, expired, or revoked."""

    default_code = "unauthenticated"


class Forbidden(DomainError):
    """The caller may see the resource, but not do this with it."""

    default_code = "forbidden"


class ScopeMissing(Forbidden):
    """The bot's token lacks a scope."""

    default_code = "scope_missing"

    def __init__(self, *, scope: str) -> None:
        super().__init__()
        self.values = {"scope": scope}


class NotFound(DomainError):
    """The resource does not exist, or the caller may not see it."""

    default_code = "not_found"


class Conflict(DomainError):
    """The current state does not allow this; the code says why."""

    default_code = "conflict"


class RegistrationNotOpen(Conflict):
    """People cannot register yet."""

    default_code = "registration_not_open"

    def __init__(self, opens_at: str) -> None:
        super().__init__()
        self.values = self.members = {"opens_at": opens_at}


class RegistrationClosed(Conflict):
    """People can no longer register."""

    default_code = "registration_closed"

    def __init__(self, closes_at: str) -> None:
        super().__init__()
        self.values = self.members = {"closes_at": closes_at}


class VersionMismatch(DomainError):
    """The resource has changed since the version that the caller expects."""

    default_code = "version_mismatch"


class Invalid(DomainError, ValueError):
    """The input breaks rules; `errors` lists every broken rule that was found.

    It is a `ValueError`, so that msgspec adds the place in the body where it was raised.
    """

    default_code = "validation_failed"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class KeyReused(Invalid):
    """The idempotency key was used before with a different request."""

    default_code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(FieldError("Idempotency-Key", "idempotency_key_reused"))


class WrongPassword(Invalid):
    """The current password, which a new one requires, is wrong."""

    def __init__(self) -> None:
        super().__init__(FieldError("current_password", "wrong_password"))


class Gone(DomainError):
    """The resource existed, but is no longer kept."""

    default_code = "cursor_expired"


class TooMany(DomainError):
    """The caller asks too often; `retry_after` is in whole seconds."""

    default_code = "too_many_requests"

    def __init__(self, code: str | None = None, *, retry_after: int, **words: str) -> None:
        super().__init__(code, **words)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """The request cannot be served now and changed nothing; retry it after `retry_after` seconds."""

    default_code = "unavailable"

    def __init__(self, code: str | None = None, *, retry_after: int = 1) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class StorageFull(DomainError):
    """The disk is full: reads still work, and writes work again when there is space."""

    default_code = "storage_full"
