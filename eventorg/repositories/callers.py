"""Who is calling: the user of a login token, or a bot and whom it acts for."""

import asyncio
import hashlib
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

from eventorg.domain.callers import Caller
from eventorg.domain.errors import DomainError, Forbidden, NotFound, Unauthenticated
from eventorg.domain.identities import MAX_TELEGRAM_ID, parse_telegram_id
from eventorg.domain.values import Clock
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.security.tokens import Claims  # it imports PyJWT and cryptography, which most commands do not need

T = TypeVar("T")
Values = TypeVarTuple("Values")

MAX_CALLERS = 10_000
_NOTED_EVERY: Final = timedelta(minutes=1)


class CallerRepository:
    """Identifies callers, and remembers them until somebody ceases to be who they were: the database counts that."""

    def __init__(self, database: Database, sql: Statements, clock: Clock) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._revocations = 0
        self._known: dict[Hashable, Any] = {}
        self._used: dict[str, datetime] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def identify_user(self, claims: "Claims") -> Caller:
        """The caller a login token stands for. Raises `Unauthenticated` once its user is gone or has a new password."""
        version, caller = await self._find(self._load_user, claims.user_id)
        if version != claims.version:
            raise Unauthenticated("token_revoked")
        return caller

    async def identify_bot(self, token: str, act_as: str | None) -> Caller:
        """The bot a token belongs to, acting for a user (`<id>` or `telegram:<id>`) if it says so.

        Raises `Unauthenticated` for a token that is unknown or revoked, `Forbidden` if it may not act for users, and
        `NotFound` for an unknown user.
        """
        caller = await self._find(self._load_bot, token, act_as)
        self._note_use(str(caller.bot))
        return caller

    async def _find(self, load: Callable[[Transaction, *Values], T], *values: *Values) -> T:
        revocations = await self._database.look_up(self._count_revocations)
        if revocations != self._revocations or len(self._known) >= MAX_CALLERS:
            self._revocations = revocations
            self._known.clear()
            self._used.clear()
        place = (load, values)
        if place in self._known:
            return self._known[place]  # type: ignore[no-any-return]
        found = await self._database.look_up(load, *values)
        if revocations == self._revocations:  # else it may be of before, where the file was locked for a moment
            self._known[place] = found
        return found

    def _count_revocations(self, tx: Transaction) -> int:
        return int(tx.row(self._sql.get_revocations)["count"])

    def _load_user(self, tx: Transaction, user_id: str) -> tuple[int, Caller]:
        row = tx.one(self._sql.get_token_version, user_id=user_id)
        if row is None:
            raise Unauthenticated("token_revoked")
        return row["token_version"], Caller(user_id=user_id)

    def _load_bot(self, tx: Transaction, token: str, act_as: str | None) -> Caller:
        row = tx.one(self._sql.get_bot_by_token, token_sha256=hash_token(token))
        if row is None:
            raise Unauthenticated("token_revoked")
        scopes = frozenset(row["scopes"].split())
        if act_as is not None and "act" not in scopes:
            raise Forbidden("scope_missing")
        user_id = "" if act_as is None else self._load_user_id(tx, act_as)
        return Caller(user_id=user_id, bot=row["name"], scopes=scopes)

    def _load_user_id(self, tx: Transaction, act_as: str) -> str:
        scheme, _, telegram_id = act_as.partition(":")
        number = parse_telegram_id(telegram_id) if scheme == "telegram" else None
        if number is not None and number <= MAX_TELEGRAM_ID:
            row = tx.one(self._sql.get_identity, telegram_id=number)
            user_id = row["user_id"] if row else None
        else:
            row = tx.one(self._sql.get_token_version, user_id=act_as)
            user_id = act_as if row else None
        if user_id is None:
            raise NotFound("user_not_found")
        return str(user_id)

    def _note_use(self, bot: str) -> None:
        """Has it written down, once a minute, that a bot's token is in use; nobody waits for that."""
        now = self._clock()
        if (noted := self._used.get(bot)) is not None and noted <= now < noted + _NOTED_EVERY:
            return
        self._used[bot] = now
        task = asyncio.create_task(self._write_use(bot))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_use(self, bot: str) -> None:
        with suppress(DomainError):  # a full disk, for one: a bot that only reads need not know
            await self._database.write(lambda tx: tx.run(self._sql.touch_bot, name=bot, now=tx.now))


def hash_token(token: str) -> str:
    """What is kept of a bot's token: of 256 random bits, so a fast hash will do."""
    return hashlib.sha256(token.encode()).hexdigest()
