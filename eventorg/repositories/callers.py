"""Identifies the caller of a request by its token: a user, or a bot and the user it acts for."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from eventorg.domain.callers import Caller
from eventorg.domain.errors import DomainError, Forbidden, NotFound, ScopeMissing, Unauthenticated
from eventorg.domain.identities import MAX_TELEGRAM_ID, parse_telegram_id
from eventorg.domain.values import Clock
from eventorg.repositories.reachability import Reachability
from eventorg.security.tokens import Claims, Tokens, hash_token
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

TOKEN_PREFIX: Final = "evb_"  # noqa: S105 (distinguishes a bot's token from a user's)
MAX_CALLERS = 10_000
_NOTED_EVERY: Final = timedelta(minutes=1)


class CachedCaller(Struct, frozen=True):
    """A caller as of a number of revocations; `claims` are those of a login token, None for a bot."""

    caller: Caller
    revocations: int
    claims: Claims | None = None


class CallerCache:
    """Remembers `MAX_CALLERS` callers and drops the least recently used one first.

    The keys are hashes: the memory of the process does not hold the tokens of everybody who has called.
    """

    def __init__(self) -> None:
        self._callers: OrderedDict[tuple[str, str | None], CachedCaller] = OrderedDict()

    def get(self, key: tuple[str, str | None]) -> CachedCaller | None:
        """Returns the caller of a hashed token and of whom it acts for, or None."""
        found = self._callers.get(key)
        if found is not None:
            self._callers.move_to_end(key)
        return found

    def put(self, key: tuple[str, str | None], caller: CachedCaller) -> None:
        """Remembers a caller."""
        self._callers[key] = caller
        if len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)


class CallerRepository:
    """Identifies callers.

    The database counts revocations: logins that end, one or all of a user, a user or a bot that is deleted, a Telegram
    account that moves.
    A changed locale counts too, because a caller has it.
    A cached caller is used while that number stands still, whatever else is written and by which process.
    """

    def __init__(
        self, database: Database, sql: Statements, clock: Clock, tokens: Tokens, reachability: Reachability
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._tokens = tokens
        self._reachability = reachability
        self._cache = CallerCache()
        self._noted: dict[str, tuple[int, datetime]] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def identify(self, token: str, act_as: str | None) -> Caller:
        """Returns the caller with this token; a bot can act for a user (`<id>` or `telegram:<id>`).

        Raises `Unauthenticated` if the token is unknown, expired or revoked, `Forbidden` if it may not act for users,
        and `NotFound` for an unknown user.
        """
        is_bot = token.startswith(TOKEN_PREFIX)
        if act_as is not None and not is_bot:
            raise Forbidden("bot_required")
        revocations = await self._database.look_up(self._count_revocations)
        hashed = hash_token(token)
        known = self._cache.get((hashed, act_as))
        if known is not None and known.claims is not None:
            self._tokens.check_expiry(known.claims)  # each time: nothing is written when a token expires
        if known is None or known.revocations != revocations:
            # An older state than `revocations` cannot be read here, and a newer one is only read again too soon.
            if is_bot:
                caller = await self._database.look_up(self._load_bot, hashed, act_as)
                known = CachedCaller(caller, revocations)
            else:
                claims = known.claims if known and known.claims else self._tokens.verify(token)
                caller = await self._database.look_up(self._load_user, claims.user_id, claims.version, claims.token_id)
                known = CachedCaller(caller, revocations, claims)
            self._cache.put((hashed, act_as), known)
        if is_bot:
            self._note_use(str(known.caller.bot), revocations)
        await self._reachability.note_act(known.caller.user_id)
        return known.caller

    def _count_revocations(self, tx: Transaction) -> int:
        return int(tx.row(self._sql.get_revocations)["count"])

    def _load_user(self, tx: Transaction, user_id: str, version: int, token_id: str) -> Caller:
        row = tx.one(self._sql.get_login, user_id=user_id, token_id=token_id)
        if row is None or row["has_ended"] or row["token_version"] != version:
            raise Unauthenticated("token_revoked")
        return Caller(user_id=user_id, locale=row["locale"])

    def _load_bot(self, tx: Transaction, token_sha256: str, act_as: str | None) -> Caller:
        row = tx.one(self._sql.get_bot_by_token, token_sha256=token_sha256)
        if row is None:
            raise Unauthenticated("token_invalid")
        if row["revoked_at"] is not None:
            raise Unauthenticated("token_revoked")
        scopes = frozenset(row["scopes"].split())
        if act_as is not None and "act" not in scopes:
            raise ScopeMissing(scope="act")
        if act_as is None:
            return Caller(bot=row["name"], scopes=scopes)
        user_id, locale = self._load_user_acted_for(tx, act_as)
        return Caller(user_id=user_id, bot=row["name"], scopes=scopes, locale=locale)

    def _load_user_acted_for(self, tx: Transaction, act_as: str) -> tuple[str, str]:
        """Returns the ID and the locale of a user. Raises `NotFound`."""
        user_id = self._load_user_id(tx, act_as)
        row = tx.one(self._sql.get_token_version, user_id=user_id)
        if row is None:
            raise NotFound("user_not_found")
        return user_id, str(row["locale"])

    def _load_user_id(self, tx: Transaction, act_as: str) -> str:
        scheme, _, telegram_id = act_as.partition(":")
        number = parse_telegram_id(telegram_id) if scheme == "telegram" else None
        if number is not None:
            identity = tx.one(self._sql.get_identity, telegram_id=number) if number <= MAX_TELEGRAM_ID else None
            if identity is None:
                raise NotFound("identity_not_found")
            return str(identity["user_id"])
        return act_as

    def _note_use(self, bot: str, revocations: int) -> None:
        """Starts to write down that a bot's token is in use, once a minute; no request waits for that.

        A bot that is created again under its name has not been used, so a revocation ends the minute.
        """
        now = self._clock()
        before, noted = self._noted.get(bot, (None, now))
        if before == revocations and noted <= now < noted + _NOTED_EVERY:
            return
        self._noted[bot] = revocations, now
        task = asyncio.create_task(self._write_use(bot))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _write_use(self, bot: str) -> None:
        with suppress(DomainError):  # for example a full disk: a bot that only reads is not affected
            await self._database.write(lambda tx: tx.run(self._sql.touch_bot, name=bot, now=tx.now))
