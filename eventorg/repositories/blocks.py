"""The people whom a user blocks: they cannot register for the events that the user hosts."""

from eventorg.domain.blocks import Block, BlockPage, check_other
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Forbidden, NotFound
from eventorg.domain.users import check_self
from eventorg.domain.values import ABSENT, check_version
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.steps import MIN_PARTIES, Step
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Blocks:
    """Reads and changes blocks inside the caller's transaction."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add(self, tx: Transaction, user_id: str, blocked_id: str) -> tuple[Block, bool]:
        """Returns the block of a user, and true if it is new. Raises `Invalid` if both are the same user."""
        check_other(blocked_id, user_id)
        row = tx.one(self._sql.create_block, user_id=user_id, blocked_id=blocked_id, now=tx.now)
        if row is not None:
            return Block(**row), True
        return Block(**tx.row(self._sql.get_block, user_id=user_id, blocked_id=blocked_id)), False

    def find(self, tx: Transaction, user_id: str, blocked_id: str) -> Block | None:
        """Returns the block, or None."""
        row = tx.one(self._sql.get_block, user_id=user_id, blocked_id=blocked_id)
        return Block(**row) if row else None

    def check(self, tx: Transaction, user_id: str, host_id: str) -> None:
        """Raises `Forbidden` (`blocked`) if the user blocks the host."""
        if self.find(tx, user_id, host_id) is not None:
            raise Forbidden("blocked")

    def list(self, tx: Transaction, user_id: str, after: str = "", limit: int = -1) -> list[Block]:
        """Returns the blocks of a user after an ID, in the order of IDs. A limit of -1 means all of them."""
        return [Block(**row) for row in tx.all(self._sql.list_blocks, user_id=user_id, after=after, limit=limit)]

    def move(self, tx: Transaction, user_id: str, stays_id: str, step: Step) -> bool:
        """Moves the blocks by a user and of a user to another user. Returns false if the step was too short."""
        while rows := tx.all(self._sql.list_blocks_to_move, user_id=user_id, limit=MIN_PARTIES):
            for row in rows:
                if not step.may_move():
                    return False
                by, of = (stays_id if one == user_id else one for one in (row["user_id"], row["blocked_id"]))
                if by != of:
                    tx.one(self._sql.create_block, user_id=by, blocked_id=of, now=row["created_at"])
                tx.run(self._sql.delete_block, user_id=row["user_id"], blocked_id=row["blocked_id"])
        return True


class BlockRepository:
    """Reads and changes the blocks of the caller."""

    def __init__(self, database: Database, sql: Statements, changes: ChangeRepository, blocks: Blocks) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._blocks = blocks

    async def find(self, user_id: str, after: str, limit: int, caller: Caller) -> BlockPage:
        """Returns at most `limit` blocks of a user after an ID. `next` is the ID to go on after, if there are more.

        Raises `NotFound`, and `Forbidden` unless the user is the caller.
        """

        def work(tx: Transaction) -> BlockPage:
            self._check_self(tx, user_id, caller)
            found = self._blocks.list(tx, user_id, after, limit + 1)
            page = found[:limit]
            more = page[-1].user_id if len(found) > limit else None
            return BlockPage(blocks=page, next=more, as_of=self._changes.load_last(tx))

        return await self._database.read(work)

    async def put(
        self, user_id: str, blocked_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> tuple[Block, bool]:
        """Blocks somebody for a user, and returns the block, and true if it is new. A second call changes nothing.

        Raises `NotFound`, `Forbidden` (the user is not the caller), `Invalid` (both are the caller) and
        `VersionMismatch`.
        """

        def work(tx: Transaction) -> tuple[Block, bool]:
            self._check_self(tx, user_id, caller)
            self._check_exists(tx, blocked_id)
            check_other(blocked_id, user_id)
            before = self._blocks.find(tx, user_id, blocked_id)
            check_version(before.version if before else ABSENT, expected)
            return self._blocks.add(tx, user_id, blocked_id)

        return await self._database.write(work)

    async def delete(self, user_id: str, blocked_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Ends a block of a user. Raises `NotFound`, `Forbidden` (the user is not the caller) and `VersionMismatch`."""

        def work(tx: Transaction) -> None:
            self._check_self(tx, user_id, caller)
            before = self._blocks.find(tx, user_id, blocked_id)
            if before is None:
                raise NotFound("block_not_found")
            check_version(before.version, expected)
            tx.run(self._sql.delete_block, user_id=user_id, blocked_id=blocked_id)

        await self._database.write(work)

    def _check_self(self, tx: Transaction, user_id: str, caller: Caller) -> None:
        self._check_exists(tx, user_id)
        check_self(user_id, caller.user_id)

    def _check_exists(self, tx: Transaction, user_id: str) -> None:
        if tx.one(self._sql.get_user, user_id=user_id) is None:
            raise NotFound("user_not_found")
