"""Telegram accounts: each belongs to one user, who is created at first sight or linked later."""

from uuid import uuid4

from msgspec import UNSET

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict, Forbidden, NotFound
from eventorg.domain.facts import NewChange, field_names
from eventorg.domain.idempotency import Once
from eventorg.domain.identities import Known, LinkCode, TelegramAccount, TelegramIdentity
from eventorg.domain.normal_forms import name_key
from eventorg.domain.text_rules import is_username
from eventorg.domain.users import DEFAULT_LOCALE, DEFAULT_TIMEZONE, User
from eventorg.domain.values import ABSENT, check_version
from eventorg.repositories.account_merge import AccountMerge
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.link_codes import LinkCodes
from eventorg.repositories.reachability import Reachability
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class IdentityRepository:
    """Reads, creates and links Telegram accounts."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        users: UserRepository,
        codes: LinkCodes,
        merging: AccountMerge,
        idempotency: IdempotencyRepository,
        reachability: Reachability,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._users = users
        self._codes = codes
        self._merging = merging
        self._idempotency = idempotency
        self._reachability = reachability

    async def put(
        self,
        telegram_id: int,
        account: TelegramAccount,
        by: Caller | None,
        *,
        may_create: bool = True,
        expected: frozenset[str] | None = None,
    ) -> Known:
        """Creates or updates the user of a Telegram account, for a bot or for the account itself (None).

        A user with an own login keeps the existing profile. Raises `Forbidden` (`signup_closed`) if the user is new and
        must not be created, and `VersionMismatch`.
        """

        def work(tx: Transaction) -> Known:
            identity = self._find(tx, telegram_id)
            if expected is not None:
                version = ABSENT if identity is None else self._users.load(tx, identity.user_id).version
                check_version(version, expected)
            if identity is not None:
                known = Known(self._update(tx, identity, account, by), is_new=False)
            elif may_create:
                known = Known(self._create(tx, telegram_id, account, by), is_new=True)
            else:
                raise Forbidden("signup_closed")
            if account.reachable is True:
                self._reachability.begin(tx, known.user.id)
            elif account.reachable is False:
                self._reachability.end(tx, known.user.id)
            return known

        return await self._database.write(work)

    async def get(self, telegram_id: int) -> User:
        """Returns the user of a Telegram account. Raises `NotFound`."""
        return await self._database.read(lambda tx: self._users.load(tx, self._load(tx, telegram_id).user_id))

    async def create_code(self, caller: Caller, once: Once | None = None) -> LinkCode:
        """Returns a new link code of the caller; an older one ends. Raises `Conflict` if the caller has a Telegram
        account."""

        def work(tx: Transaction) -> LinkCode:
            if tx.one(self._sql.get_identity_of, user_id=caller.user_id):
                raise Conflict("telegram_linked")
            return self._codes.create(tx, caller.user_id)

        return await self._idempotency.write(caller, LinkCode, work, once, None)  # the code is the caller's own

    async def link(self, telegram_id: int, code: str, by: Caller, once: Once | None = None) -> User:
        """Links a Telegram account to the user who asked for the code, and returns the user.

        The user that the account had so far is merged, without losing a registration. Raises `NotFound` (code unknown,
        used or expired) and `Conflict` (one of the two is linked elsewhere).
        """

        def work(tx: Transaction) -> User:
            user_id = self._codes.use(tx, code, of_name_only=False)
            actor = Caller(user_id=user_id, bot=by.bot)
            if tx.one(self._sql.get_identity_of, user_id=user_id):
                raise Conflict("telegram_linked")
            identity = self._find(tx, telegram_id)
            if identity is None:
                tx.run(self._sql.create_identity, telegram_id=telegram_id, user_id=user_id, username=None, now=tx.now)
            elif tx.one(self._sql.has_other_login, user_id=identity.user_id):
                raise Conflict("telegram_linked")
            else:
                tx.run(self._sql.move_identity, telegram_id=telegram_id, user_id=user_id, now=tx.now)
                self._merging.merge(tx, identity.user_id, user_id, actor)
            self._changes.record(tx, NewChange("user.updated", user_id=user_id, data=field_names(["telegram"])), actor)
            return self._users.load(tx, user_id)

        def may_see(tx: Transaction, user: User) -> None:
            if self._load(tx, telegram_id).user_id != user.id:
                raise NotFound("identity_not_found")

        return await self._idempotency.write(by, User, work, once, may_see)

    async def unlink(self, telegram_id: int, expected: frozenset[str] | None, caller: Caller) -> None:
        """Unlinks a Telegram account from the caller. Raises `NotFound` if it is not the caller's, `VersionMismatch`,
        and `Conflict` if the caller could not log in afterwards."""

        def work(tx: Transaction) -> None:
            if self._load(tx, telegram_id).user_id != caller.user_id:
                raise NotFound("identity_not_found")
            check_version(self._users.load(tx, caller.user_id).version, expected)
            if not tx.one(self._sql.has_other_login, user_id=caller.user_id):
                raise Conflict("no_other_login")
            tx.run(self._sql.delete_identity, telegram_id=telegram_id)
            change = NewChange("user.updated", user_id=caller.user_id, data=field_names(["telegram"]))
            self._changes.record(tx, change, caller)

        await self._database.write(work)

    def _find(self, tx: Transaction, telegram_id: int) -> TelegramIdentity | None:
        row = tx.one(self._sql.get_identity, telegram_id=telegram_id)
        return TelegramIdentity(**row) if row else None

    def _load(self, tx: Transaction, telegram_id: int) -> TelegramIdentity:
        identity = self._find(tx, telegram_id)
        if identity is None:
            raise NotFound("identity_not_found")
        return identity

    def _create(self, tx: Transaction, telegram_id: int, account: TelegramAccount, by: Caller | None) -> User:
        user_id = str(uuid4())
        user = self._users.insert(
            tx,
            {
                "username": self._free_username(tx, account.username or None, user_id),
                "email": None,
                "first_name": account.first_name or None,
                "last_name": account.last_name or None,
                "locale": account.locale or DEFAULT_LOCALE,
                "timezone": account.timezone or DEFAULT_TIMEZONE,
            },
            user_id=user_id,
            by=by,
        )
        tx.run(
            self._sql.create_identity,
            telegram_id=telegram_id,
            user_id=user_id,
            username=account.username or None,
            now=tx.now,
        )
        return user

    def _update(self, tx: Transaction, identity: TelegramIdentity, account: TelegramAccount, by: Caller | None) -> User:
        user_id = identity.user_id
        if account.username is not UNSET:
            name = account.username or None
            tx.run(self._sql.rename_identity, telegram_id=identity.telegram_id, username=name, now=tx.now)
        before = self._users.load(tx, user_id)
        given: dict[str, str | None] = {}
        for name in ("first_name", "last_name"):
            if (value := getattr(account, name)) is not UNSET:
                given[name] = value or None
        if account.username is None:
            given["username"] = None
        elif account.username is not UNSET:
            given["username"] = self._free_username(tx, account.username, user_id) or before.username
        if account.locale is not UNSET:
            given["locale"] = account.locale or DEFAULT_LOCALE
        if account.timezone is not UNSET:
            given["timezone"] = account.timezone or DEFAULT_TIMEZONE
        if tx.one(self._sql.has_other_login, user_id=user_id):
            unset = {name: value for name, value in given.items() if getattr(before, name) is None}
            if account.timezone and before.timezone == DEFAULT_TIMEZONE:  # never chosen
                unset["timezone"] = account.timezone
            given = unset
        actor = by or Caller(user_id=user_id)
        return self._users.change(tx, user_id, given, Caller(user_id=user_id, bot=actor.bot))

    def _free_username(self, tx: Transaction, wanted: str | None, user_id: str) -> str | None:
        """Returns the username if it is valid and nobody else has it."""
        if wanted is None or not is_username(wanted):
            return None
        taken = tx.one(self._sql.is_username_taken, username_key=name_key(wanted), user_id=user_id)
        return None if taken else wanted
