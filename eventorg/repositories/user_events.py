"""Reads the events of a user."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound
from eventorg.domain.user_events import (
    OrganizedEvent,
    ParticipatedEvent,
    UserEvent,
    UserEventPage,
    UserEventQuery,
    UserEvents,
)
from eventorg.domain.users import check_self
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class UserEventRepository:
    """The events that users host and participate in, for reading."""

    def __init__(self, database: Database, sql: Statements, changes: ChangeRepository) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes

    async def find(self, user_id: str, caller: Caller) -> UserEvents:
        """Returns all events that a user hosts, and all that the user participates in.

        Raises `NotFound`, and `Forbidden` unless the user is the caller.
        """

        def work(tx: Transaction) -> UserEvents:
            self._check(tx, user_id, caller)
            organized, participated = self._sql.list_organized, self._sql.list_participated
            return UserEvents(
                organized_events=[OrganizedEvent(**row) for row in tx.all(organized, user_id=user_id)],
                participated_events=[ParticipatedEvent(**row) for row in tx.all(participated, user_id=user_id)],
                as_of=self._changes.load_last(tx),
            )

        return await self._database.read(work)

    async def find_page(
        self, user_id: str, wanted: UserEventQuery, after: tuple[str, str] | None, limit: int, caller: Caller
    ) -> tuple[UserEventPage, tuple[str, str] | None]:
        """Returns the events that a user hosts or participates in by start time and ID, after a position, and the
        position to continue from if there are more.

        Raises `NotFound`, and `Forbidden` unless the user is the caller.
        """
        after_time, after_id = max(after or ("", ""), (wanted.start_from or "", ""))

        def work(tx: Transaction) -> tuple[UserEventPage, tuple[str, str] | None]:
            self._check(tx, user_id, caller)
            rows = tx.all(
                self._sql.list_events_of,
                user_id=user_id,
                role=wanted.role,
                after_time=after_time,
                after_id=after_id,
                start_to=wanted.start_to,
                limit=limit + 1,
            )
            events = [UserEvent(**row) for row in rows[:limit]]
            page = UserEventPage(events=events, next=None, as_of=self._changes.load_last(tx))
            return page, (events[-1].start_time, events[-1].id) if len(rows) > limit else None

        return await self._database.read(work)

    def _check(self, tx: Transaction, user_id: str, caller: Caller) -> None:
        if tx.one(self._sql.get_user, user_id=user_id) is None:
            raise NotFound("user_not_found")
        check_self(user_id, caller.user_id)
