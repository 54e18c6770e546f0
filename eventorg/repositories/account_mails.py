"""Password resets and the verification of addresses: the mails, their one-time codes, and the use of a code."""

from datetime import datetime, timedelta
from sqlite3 import Row
from types import NoneType
from typing import Final
from uuid import uuid4

from eventorg.domain.account_mails import (
    CODE_LIFE,
    MAX_MAILS,
    MAX_MAILS_OF_USER,
    WINDOW,
    AccountMail,
    KeptAccountCode,
    KeptAccountMail,
    Purpose,
    hash_address,
    hash_code,
    make_code,
)
from eventorg.domain.callers import Caller
from eventorg.domain.deliveries import pause_after
from eventorg.domain.errors import Conflict, NotFound, TooMany
from eventorg.domain.idempotency import Once
from eventorg.domain.normal_forms import email_key, fold
from eventorg.domain.values import Clock, rfc3339
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.users import UserRepository
from eventorg.security.passwords import Passwords
from eventorg.storage.database import Database
from eventorg.storage.statements import Statement, Statements
from eventorg.storage.transactions import Transaction

_MAX_VOID: Final = 100
"""The number of mails that one look for the next one can find obsolete."""
_MAX_SWEEP: Final = 500


class AccountMailRepository:
    """Queues the mails, hands them to the mail sender, and takes their codes.

    A mail gets its code when it is about to be sent. The file has only hashes of codes, and no bot can lease the mails.
    """

    def __init__(
        self,
        database: Database,
        sql: Statements,
        clock: Clock,
        users: UserRepository,
        idempotency: IdempotencyRepository,
        passwords: Passwords,
        *,
        sends_mail: bool,
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._users = users
        self._idempotency = idempotency
        self._passwords = passwords
        self._sends_mail = sends_mail

    def require_mail(self) -> None:
        """Raises `Conflict` (`mail_not_configured`) if the server cannot send mail."""
        if not self._sends_mail:
            raise Conflict("mail_not_configured")

    async def ask_for_reset(self, email: str) -> None:
        """Queues a mail with a code for the account that has this address, at most `MAX_MAILS` an hour.

        The work is the same for an address that no account has: a mail is queued that is never sent.
        """
        keys = {"key": email_key(email), "old_key": fold(email)}

        def work(tx: Transaction) -> None:
            row = tx.one(self._sql.get_credentials_by_email, **keys)
            counted = tx.row(self._sql.count_account_mails, **self._limited("reset", email, tx.now))
            if counted["number"] < MAX_MAILS:
                self._queue(tx, "reset", email, row["id"] if row else None)

        await self._database.write(work)

    async def ask_for_verification(self, caller: Caller, once: Once | None = None) -> None:
        """Queues a mail with a code to the caller's address.

        Raises `Conflict` (`email_missing`) without an address, and `TooMany` after `MAX_MAILS` to the address or
        `MAX_MAILS_OF_USER` of the caller within an hour.
        """

        def work(tx: Transaction) -> None:
            email = self._users.load(tx, caller.user_id).email
            if not isinstance(email, str):
                raise Conflict("email_missing")
            limited = self._limited("verification", email, tx.now)
            to_address = tx.row(self._sql.count_account_mails, **limited)
            of_user = tx.row(
                self._sql.count_account_mails_of,
                user_id=caller.user_id,
                purpose="verification",
                hour_ago=limited["hour_ago"],
            )
            for counted, limit in ((to_address, MAX_MAILS), (of_user, MAX_MAILS_OF_USER)):
                if counted["number"] >= limit:
                    free_at = datetime.fromisoformat(counted["oldest"]) + WINDOW
                    wait = free_at - datetime.fromisoformat(tx.now)
                    raise TooMany(retry_after=max(1, int(wait.total_seconds())))
            self._queue(tx, "verification", email, caller.user_id)

        await self._idempotency.write(caller, NoneType, work, once, None)  # nothing in the result to see

    async def reset_password(self, code: str, password: str) -> None:
        """Sets a new password for the account whose address got the code. Ends all its logins and codes, and verifies
        the address.

        Raises `NotFound` if the code is wrong, used or expired.
        """
        used = {"code_sha256": hash_code(code), "purpose": "reset"}
        if not await self._database.read(lambda tx: tx.one(self._sql.find_account_code, **used, now=tx.now)):
            raise NotFound("code_not_found")
        hashed = await self._passwords.hash(password)

        def work(tx: Transaction) -> None:
            row = tx.one(self._sql.use_account_code, **used, now=tx.now)
            if row is None:
                raise NotFound("code_not_found")  # used in the meantime
            self._users.replace_password(tx, row["user_id"], hashed, Caller(user_id=row["user_id"]), verified=True)

        await self._database.write(work)

    async def verify_email(self, code: str, caller: Caller, once: Once | None = None) -> None:
        """Marks the caller's address as verified. Raises `NotFound` if the code is wrong, used, expired, or another
        user's."""
        used = {"code_sha256": hash_code(code), "purpose": "verification"}

        def work(tx: Transaction) -> None:
            row = tx.one(self._sql.use_account_code, **used, now=tx.now)
            if row is None or row["user_id"] != caller.user_id:
                raise NotFound("code_not_found")  # the transaction is undone: the code stays its user's
            self._users.change(tx, caller.user_id, {}, caller, verified=True)

        await self._idempotency.write(caller, NoneType, work, once, None)

    async def claim_mail(self) -> AccountMail | None:
        """Leases the next mail to the server, with a new code. Its hash is stored, so that the code works."""

        def work(tx: Transaction) -> AccountMail | None:
            hour_ago = _before(tx.now, WINDOW)
            for _ in range(_MAX_VOID):
                row = tx.one(self._sql.get_next_account_mail, now=tx.now)
                if row is None:
                    return None
                email = row["email"]
                if email and hash_address(email) == row["address_sha256"] and row["created_at"] > hour_ago:
                    return self._take(tx, row)
                tx.run(self._sql.finish_account_mail, mail_id=row["id"], state="void", ready_at=tx.now)
            return None

        return await self._database.write(work)

    async def release_mail(self) -> None:
        """Ends the leases of mails that the server did not finish, because it stopped."""
        await self._database.write(lambda tx: tx.run(self._sql.release_account_mails, now=tx.now))

    async def finish_mail(self, mail: AccountMail, state: str) -> None:
        """Stores the result of a mail: `sent`, `retry` or `failed`. A retry follows after a growing pause, with another
        code."""

        def work(tx: Transaction) -> None:
            ready_at = _before(tx.now, -pause_after(mail.attempts)) if state == "retry" else tx.now
            tx.run(self._sql.finish_account_mail, mail_id=mail.id, state=state, ready_at=ready_at)

        await self._database.write(work)

    def find_mails_of(self, tx: Transaction, user_id: str) -> list[KeptAccountMail]:
        """Returns the stored mails of a user in the order they were asked for."""
        return [KeptAccountMail(**row) for row in tx.all(self._sql.list_account_mails_of, user_id=user_id)]

    def find_codes_of(self, tx: Transaction, user_id: str) -> list[KeptAccountCode]:
        """Returns the codes that were sent to a user and not used, without the codes themselves."""
        return [KeptAccountCode(**row) for row in tx.all(self._sql.list_account_codes_of, user_id=user_id)]

    async def forget(self) -> None:
        """Deletes mails older than an hour and expired codes, a limited number in each transaction."""
        now = self._clock()
        sweeps = ((self._sql.forget_account_mails, now - WINDOW), (self._sql.forget_account_codes, now))
        for statement, before in sweeps:

            def sweep(tx: Transaction, statement: Statement = statement, before: datetime = before) -> int:
                return tx.run(statement, before=rfc3339(before), limit=_MAX_SWEEP)

            while await self._database.write(sweep) == _MAX_SWEEP:
                pass

    def _limited(self, purpose: Purpose, email: str, now: str) -> dict[str, str]:
        return {"purpose": purpose, "address_sha256": hash_address(email), "hour_ago": _before(now, WINDOW)}

    def _queue(self, tx: Transaction, purpose: Purpose, email: str, user_id: str | None) -> None:
        tx.run(
            self._sql.create_account_mail,
            mail_id=str(uuid4()),
            purpose=purpose,
            address_sha256=hash_address(email),
            user_id=user_id,
            now=tx.now,
        )

    def _take(self, tx: Transaction, row: Row) -> AccountMail:
        mail = AccountMail(
            id=row["id"],
            purpose=row["purpose"],
            email=row["email"],
            locale=row["locale"],
            code=make_code(),
            attempts=row["attempts"] + 1,
        )
        tx.run(self._sql.lease_account_mail, mail_id=mail.id)
        tx.run(
            self._sql.create_account_code,
            code_sha256=hash_code(mail.code),
            purpose=mail.purpose,
            user_id=row["user_id"],
            now=tx.now,
            expires_at=_before(tx.now, -CODE_LIFE),
        )
        return mail


def _before(now: str, time: timedelta) -> str:
    return rfc3339(datetime.fromisoformat(now) - time)
