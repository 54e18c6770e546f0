"""Stores the results of requests with an `Idempotency-Key` for a day, in the same transaction as the change."""

import sqlite3
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Final, TypeVar

import msgspec

from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound, Unauthenticated
from eventorg.domain.exports import IdempotentRequest
from eventorg.domain.idempotency import IdempotencyRecord, Once
from eventorg.domain.users import User
from eventorg.domain.values import Clock, rfc3339
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction, TransactionFunction

T = TypeVar("T")
VisibilityCheck = Callable[[Transaction, T], object]
"""Raises the error of the use case if the caller may no longer see a stored result; what it returns is ignored."""

KEPT = timedelta(hours=24)
_MAX_SWEEP = 1_000

request_once: Final[ContextVar[Once | None]] = ContextVar("request_once", default=None)
"""The key of the current request, for plugins only: their `Context.write_once` has no argument for it."""

request_caller: Final[ContextVar[Caller | None]] = ContextVar("request_caller", default=None)
"""The caller of the current request, for plugins only: their `Context.write` has no argument for it."""


class IdempotencyRepository:
    """The records of requests with an `Idempotency-Key`."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock

    async def write(
        self,
        caller: Caller,
        kind: type[T],
        work: TransactionFunction[T],
        once: Once | None,
        may_see: VisibilityCheck[T] | None,
    ) -> T:
        """Returns the result of a transaction, run once for each key; None for `once` runs it unconditionally.

        `kind` is the type of the result, which must survive JSON. A stored result passes `may_see` before it is
        returned. Raises the errors of the work, of `may_see` and of `write_for`.
        """
        if once is None:
            return await self.write_for(caller, work)
        if once.result is not None:
            return await self._replay(msgspec.json.decode(once.result, type=kind), may_see)

        def recorded(tx: Transaction) -> T:
            result = work(tx)
            user_id = result.id if isinstance(result, User) else caller.user_id
            self._save(tx, once, user_id, result=msgspec.json.encode(result).decode())
            return result

        return await self.write_for(caller, recorded)

    async def find(self, owner: str, key: str) -> IdempotencyRecord | None:
        """Returns the record of a key, or None if the key was not used within the last day."""
        return await self._database.look_up(self._find, owner, key, rfc3339(self._clock() - KEPT))

    async def save_refusal(self, once: Once, user_id: str, refusal: str, language: str) -> None:
        """Stores the problem document that refused a request."""
        await self._database.write(lambda tx: self._save(tx, once, user_id, refusal=refusal, language=language))

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[IdempotentRequest]:
        """Returns the stored requests of a user, and the ones that created the user, in the order they came."""
        return [IdempotentRequest(**row) for row in tx.all(self._sql.list_idempotency_records_of, user_id=user_id)]

    async def forget(self) -> None:
        """Deletes records older than a day, a limited number in each transaction."""
        before = rfc3339(self._clock() - KEPT)

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.delete_idempotency_records, before=before, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass

    async def _replay(self, result: T, may_see: VisibilityCheck[T] | None) -> T:
        if may_see is not None:
            await self._database.read(lambda tx: may_see(tx, result))
        return result

    def _find(self, tx: Transaction, owner: str, key: str, since: str) -> IdempotencyRecord | None:
        row = tx.one(self._sql.get_idempotency_record, owner=owner, key=key, since=since)
        return IdempotencyRecord(**row) if row else None

    async def write_for(self, caller: Caller, work: TransactionFunction[T]) -> T:
        """Does what `Database.write` does. Foreign keys check that the user still exists.

        Raises `Unauthenticated` or, for a bot that acts for the user, `NotFound` if the user was deleted after the
        request had come.
        """
        try:
            return await self._database.write(work)
        except sqlite3.IntegrityError:
            row = await self._database.read(lambda tx: tx.one(self._sql.get_token_version, user_id=caller.user_id))
            if row or not caller.user_id:
                raise
            raise NotFound("user_not_found") if caller.bot else Unauthenticated("token_revoked") from None

    def _save(
        self,
        tx: Transaction,
        once: Once,
        user_id: str,
        result: str | None = None,
        refusal: str | None = None,
        language: str | None = None,
    ) -> None:
        tx.run(
            self._sql.save_idempotency_record,
            owner=once.owner,
            key=once.key,
            fingerprint=once.fingerprint,
            user_id=user_id or None,
            result=result,
            refusal=refusal,
            language=language,
            now=tx.now,
        )
