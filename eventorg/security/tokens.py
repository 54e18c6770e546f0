"""Login tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA-256."""

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Annotated

import jwt
import msgspec
from msgspec import Meta, Struct

from eventorg.domain.errors import Unauthenticated
from eventorg.domain.values import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "eventorg"
MAX_TOKEN = 4096
CACHED_TOKENS = 10_000
_REQUIRED = ["exp", "iat", "sub", "iss", "aud", "jti"]


class Claims(Struct, frozen=True, rename={"user_id": "sub", "version": "ver", "expires": "exp", "issued": "iat"}):
    """Who a token says one is; `version` must still be the user's when it is used."""

    user_id: Annotated[str, Meta(pattern="^[0-9a-f-]{36}$")]
    version: int
    expires: int
    issued: int


class Tokens:
    """Makes tokens and verifies them. Verified ones are remembered (at most `CACHED_TOKENS`, least recently
    used out first), so that the signature is computed once; expiry is looked at each time."""

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._keys: tuple[str, ...] = ()
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def use(self, keys: tuple[str, ...]) -> None:
        """Sets the secrets: the first signs, any of them verifies."""
        self._keys = keys

    def issue(self, user_id: str, version: int) -> tuple[str, datetime]:
        """A new token, and when it expires."""
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
        return jwt.encode(claims, self._keys[0], ALGORITHM), expires

    def verify(self, token: str) -> Claims:
        """What a token says. Raises `Unauthenticated` unless it is one of ours and has not expired."""
        claims = self._verified.get(token)
        if claims is None:
            claims = self._decode(token)
            self._verified[token] = claims
            if len(self._verified) > CACHED_TOKENS:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        if claims.expires <= self._clock().timestamp():
            del self._verified[token]
            raise Unauthenticated("token_expired")
        return claims

    def _decode(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN or not token.isascii():
            raise Unauthenticated("token_invalid")
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
