"""Requests that are done once however often they are sent: what came of each is kept for a day.

What a request made is kept in the very transaction that made it; asked again, the answer is made of that.
"""

import sqlite3
from datetime import timedelta
from typing import TypeVar

import msgspec
from msgspec import Struct

from eventorg.domain.callers import Caller, RequestKey
from eventorg.domain.errors import KeyReused, NotFound, Unauthenticated
from eventorg.domain.exports import KeptRequest
from eventorg.domain.users import User
from eventorg.domain.values import Clock, rfc3339
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction, TransactionFunction

T = TypeVar("T")

KEPT = timedelta(hours=24)
_MAX_SWEEP = 1_000


class Outcome(Struct, frozen=True):
    """What came of a request: the result of its transaction, or the problem document it was refused with."""

    fingerprint: str
    result: str | None
    refusal: str | None


class OutcomeRepository:
    """What came of requests with an `Idempotency-Key`."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock

    async def write(self, caller: Caller, kind: type[T], work: TransactionFunction[T]) -> T:
        """The result of a work that changes things, done once for each request key of the caller; `kind` is the
        type of the result, which must survive JSON. Errors are those of the work and of `Database.write`; besides,
        `Unauthenticated` or, for a bot that acts for it, `NotFound` if the user went after the request had come."""
        key = caller.request_key
        if key is None:
            return await self._write(caller, work)
        if key.result is not None:
            return msgspec.json.decode(key.result, type=kind)

        def once(tx: Transaction) -> T:
            result = work(tx)
            about = result.id if isinstance(result, User) else caller.user_id
            self._keep(tx, key, about, result=msgspec.json.encode(result).decode())
            return result

        return await self._write(caller, once)

    async def find(self, key: RequestKey) -> Outcome | None:
        """What came of a request, if it has been done within the last day. Raises `KeyReused` if the key was
        another request's."""
        since = rfc3339(self._clock() - KEPT)
        outcome = await self._database.look_up(self._find, key.caller, key.key, since)
        if outcome is not None and outcome.fingerprint != key.fingerprint:
            raise KeyReused()
        return outcome

    async def keep_refusal(self, key: RequestKey, user_id: str, refusal: str) -> None:
        """Keeps the problem document of a request that changed nothing."""
        await self._database.write(lambda tx: self._keep(tx, key, user_id, refusal=refusal))

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[KeptRequest]:
        """What is kept of the requests of a user, and of those that made it, in the order they came."""
        return [KeptRequest(**row) for row in tx.all(self._sql.list_outcomes_of, user_id=user_id)]

    async def forget(self) -> None:
        """Removes what is older than a day, a little at a time."""
        before = rfc3339(self._clock() - KEPT)
        while (
            await self._database.write(lambda tx: tx.run(self._sql.forget_outcomes, before=before, most=_MAX_SWEEP))
            == _MAX_SWEEP
        ):
            pass

    def _find(self, tx: Transaction, caller: str, key: str, since: str) -> Outcome | None:
        row = tx.one(self._sql.get_outcome, caller=caller, key=key, since=since)
        return Outcome(**row) if row else None

    async def _write(self, caller: Caller, work: TransactionFunction[T]) -> T:
        """What `Database.write` does; that the user is still there is left to the constraints that refer to it."""
        try:
            return await self._database.write(work)
        except sqlite3.IntegrityError:
            row = await self._database.read(lambda tx: tx.one(self._sql.get_token_version, user_id=caller.user_id))
            if row or not caller.user_id:
                raise
            raise NotFound("user_not_found") if caller.bot else Unauthenticated("token_revoked") from None

    def _keep(
        self, tx: Transaction, key: RequestKey, user_id: str, result: str | None = None, refusal: str | None = None
    ) -> None:
        tx.run(
            self._sql.keep_outcome,
            caller=key.caller,
            key=key.key,
            fingerprint=key.fingerprint,
            user_id=user_id or None,
            result=result,
            refusal=refusal,
            now=tx.now,
        )
