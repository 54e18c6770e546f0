"""Bots: who may act for users, by tokens that are shown once and kept as a hash."""

import secrets

from msgspec import Struct

from eventorg.domain.callers import BotScope
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.normal_forms import fold
from eventorg.domain.values import Instant
from eventorg.repositories.callers import TOKEN_PREFIX
from eventorg.security.tokens import hash_token
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Bot(Struct, kw_only=True, frozen=True):
    """A bot's token as the operator sees it; times are null for what has not happened."""

    name: str
    scopes: str
    created_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None


class BotRepository:
    """The bots and their tokens."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    async def create(self, name: str, scopes: list[BotScope]) -> str:
        """A new token of 256 random bits, which cannot be read again, for a `BotName`. Raises `Conflict`
        (`bot_name_taken`)."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)

        def work(tx: Transaction) -> None:
            if self._find_named(tx, name) is not None:
                raise Conflict("bot_name_taken")
            tx.run(
                self._sql.create_bot,
                name=name,
                token_sha256=hash_token(token),
                scopes=" ".join(sorted(set(scopes))),
                now=tx.now,
            )

        await self._database.write(work)
        return token

    async def find(self) -> list[Bot]:
        """All bots by name, the revoked ones too."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_bots))
        return [Bot(**row) for row in rows]

    async def revoke(self, name: str) -> None:
        """Ends the token in force of this name, whatever its case: the very next request with it is refused. Raises
        `NotFound`."""

        def work(tx: Transaction) -> None:
            found = self._find_named(tx, name)
            if found is None:
                raise NotFound("bot_not_found")
            tx.run(self._sql.revoke_bot, name=found, now=tx.now)

        await self._database.write(work)

    def _find_named(self, tx: Transaction, name: str) -> str | None:
        """How the name of the bot with a token in force is spelled: as it is given, before any other case, which an
        older version may have made beside it. There are few bots, so all are looked at."""
        names = [str(row["name"]) for row in tx.all(self._sql.list_bots) if row["revoked_at"] is None]
        return next((found for found in sorted(names, key=name.__ne__) if fold(found) == fold(name)), None)
