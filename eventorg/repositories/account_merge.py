"""Merges two users without losing a registration, a seat or a place on a waiting list."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.facts import ChangeData, ChangeType, NewChange, field_names, registration_step
from eventorg.domain.open_tasks import Task
from eventorg.domain.registrations import Place, RegistrationStatus
from eventorg.repositories.account_closing import AccountClosing
from eventorg.repositories.answers import Answers
from eventorg.repositories.blocks import Blocks
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.open_tasks import OpenTasks
from eventorg.repositories.seats import Seats
from eventorg.repositories.steps import MIN_PARTIES, Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

BeforeMerge = Callable[[str, str, Transaction], None]
"""Moves what a component keeps from the first user to the second one."""

_BEST_FIRST: Final[tuple[RegistrationStatus, ...]] = ("attended", "registered", "waitlisted", "cancelled")
_REQUESTS: Final = 100


class AccountMerge:
    """Moves everything that a user has to another user, inside the caller's transaction."""

    def __init__(
        self,
        sql: Statements,
        changes: ChangeRepository,
        seats: Seats,
        answers: Answers,
        blocks: Blocks,
        closing: AccountClosing,
        open_tasks: OpenTasks,
        before: BeforeMerge,
    ) -> None:
        self._sql = sql
        self._changes = changes
        self._seats = seats
        self._answers = answers
        self._blocks = blocks
        self._closing = closing
        self._open_tasks = open_tasks
        self._before = before

    def merge(self, tx: Transaction, user_id: str, stays_id: str, by: Caller) -> None:
        """Moves registrations, events, roles, blocks and requests to the user who stays, and deletes the other one.

        If both registered for the same event, the better status stays, or the earlier one of two equals; the other
        registration is deleted. The change log records each step. What is too much for one step is an open task; nobody
        sees the user any more.
        """
        self._before(user_id, stays_id, tx)
        self._closing.begin(tx, user_id, "merged")
        task = Task.begun_by(by, "merge_users", user_id=user_id, stays_id=stays_id)
        if not self.advance(tx, task, Step()):
            self._open_tasks.add(tx, task)

    def advance(self, tx: Transaction, task: Task, step: Step) -> bool:
        """Goes on with a merge for one step. Returns true if it is done."""
        user_id, stays_id, by = str(task.user_id), str(task.stays_id), task.by
        while held := tx.all(self._sql.list_registrations_to_merge, user_id=user_id, limit=MIN_PARTIES):
            for registration in held:
                if not step.may_move():
                    return False
                self._merge_registration(tx, registration["event_id"], user_id, stays_id, by)
        while answered := tx.all(self._sql.list_answers_to_merge, user_id=user_id, limit=MIN_PARTIES):
            for row in answered:
                if not step.may_move():
                    return False
                self._answers.merge(tx, row["event_id"], user_id, stays_id, by)
        while owned := tx.one(self._sql.get_next_owned, user_id=user_id):
            if not step.has_time():
                return False
            tx.run(self._sql.reassign_event, event_id=owned["id"], user_id=stays_id, now=tx.now)
            tx.run(self._sql.remove_host, event_id=owned["id"], user_id=stays_id)
            changed = field_names(["organizer_id", "hosts"])
            self._record(tx, NewChange("event.updated", owned["id"], stays_id, changed), by)
        while hosted := tx.one(self._sql.get_next_hosted, user_id=user_id):
            if not step.has_time():
                return False
            self._merge_role(tx, hosted["event_id"], hosted["acted_at"], stays_id, by)
            tx.run(self._sql.remove_host, event_id=hosted["event_id"], user_id=user_id)
        if not self._blocks.move(tx, user_id, stays_id, step):
            return False
        requests = self._sql.reassign_idempotency_records
        while tx.run(requests, user_id=user_id, stays_id=stays_id, limit=_REQUESTS) == _REQUESTS:
            if not step.has_time():
                return False
        return self._closing.finish(tx, user_id, by, step)

    def _merge_registration(self, tx: Transaction, event_id: str, user_id: str, stays_id: str, by: Caller) -> None:
        given = tx.row(self._sql.get_place, event_id=event_id, user_id=user_id)
        own = tx.one(self._sql.get_place, event_id=event_id, user_id=stays_id)
        keeps_own = own is not None and _rank(own) <= _rank(given)
        lost, lost_id = (given, user_id) if keeps_own else (own, stays_id)
        if lost is not None:
            tx.run(self._sql.delete_registration, event_id=event_id, user_id=lost_id)
        if not keeps_own:
            tx.run(self._sql.reassign_registration, event_id=event_id, user_id=user_id, stays_id=stays_id)
        place = _place(given)
        if place.status != "cancelled":
            step = registration_step(structs.replace(place, status="cancelled"), place.status, "system")
            self._record(tx, NewChange("registration.cancelled", event_id, user_id, step), by)
        if not keeps_own:
            if place.status != "cancelled":
                self._answers.end(tx, event_id, stays_id, by, "going")
            for kind, step in _steps(own["status"] if own else None, place):
                self._record(tx, NewChange(kind, event_id, stays_id, step), by)
        if lost is not None and lost["status"] != "cancelled":
            self._seats.give_up(tx, event_id, _place(lost), by)
        else:
            self._seats.touch_card(tx, event_id)

    def _merge_role(self, tx: Transaction, event_id: str, acted_at: str | None, stays_id: str, by: Caller) -> None:
        role = tx.row(self._sql.get_role, event_id=event_id, viewer_id=stays_id)
        if role["role"] not in ("organizer", "host"):
            tx.run(self._sql.add_host, event_id=event_id, user_id=stays_id, now=tx.now)
        self._record(tx, NewChange("event.updated", event_id, stays_id, field_names(["hosts"])), by)
        if acted_at is not None:
            tx.run(self._sql.note_host_act, event_id=event_id, user_id=stays_id, now=acted_at)

    def _record(self, tx: Transaction, change: NewChange, by: Caller) -> None:
        """Records a change, unless its event is being deleted, which is told alone."""
        if not tx.one(self._sql.is_ending, event_id=change.event_id):
            self._changes.record(tx, change, by)


def _steps(before: RegistrationStatus | None, place: Place) -> Iterator[tuple[ChangeType, ChangeData]]:
    """Yields the changes that describe the new registration of the user who stays, for the readers of the log."""
    after = place.status
    if after == "cancelled":
        return
    if before == after:  # the earlier of two: another date, perhaps another place on the waiting list
        yield "registration.updated", registration_step(place, before, "system")
        return
    seated = structs.replace(place, status="registered")
    if before in (None, "cancelled"):
        yield "registration.created", registration_step(place if after == "waitlisted" else seated, before, "system")
    elif before == "waitlisted":
        yield "registration.promoted", registration_step(seated, before, "system")
    if after == "attended":
        yield "registration.attended", registration_step(place, "registered", "system")


def _place(row: sqlite3.Row) -> Place:
    return Place(row["status"], approved=bool(row["approved"]), guests=row["guests"])


def _rank(row: sqlite3.Row) -> tuple[int, bool, int]:
    """Returns the rank of a registration: the better status first, then the approved one, then the earlier one."""
    return _BEST_FIRST.index(row["status"]), not row["approved"], row["seq"]
