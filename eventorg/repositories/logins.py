"""Logins: the check of an email address and password, and the end of one login or of all logins of a user."""

from datetime import UTC, datetime, timedelta
from types import NoneType
from typing import Final

from msgspec import Struct

from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound, Unauthenticated
from eventorg.domain.exports import EndedLogin
from eventorg.domain.idempotency import Once, is_replay
from eventorg.domain.normal_forms import email_key, fold
from eventorg.domain.users import Login
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.security.passwords import Passwords
from eventorg.security.tokens import Tokens
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction, TransactionFunction

_MARGIN: Final = timedelta(days=1)
"""A clock that was wrong and is set back by less revives no login."""
_MAX_SWEEP: Final = 1_000


class Credentials(Struct, frozen=True):
    """The data that a login is checked against."""

    id: str
    password_hash: str | None
    token_version: int


class LoginRepository:
    """Checks and ends logins. One is ended by the ID of its token, which is a row until the token has expired, and all
    of a user by the version of the user's tokens."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        clock: Clock,
        tokens: Tokens,
        idempotency: IdempotencyRepository,
        passwords: Passwords,
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._tokens = tokens
        self._idempotency = idempotency
        self._passwords = passwords

    async def verify(self, login: Login) -> Credentials:
        """Returns the credentials of the user with this email address and password.

        Raises `Unauthenticated`, the same after the same work for an unknown email address, an account without a
        password, and a wrong password. A hash with weaker parameters than today's is replaced.
        """
        keys = {"key": email_key(login.email), "old_key": fold(login.email)}
        row = await self._database.read(lambda tx: tx.one(self._sql.get_credentials_by_email, **keys))
        known = Credentials(**row) if row else None
        if not await self._passwords.verify(login.password, known.password_hash if known else None) or not known:
            raise Unauthenticated("invalid_credentials")
        old = known.password_hash
        if old is not None and self._passwords.is_outdated(old):
            new = await self._passwords.hash(login.password)
            await self._database.write(
                lambda tx: tx.run(self._sql.replace_hash, user_id=known.id, old_hash=old, new_hash=new)
            )
        return known

    async def get_token_version(self, user_id: str) -> int:
        """Returns the version that a new token carries. Raises `NotFound`."""
        row = await self._database.read(lambda tx: tx.one(self._sql.get_token_version, user_id=user_id))
        if row is None:
            raise NotFound("user_not_found")
        return int(row["token_version"])

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
