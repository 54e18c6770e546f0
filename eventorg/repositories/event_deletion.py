"""Deletes an event with its registrations, in steps."""

from typing import Final

from eventorg.domain.callers import Caller
from eventorg.domain.facts import NewChange
from eventorg.domain.open_tasks import Task
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.open_tasks import OpenTasks
from eventorg.repositories.steps import Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

_ROWS: Final = 500
_PEOPLE: Final = 100
"""A user is referred to by many tables, which takes a tenth of a millisecond to check."""


class EventDeletion:
    """Deletes events, inside the caller's transaction. An event that is being deleted has an open task, and nobody sees
    it."""

    def __init__(self, sql: Statements, changes: ChangeRepository, open_tasks: OpenTasks) -> None:
        self._sql = sql
        self._changes = changes
        self._open_tasks = open_tasks

    def begin(self, tx: Transaction, event_id: str, by: Caller, step: Step) -> bool:
        """Hides an event and deletes as much of it as a step can. Returns true if that was everything; the rest is an
        open task."""
        task = Task.begun_by(by, "delete_event", event_id=event_id)
        self._open_tasks.add(tx, task)
        return self.advance(tx, task, step)

    def advance(self, tx: Transaction, task: Task, step: Step) -> bool:
        """Goes on with the deletion for one step. Returns true if the event is deleted, which ends its task.

        `event.deleted` is recorded once, after the messages that wait are void, because it leads to new ones. Until a
        participant is in the audience of that change, the registration is there, so that the participant is always
        found.
        """
        event_id = str(task.event_id)
        change_seq = tx.row(self._sql.get_deletion, event_id=event_id)["change_seq"]
        if change_seq is None:
            while tx.run(self._sql.void_deliveries_of_event, event_id=event_id, limit=_ROWS) == _ROWS:
                if not step.has_time():
                    return False
            change_seq = self._changes.record(tx, NewChange("event.deleted", event_id), task.by)
            tx.run(self._sql.note_deletion, event_id=event_id, seq=change_seq)
        while last := tx.row(self._sql.get_end_of_batch, event_id=event_id, limit=_ROWS)["seq"]:
            if not step.has_time():
                return False
            tx.run(self._sql.keep_participants_told, event_id=event_id, change_seq=change_seq, last=last)
            tx.run(self._sql.delete_registrations_up_to, event_id=event_id, last=last)
        while tx.run(self._sql.delete_people_by_name, event_id=event_id, limit=_PEOPLE) == _PEOPLE:
            if not step.has_time():
                return False
        tx.run(self._sql.keep_others_told, event_id=event_id, change_seq=change_seq)
        tx.run(self._sql.delete_event, event_id=event_id)
        return True
