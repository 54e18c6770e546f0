"""The stored answers to events, `maybe` and `declined`, inside the caller's transaction."""

from eventorg.domain.callers import Caller
from eventorg.domain.facts import NewChange, answer_step
from eventorg.domain.rsvps import Answer, KeptAnswer, StoredAnswer
from eventorg.domain.values import Instant
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.steps import MIN_PARTIES, Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Answers:
    """Stores and ends answers. The counters in the event's row always equal the answers."""

    def __init__(self, sql: Statements, changes: ChangeRepository) -> None:
        self._sql = sql
        self._changes = changes

    def store(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        answer: StoredAnswer,
        previous: Answer | None,
        by: Caller,
        answered_at: Instant | None = None,
    ) -> None:
        """Stores an answer in place of the previous one. It was given now, unless `answered_at` says otherwise."""
        at = answered_at or tx.now
        tx.run(self._sql.store_answer, event_id=event_id, user_id=user_id, answer=answer, answered_at=at)
        self._count(tx, event_id, answer, previous)
        self.record(tx, event_id, user_id, answer, previous, by)

    def end(
        self, tx: Transaction, event_id: str, user_id: str, by: Caller, answer: Answer | None = None
    ) -> StoredAnswer | None:
        """Deletes a stored answer, if there is one, and returns it. `answer` is the new answer, which is not stored."""
        row = tx.one(self._sql.delete_answer, event_id=event_id, user_id=user_id)
        if row is None:
            return None
        previous: StoredAnswer = row["answer"]
        self._count(tx, event_id, None, previous)
        self.record(tx, event_id, user_id, answer, previous, by)
        return previous

    def remove_all_for_user(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        """Deletes the answers of a user whose account is being deleted, except those to events that go with it.

        Returns false if the step was too short.
        """
        while rows := tx.all(self._sql.list_answers_to_end, user_id=user_id, limit=MIN_PARTIES):
            for row in rows:
                if not step.may_move():
                    return False
                self.end(tx, row["event_id"], user_id, by)
        return True

    def merge(self, tx: Transaction, event_id: str, user_id: str, stays_id: str, by: Caller) -> None:
        """Moves a user's answer to the user who stays, unless that user has one."""
        given = tx.row(self._sql.get_rsvp, event_id=event_id, user_id=user_id)
        answer = self.end(tx, event_id, user_id, by)
        if answer is not None and not tx.one(self._sql.has_answered, event_id=event_id, user_id=stays_id):
            self.store(tx, event_id, stays_id, answer, None, by, given["answered_at"])

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[KeptAnswer]:
        """Returns the stored answers of a user, by time."""
        return [KeptAnswer(**row) for row in tx.all(self._sql.list_answers_of, user_id=user_id)]

    def record(
        self, tx: Transaction, event_id: str, user_id: str, answer: Answer | None, previous: Answer | None, by: Caller
    ) -> None:
        """Records that somebody answers differently."""
        data = answer_step(answer, previous)
        self._changes.record(tx, NewChange("rsvp.updated", event_id, user_id, data), by)

    def _count(self, tx: Transaction, event_id: str, answer: Answer | None, previous: Answer | None) -> None:
        step = {kind: (answer == kind) - (previous == kind) for kind in ("maybe", "declined")}
        tx.run(self._sql.count_answers, event_id=event_id, **step)
