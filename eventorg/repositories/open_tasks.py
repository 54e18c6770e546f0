"""Open tasks: what goes on in steps after the response, until it is done, even after a crash."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

from eventorg.domain.open_tasks import Task, TaskKind
from eventorg.logger import Logger
from eventorg.repositories.event_search import SearchIndex
from eventorg.repositories.steps import Step
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

Advance = Callable[[Transaction, Task, Step], bool]
"""Goes on with a task for one step. Returns true if the task is done."""

_MIN_PAUSE_SECONDS = 0.01
_MAX_PAUSE_SECONDS = 1.0

log = Logger("eventorg.open_tasks")


class OpenTasks:
    """Adds open tasks, inside the caller's transaction."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def add(self, tx: Transaction, task: Task) -> Literal[False]:
        """Adds a task, unless there is one for the same account or event. The deletion of an event takes the place of
        another task for it. Returns false: the task is not done."""
        tx.run(
            self._sql.open_task,
            kind=task.kind,
            user_id=task.user_id,
            stays_id=task.stays_id,
            event_id=task.event_id,
            actor_id=task.actor_id,
            bot=task.bot,
            is_operator=task.is_operator,
        )
        return False


class OpenTaskRepository:
    """Carries out the open tasks."""

    def __init__(
        self, database: Database, sql: Statements, search_index: SearchIndex, kinds: Mapping[TaskKind, Advance]
    ) -> None:
        self._database = database
        self._sql = sql
        self._search_index = search_index
        self._kinds = kinds

    async def finish(self) -> bool:
        """Carries out all open tasks. Returns false if some of them failed, which is logged; they stay open.

        The tasks take turns, one step each. After each step the writer is free for as long as the step took.
        """
        failed: set[int] = set()
        has_deleted = False
        while tasks := [task for task in await self._database.look_up(self._find) if task.seq not in failed]:
            for task in tasks:
                started = time.perf_counter()
                try:
                    has_deleted |= await self._database.write(partial(self._advance, seq=task.seq))
                except Exception as error:
                    log.error("open_task_failed", kind=task.kind, seq=task.seq, exc_info=error)
                    failed.add(task.seq)
                pause = time.perf_counter() - started
                await asyncio.sleep(min(max(pause, _MIN_PAUSE_SECONDS), _MAX_PAUSE_SECONDS))
        if has_deleted:
            await self._search_index.forget_words()
            await self._database.scrub()
        return not failed

    def _find(self, tx: Transaction) -> list[Task]:
        return [Task(**row) for row in tx.all(self._sql.list_open_tasks)]

    def _advance(self, tx: Transaction, seq: int) -> bool:
        """Goes on with a task for one step, if it is still open. Returns true if an account was deleted by it."""
        row = tx.one(self._sql.get_open_task, seq=seq)
        if row is None:
            return False
        task = Task(**row)
        if not self._kinds[task.kind](tx, task, Step()):
            return False
        tx.run(self._sql.close_task, seq=seq)
        return task.kind == "delete_user"
