"""Commits transactions that wait at the same time together. Everything here runs on the writer's thread."""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from eventorg.domain.errors import Unavailable
from eventorg.domain.facts import Change
from eventorg.domain.values import Clock
from eventorg.storage.sqlite import OpenedFiles, checkpoint, roll_back, set_patience
from eventorg.storage.transactions import Transaction, TransactionFunction

T = TypeVar("T")


class Queued(Struct, Generic[T], frozen=True, eq=False):
    """A transaction function that waits for the writer, and the future of its caller."""

    work: TransactionFunction[T]
    answer: asyncio.Future[T]


class Result(Struct, frozen=True, eq=False):
    """The result of a transaction function with its changes, or its error."""

    job: Queued[Any]
    result: Any = None
    error: BaseException | None = None
    news: list[Change] = []

    def deliver(self) -> None:
        """Answers the caller. Call it on the event loop."""
        if self.job.answer.done():
            return  # the client has disconnected
        if self.error is None:
            self.job.answer.set_result(self.result)
        else:
            self.job.answer.set_exception(self.error)


class _HalfDone(Exception):
    """A transaction function has changed something and then raised an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


class GroupCommit:
    """Runs groups of transaction functions, each group in one transaction of the writer.

    `refuse` turns an error into the one for the client.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        files: OpenedFiles,
        clock: Clock,
        refuse: Callable[[BaseException], Exception],
    ) -> None:
        self._connection = connection
        self._files = files
        self._clock = clock
        self._refuse = refuse
        self._is_locked_out = False

    def commit(self, group: list[Queued[Any]], *, savepoints: bool = False) -> list[Result]:
        """Runs a group in one transaction. If the group fails as a whole, each member gets its own transaction.

        Savepoints take a tenth of a short transaction, because SQLite then copies each page before it changes it. Few
        functions raise after they have changed something. If one does, the group runs again with savepoints.
        """
        connection = self._connection
        try:
            self._begin()
        except sqlite3.Error as error:
            return [Result(job, error=self._refuse(error)) for job in group]
        try:
            attempt = self._attempt_in_savepoint if savepoints else self._attempt
            results = [attempt(job) for job in group]
            self._files.check()
            connection.execute("COMMIT")
            return results
        except _HalfDone as half_done:
            roll_back(connection)
            if len(group) == 1:
                return [Result(group[0], error=self._refuse(half_done.error))]
            return self.commit(group, savepoints=True)
        except Unavailable as error:
            roll_back(connection)
            checkpoint(connection)  # the log must not be applied to another file later
            return [Result(job, error=error) for job in group]
        except BaseException as error:  # every caller needs an answer
            roll_back(connection)
            if len(group) == 1:
                return [Result(group[0], error=self._refuse(error))]
            return [result for job in group for result in self.commit([job])]

    def _begin(self) -> None:
        """Begins to write and waits for another program that writes. After one timeout, further groups are refused at
        once until the lock is free, so that the queue does not wait again and again."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            set_patience(self._connection, patient=False)
            self._is_locked_out = True
            raise
        if self._is_locked_out:
            set_patience(self._connection, patient=True)
            self._is_locked_out = False

    def _attempt(self, job: Queued[Any]) -> Result:
        """Runs one transaction function. Raises only if SQLite has undone the whole transaction, and `_HalfDone`."""
        connection = self._connection
        changes = connection.total_changes
        tx = Transaction(connection, self._clock)
        try:
            return Result(job, job.work(tx), news=tx.news)
        except BaseException as error:
            if not connection.in_transaction:
                raise
            if connection.total_changes != changes:
                raise _HalfDone(error) from None
            return Result(job, error=self._refuse(error))

    def _attempt_in_savepoint(self, job: Queued[Any]) -> Result:
        """Runs one transaction function and undoes it if it fails. Raises only if SQLite has undone the whole
        transaction."""
        connection = self._connection
        connection.execute("SAVEPOINT work")
        try:
            result = self._attempt(job)
        except _HalfDone as half_done:
            connection.execute("ROLLBACK TO work")
            connection.execute("RELEASE work")
            return Result(job, error=self._refuse(half_done.error))
        connection.execute("RELEASE work")
        return result
