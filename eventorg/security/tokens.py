"""Login tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256."""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from eventorg.domain.errors import Unauthenticated
from eventorg.domain.values import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "eventorg"
MAX_TOKEN = 4096
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti"]


_NAMES = {"user_id": "sub", "version": "ver", "expires": "exp", "issued": "iat", "token_id": "jti"}


class Claims(Struct, frozen=True, rename=_NAMES):
    """The content of a token: a user, a version, and an ID of its own.

    The token is valid only while the user still has this version, and until the user logs out with it.
    """

    user_id: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    version: int
    expires: int
    issued: int
    token_id: str


class Tokens:
    """Makes tokens and verifies them."""

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._keys: tuple[str, ...] = ()

    def use(self, keys: tuple[str, ...]) -> None:
        """Sets the secrets: the first signs, each of them can have signed an older token."""
        self._keys = keys

    def issue(self, user_id: str, version: int) -> tuple[str, datetime]:
        """Returns a new token and the time when it expires."""
        now = self._clock().replace(microsecond=0)
        expires = now + self._lifetime
        claims = {
            "sub": user_id,
            "iat": now,
            "exp": expires,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": secrets.token_urlsafe(12),
            "ver": version,
        }
        import jwt  # here: it also imports cryptography, which most commands do without

        return jwt.encode(claims, self._keys[0], ALGORITHM), expires

    def verify(self, token: str) -> Claims:
        """Returns the claims of a token. Raises `Unauthenticated` unless this server issued it and it is valid."""
        claims = self._decode(token)
        self.check_expiry(claims)
        return claims

    def check_expiry(self, claims: Claims) -> None:
        """Raises `Unauthenticated` if claims have expired."""
        if claims.expires <= self._clock().timestamp():
            raise Unauthenticated("token_expired")

    def _decode(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN or not all(map(_is_base64url, token.split("."))):
            raise Unauthenticated("token_invalid")
        import jwt

        for key in self._keys:
            try:
                claims = jwt.decode(
                    token,
                    key,
                    algorithms=[ALGORITHM],
                    issuer=ISSUER,
                    audience=AUDIENCE,
                    options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
                )
            except (jwt.InvalidTokenError, ValueError, RecursionError):
                continue
            try:
                return msgspec.convert(claims, Claims)
            except msgspec.ValidationError:
                break
        raise Unauthenticated("token_invalid")


def _is_base64url(part: str) -> bool:
    """Returns true for the only spelling that RFC 7515, section 2, allows. PyJWT also takes padding and stray bits."""
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(content).decode().rstrip("=") == part


def hash_token(token: str) -> str:
    """Returns the SHA-256 of a token. Tokens are random, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()
