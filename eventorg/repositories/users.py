"""Users: their accounts and passwords, and the deletion of everything that belongs to them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType, structs

from eventorg.domain.callers import NOBODY, Caller
from eventorg.domain.errors import Conflict, FieldError, Invalid, NotFound, WrongPassword
from eventorg.domain.facts import NewChange, field_names
from eventorg.domain.idempotency import Once, is_replay
from eventorg.domain.normal_forms import email_key, fold, name_key
from eventorg.domain.users import NewUser, User, UserList, UserPatch, check_self
from eventorg.domain.values import check_version
from eventorg.repositories.account_deletion import AccountDeletion
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.event_search import SearchIndex
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.security.passwords import Passwords
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

PROFILE = ("username", "email", "first_name", "last_name", "locale", "timezone")
_CODES_END_WITH = {"reset": {"email", "password"}, "verification": {"email", "email_verified"}}
"""The changed fields that end the mailed codes of a purpose."""


class UserRepository:
    """Reads and changes users."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        deletion: AccountDeletion,
        search_index: SearchIndex,
        idempotency: IdempotencyRepository,
        passwords: Passwords,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._deletion = deletion
        self._search_index = search_index
        self._idempotency = idempotency
        self._passwords = passwords

    async def create(
        self, new: NewUser, by: Caller | None, once: Once | None = None, sender: str | None = None
    ) -> User:
        """Creates a user, for itself (None) or by another caller, and returns it.

        Sign-ups of one `sender` wait for each other. Raises `Conflict` (`username_taken`, `email_taken`).
        """
        hashed = None if is_replay(once) else await self._passwords.hash(new.password, sender)
        profile = {name: getattr(new, name) for name in PROFILE}

        def work(tx: Transaction) -> User:
            return self.insert(tx, profile, user_id=str(uuid4()), by=by, password_hash=hashed)

        # No check of a stored result: its record is deleted with the user.
        return await self._idempotency.write(by or NOBODY, User, work, once, None)

    async def get(self, user_id: str, viewer_id: str) -> User:
        """Returns the user, with the email address only for itself. Raises `NotFound`."""
        user = await self._database.look_up(self.load, user_id)
        return _seen_by(user, viewer_id)

    async def find_listed(self, ids: list[str], viewer_id: str) -> UserList:
        """Returns the users that exist in the order of the IDs, with the email address only for the viewer itself."""

        def work(tx: Transaction) -> UserList:
            rows = tx.all(self._sql.list_users_by_id, ids=msgspec.json.encode(ids).decode())
            users = [_seen_by(_user(row), viewer_id) for row in rows]
            return UserList(users=users, as_of=self._changes.load_last(tx))

        return await self._database.read(work)

    async def find_named(self, name: str) -> User:
        """Returns the user with this username, email address, or ID, with all fields, for the operator.

        Raises `NotFound`.
        """
        keys = {"key": email_key(name), "old_key": fold(name)}
        row = await self._database.read(lambda tx: tx.one(self._sql.find_user, name=name, **keys))
        if row is None:
            raise NotFound("user_not_found")
        return _user(row)

    async def find_page(self, after: str, limit: int) -> list[User]:
        """Returns at most `limit` users after an ID, in the order of IDs, for the operator."""
        rows = await self._database.read(lambda tx: tx.all(self._sql.list_users, after=after, limit=limit))
        return [_user(row) for row in rows]

    async def update(
        self,
        user_id: str,
        patch: UserPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> User:
        """Changes the user and returns it. A new password ends every older token.

        Raises `NotFound`, `Forbidden` (not the user), `VersionMismatch`, `Invalid` (wrong current password) and
        `Conflict` (a name is taken).
        """
        change = None
        if user_id == caller.user_id and patch.password is not UNSET and not is_replay(once):
            change = await self._change_password(user_id, patch.password, patch.current_password)

        def work(tx: Transaction) -> User:
            check_version(self._load_self(tx, user_id, caller).version, expected)
            given = {name: value for name in PROFILE if (value := getattr(patch, name)) is not UNSET}
            if change is not None and not tx.run(self._sql.set_password, user_id=user_id, **change):
                raise WrongPassword()  # changed in the meantime
            return self.change(tx, user_id, given, caller, new_password=change is not None)

        def may_see(tx: Transaction, _: User) -> None:
            self._load_self(tx, user_id, caller)

        return await self._idempotency.write(caller, User, work, once, may_see)

    async def reset_password(self, user_id: str, password: str) -> None:
        """Sets a new password without the old one, for the operator. It ends every older token.

        Raises `NotFound`.
        """
        hashed = await self._passwords.hash(password)

        await self._database.write(lambda tx: self.replace_password(tx, user_id, hashed, Caller(user_id=user_id)))

    async def verify_email(self, user_id: str) -> None:
        """Marks the user's address as verified, for the operator. Raises `NotFound`."""
        by = Caller(user_id=user_id, is_operator=True)
        await self._database.write(lambda tx: self.change(tx, user_id, {}, by, verified=True))

    async def delete(self, user_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Deletes the account, its registrations, and its events that no co-host takes over.

        What is too much for one step is an open task; nobody sees it any more. Raises `NotFound`, `Forbidden` (not the
        user) and `VersionMismatch`.
        """

        def work(tx: Transaction) -> bool:
            check_version(self._load_self(tx, user_id, caller).version, expected)
            return self._deletion.begin(tx, user_id, caller)

        if await self._database.write(work):
            await self._search_index.forget_words()
            await self._database.scrub()

    def load(self, tx: Transaction, user_id: str) -> User:
        """Returns the user with all fields. Raises `NotFound`."""
        row = tx.one(self._sql.get_user, user_id=user_id)
        if row is None:
            raise NotFound("user_not_found")
        return _user(row)

    def insert(
        self,
        tx: Transaction,
        profile: dict[str, str | None],
        *,
        user_id: str,
        by: Caller | None,
        password_hash: str | None = None,
        only_at: str | None = None,
    ) -> User:
        """Inserts a user with this profile (all of `PROFILE`) and returns it. Raises `Conflict` if a name is taken.

        `only_at` is the event of somebody whom a host, `by`, adds by name.
        """
        with _taken_names():
            row = tx.row(
                self._sql.create_user,
                user_id=user_id,
                password_hash=password_hash,
                only_at=only_at,
                now=tx.now,
                **_columns(profile),
            )
        actor = by if by and only_at else Caller(user_id=user_id, bot=by.bot if by else None)
        self._changes.record(tx, NewChange("user.created", user_id=user_id), actor)
        return _user(row)

    def replace_password(
        self, tx: Transaction, user_id: str, hashed: str, by: Caller, *, verified: bool = False
    ) -> None:
        """Sets a new password without the old one. Ends all logins. Raises `NotFound`."""
        row = tx.one(self._sql.get_password_hash, user_id=user_id)
        if row is None:
            raise NotFound("user_not_found")
        tx.run(self._sql.set_password, user_id=user_id, old_hash=row["password_hash"], new_hash=hashed)
        self.change(tx, user_id, {}, by, new_password=True, verified=verified)

    def change(
        self,
        tx: Transaction,
        user_id: str,
        given: dict[str, str | None],
        by: Caller,
        *,
        new_password: bool = False,
        verified: bool = False,
    ) -> User:
        """Changes fields of the user's profile and returns the user. Nothing is recorded if nothing changes, unless
        there is a `new_password`. With `verified`, the address that stays is verified.

        The codes that were mailed end with what they are for. Raises `Conflict` if a name is taken.
        """
        before = self.load(tx, user_id)
        after = structs.replace(before, **given)
        if after == before and not new_password and (before.email_verified or not verified):
            return before
        values = _columns({name: getattr(after, name) for name in PROFILE})
        with _taken_names():
            user = _user(tx.row(self._sql.update_user, user_id=user_id, verified=verified, now=tx.now, **values))
        if user.locale != before.locale:
            tx.run(self._sql.forget_callers)
        changed = [name for name in (*PROFILE, "email_verified") if getattr(user, name) != getattr(before, name)]
        changed += ["password"] if new_password else []
        for purpose, fields in _CODES_END_WITH.items():
            if fields.intersection(changed):
                tx.run(self._sql.end_account_codes, user_id=user_id, purpose=purpose)
        self._changes.record(tx, NewChange("user.updated", user_id=user_id, data=field_names(changed)), by)
        return user

    def _load_self(self, tx: Transaction, user_id: str, caller: Caller) -> User:
        user = self.load(tx, user_id)
        check_self(user_id, caller.user_id)
        return user

    async def _change_password(self, user_id: str, password: str, current: str | UnsetType) -> dict[str, str | None]:
        """Returns the old hash and the new one. Raises `Invalid` unless `current` is the password, if there is one."""
        row = await self._database.read(lambda tx: tx.one(self._sql.get_password_hash, user_id=user_id))
        old = row["password_hash"] if row else None
        if old is not None:
            if current is UNSET:
                raise Invalid(FieldError("current_password", "required"))
            if not await self._passwords.verify(current, old):
                raise WrongPassword()
        return {"old_hash": old, "new_hash": await self._passwords.hash(password)}


def _user(row: sqlite3.Row) -> User:
    """Returns a user from its row. SQLite stores truth values as numbers."""
    values = dict(row)
    values["email_verified"] = bool(values["email_verified"])
    return User(name_only=values.pop("only_at") is not None, **values)


def _seen_by(user: User, viewer_id: str) -> User:
    """Returns a user as a viewer sees it: only the user sees the address."""
    return user if user.id == viewer_id else structs.replace(user, email=UNSET, email_verified=UNSET)


def _columns(profile: dict[str, str | None]) -> dict[str, str | None]:
    """Returns the stored values, including the keys by which names are unique."""
    username, email = profile["username"], profile["email"]
    return profile | {
        "username_key": name_key(username) if username else None,
        "email_key": email_key(email) if email else None,
    }


@contextmanager
def _taken_names() -> Iterator[None]:
    """Turns a violated constraint into `Conflict`, so that no look-up before the insert is needed."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        for name in ("username", "email"):
            if f"users.{name}_key" in str(error):
                raise Conflict(f"{name}_taken") from None
        raise
