"""Bots and their tokens. A token is shown once and stored as a hash."""

import secrets
from collections.abc import Sequence

from msgspec import Struct

from eventorg.domain.callers import BotScope
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.normal_forms import name_key
from eventorg.domain.values import Instant
from eventorg.repositories.callers import TOKEN_PREFIX
from eventorg.security.tokens import hash_token
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Bot(Struct, kw_only=True, frozen=True):
    """A bot's token as the operator sees it; a time is null if the event has not happened."""

    name: str
    scopes: str
    created_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None


class BotRepository:
    """Creates, lists and revokes bot tokens."""

    def __init__(self, database: Database, sql: Statements) -> None:
        self._database = database
        self._sql = sql

    async def create(self, name: str, scopes: list[BotScope]) -> str:
        """Returns a new token of 256 random bits for a `BotName`. It cannot be read again. Raises `Conflict`
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

    async def renew(self, name: str, scopes: Sequence[BotScope]) -> str:
        """Returns a new token for the bot of a plugin, with exactly these scopes. A token that it had before ends, also
        a revoked one."""
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "token_sha256": hash_token(token), "scopes": " ".join(sorted(set(scopes)))}
        await self._database.write(lambda tx: tx.run(self._sql.renew_bot, **row, now=tx.now))
        return token

    async def find(self) -> list[Bot]:
        """Returns all bots by name, including revoked ones."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_bots))
        return [Bot(**row) for row in rows]

    async def revoke(self, name: str) -> None:
        """Revokes the active token of this name, regardless of case: the next request with it is refused. Raises
        `NotFound`."""

        def work(tx: Transaction) -> None:
            found = self._find_named(tx, name)
            if found is None:
                raise NotFound("bot_not_found")
            tx.run(self._sql.revoke_bot, name=found, now=tx.now)

        await self._database.write(work)

    def _find_named(self, tx: Transaction, name: str) -> str | None:
        """Returns the name of an active bot as it is stored, or None. An exact match wins over another case, which an
        older version could have created. There are few bots, so all are read."""
        names = [str(row["name"]) for row in tx.all(self._sql.list_bots) if row["revoked_at"] is None]
        return next((found for found in sorted(names, key=name.__ne__) if name_key(found) == name_key(name)), None)
