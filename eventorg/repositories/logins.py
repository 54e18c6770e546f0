"""Logins that users end: one by the ID of its token, or all of a user by the version of its tokens."""

from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Final

from eventorg.domain.callers import Caller
from eventorg.domain.exports import EndedLogin
from eventorg.domain.idempotency import Once, is_replay
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.security.tokens import Tokens
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction, TransactionFunction

_MARGIN: Final = timedelta(days=1)
"""A clock that was wrong and is set back by less revives no login."""
_MAX_SWEEP: Final = 1_000


class LoginRepository:
    """Ends logins. An ended one is a row until its token has expired."""

    def __init__(
        self, database: Database, sql: Statements, clock: Clock, tokens: Tokens, idempotency: IdempotencyRepository
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._tokens = tokens
        self._idempotency = idempotency

    async def end(self, token: str, caller: Caller, once: Once | None = None) -> None:
        """Ends the login of a token of the caller. Raises `Unauthenticated` if the token is not valid."""
        claims = self._tokens.verify(token)
        expires_at = rfc3339(datetime.fromtimestamp(claims.expires, UTC))

        def work(tx: Transaction) -> None:
            tx.run(self._sql.end_login, token_id=claims.token_id, user_id=caller.user_id, expires_at=expires_at)

        await self._write(work, caller, once)

    async def end_all(self, caller: Caller, once: Once | None = None) -> None:
        """Ends all logins of the caller."""

        def work(tx: Transaction) -> None:
            tx.run(self._sql.end_all_logins, user_id=caller.user_id)

        await self._write(work, caller, once)

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[EndedLogin]:
        """Returns the logins that a user has ended and whose tokens are still remembered."""
        return [EndedLogin(**row) for row in tx.all(self._sql.list_ended_logins_of, user_id=user_id)]

    async def forget(self) -> None:
        """Deletes the rows of tokens that have expired, a limited number in each transaction."""
        before = rfc3339(self._clock() - _MARGIN)

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_ended_logins, before=before, limit=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass

    async def _write(self, work: TransactionFunction[None], caller: Caller, once: Once | None) -> None:
        """Runs a transaction function, also for a replay: its first request may have ended another login."""
        await self._idempotency.write(caller, NoneType, work, None if is_replay(once) else once, None)
