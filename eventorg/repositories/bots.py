"""Bots: who may act for users, by tokens that are shown once and kept as a hash."""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from msgspec import Struct

from eventorg.database import Database
from eventorg.domain.callers import Caller, Scope
from eventorg.domain.errors import Conflict, Forbidden, NotFound, Unauthenticated
from eventorg.domain.values import Clock, Instant, rfc3339
from eventorg.statements import Statements
from eventorg.transactions import Transaction

TOKEN_PREFIX: Final = "evb_"  # noqa: S105 (what tells a bot's token from a user's)
_TOUCHED_EVERY = timedelta(minutes=1)


class Bot(Struct, kw_only=True, frozen=True):
    """A bot's token as the operator sees it; times are null for what has not happened."""

    name: str
    scopes: str
    created_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None


class BotRepository:
    """The bots and their tokens."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock

    async def create(self, name: str, scopes: list[Scope]) -> str:
        """A new token of 256 random bits, which cannot be read again. Raises `Conflict` (`bot_name_taken`)."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)

        def work(tx: Transaction) -> None:
            made = tx.one(
                self._sql.create_bot,
                name=name,
                token_sha256=_hash(token),
                scopes=" ".join(sorted(set(scopes))),
                now=tx.now,
            )
            if made is None:
                raise Conflict("bot_name_taken")

        await self._database.write(work)
        return token

    async def find(self) -> list[Bot]:
        """All bots by name, the revoked ones too."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_bots))
        return [Bot(**row) for row in rows]

    async def revoke(self, name: str) -> None:
        """Ends a token: the very next request with it is refused. Raises `NotFound`."""
        if not await self._database.write(lambda tx: tx.run(self._sql.revoke_bot, name=name, now=tx.now)):
            raise NotFound("bot_not_found")

    async def identify(self, token: str, act_as: str | None) -> Caller:
        """The bot a token belongs to, acting for a user (`<id>` or `telegram:<id>`) if it says so.

        Raises `Unauthenticated` for a token that is unknown or revoked, `Forbidden` if it may not act for users, and
        `NotFound` for an unknown user.
        """
        caller, last_used = await self._database.look_up(self._identify, token, act_as)
        if last_used is None or last_used <= rfc3339(self._clock() - _TOUCHED_EVERY):
            await self._database.write(lambda tx: tx.run(self._sql.touch_bot, name=caller.bot, now=tx.now))
        return caller

    def _identify(self, tx: Transaction, token: str, act_as: str | None) -> tuple[Caller, Instant | None]:
        row = tx.one(self._sql.get_bot_by_token, token_sha256=_hash(token))
        if row is None:
            raise Unauthenticated("token_revoked")
        scopes = frozenset(row["scopes"].split())
        if act_as is not None and "act" not in scopes:
            raise Forbidden("scope_missing")
        user_id = "" if act_as is None else self._user_id(tx, act_as)
        return Caller(user_id=user_id, bot=row["name"], scopes=scopes), row["last_used_at"]

    def _user_id(self, tx: Transaction, act_as: str) -> str:
        scheme, _, telegram_id = act_as.partition(":")
        if scheme == "telegram" and telegram_id.isascii() and telegram_id.isdecimal() and len(telegram_id) < 19:
            row = tx.one(self._sql.get_identity, telegram_id=int(telegram_id))
            user_id = row["user_id"] if row else None
        else:
            row = tx.one(self._sql.get_token_version, user_id=act_as)
            user_id = act_as if row else None
        if user_id is None:
            raise NotFound("user_not_found")
        return str(user_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
