"""Mails with a one-time code: to reset a password, and to verify an address."""

import hashlib
import secrets
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta, Struct

from eventorg.domain.normal_forms import email_key
from eventorg.domain.values import BASE58, Email, Input, Password, identifier, instant, text

CODE_LENGTH: Final = 22
"""58^22 codes have 128 bits: nobody guesses one, and a plain hash of it reveals nothing."""
CODE_LIFE: Final = timedelta(hours=1)
WINDOW: Final = timedelta(hours=1)
MAX_MAILS: Final = 5
"""The largest number of mails of one purpose to one address within `WINDOW`."""
MAX_MAILS_OF_USER: Final = 20
"""The largest number of mails that one user can have sent within `WINDOW`, to whatever addresses."""

Purpose = Literal["reset", "verification"]
MailState = Literal["waiting", "leased", "retry", "sent", "failed", "void"]
Code = Annotated[str, text(1, 64, example="7Hq2mWxKpA4vTz9RbNfY3c", description="The code from the mail.")]
_PURPOSE: Final = Meta(description="`reset`: of the password. `verification`: of the address.", examples=["reset"])


class NewPasswordReset(Input):
    """The address of the account whose password is forgotten."""

    email: Email


class PasswordReset(Input):
    """The code from the mail, and the new password."""

    example: ClassVar[dict[str, Any] | None] = {"code": "7Hq2mWxKpA4vTz9RbNfY3c", "password": "correct horse"}

    code: Code
    password: Password


class EmailConfirmation(Input):
    """The code from the mail."""

    code: Code


class AccountMail(Struct, frozen=True, kw_only=True):
    """A mail to send, with its code, which is stored nowhere."""

    id: str
    purpose: Purpose
    email: str
    locale: str
    code: str
    attempts: int


class KeptAccountMail(Struct, frozen=True, kw_only=True):
    """A stored mail with a code, in the export of its user."""

    id: Annotated[str, identifier("The mail's id.", "7d1e5b0a-2c84-4f6b-9a3e-5c0f8e2b6d41")]
    purpose: Annotated[Purpose, _PURPOSE]
    created_at: Annotated[str, instant("The time when it was asked for, in UTC.")]
    state: Annotated[
        MailState,
        Meta(
            description="`waiting`, `leased` and `retry` can be sent. `void` is obsolete. The others are results.",
            examples=["sent"],
        ),
    ]
    ready_at: Annotated[str, instant("The time of the next attempt, or of the result, in UTC.")]
    attempts: Annotated[int, Meta(description="The number of attempts.", examples=[1])]


class KeptAccountCode(Struct, frozen=True, kw_only=True):
    """A code that was sent and not used, in the export of its user. Only a hash of it is stored."""

    purpose: Annotated[Purpose, _PURPOSE]
    created_at: Annotated[str, instant("The time when it was sent, in UTC.")]
    expires_at: Annotated[str, instant("The time when it expires, in UTC.")]


def make_code() -> str:
    """Returns a new code."""
    return "".join(secrets.choice(BASE58) for _ in range(CODE_LENGTH))


def hash_code(code: str) -> str:
    """Returns the SHA-256 of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


def hash_address(email: str) -> str:
    """Returns the SHA-256 of the key of an address, by which the mails to it are counted."""
    return hashlib.sha256(email_key(email).encode()).hexdigest()
