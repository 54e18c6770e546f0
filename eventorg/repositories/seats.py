"""The seats and the waiting list of an event, inside the caller's transaction."""

import sqlite3

from eventorg.domain.admission import Admission
from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict
from eventorg.domain.facts import ChangeType, NewChange, registration_step
from eventorg.domain.open_tasks import Task
from eventorg.domain.parties import Party
from eventorg.domain.registrations import NO_PLACE, Place
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.open_tasks import OpenTasks
from eventorg.repositories.steps import Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Seats:
    """Claims, frees and assigns seats. The counters in the event's row always equal the people of its registrations."""

    def __init__(self, sql: Statements, changes: ChangeRepository, open_tasks: OpenTasks) -> None:
        self._sql = sql
        self._changes = changes
        self._open_tasks = open_tasks

    def claim(self, tx: Transaction, asked: Admission, party: Party, *, approved: bool) -> Place:
        """Counts a new party, and returns its place: seats, the end of the waiting list, or a wait for approval.

        Raises `Conflict` (`event_full`) if the event has no waiting list. While the waiting list is being seated, a
        newcomer joins it, even if the event has none, as long as seats will be left.
        """
        if not approved:
            place = Place("waitlisted", approved=False, guests=party.guests)
        elif self.take(tx, asked.event_id, party.people):
            return Place("registered", guests=party.guests)
        elif asked.waitlist or self._fits_behind_line(tx, asked.event_id, party):
            place = Place("waitlisted", guests=party.guests)
        else:
            raise Conflict("event_full")
        self.move(tx, asked.event_id, NO_PLACE, place)
        return place

    def take(self, tx: Transaction, event_id: str, people: int) -> bool:
        """Takes seats that are free for newcomers. Returns false if there are too few, or while the waiting list is
        being seated."""
        return tx.run(self._sql.take_seats, event_id=event_id, people=people) == 1

    def move(self, tx: Transaction, event_id: str, before: Place, after: Place) -> bool:
        """Moves the people of a party from one counter to another. Returns false, and changes nothing, if they need
        more seats than there are."""
        moved = tx.run(
            self._sql.move_people,
            event_id=event_id,
            registered=after.registered - before.registered,
            waitlisted=after.waitlisted - before.waitlisted,
            pending=after.pending - before.pending,
        )
        return moved == 1

    def give_up(self, tx: Transaction, event_id: str, place: Place, by: Caller) -> None:
        """Frees a place. Seats go to the first on the waiting list whose whole party fits."""
        self.move(tx, event_id, place, NO_PLACE)
        if place.registered:
            self.fill(tx, event_id, by)

    def raise_capacity(self, tx: Transaction, event_id: str, people: int) -> bool:
        """Raises the event's capacity so that this number of people get seats. Returns false if they fit."""
        return tx.run(self._sql.raise_capacity, event_id=event_id, people=people, now=tx.now) == 1

    def touch_card(self, tx: Transaction, event_id: str) -> None:
        """Notes that the event's card shows something else, although nobody moved."""
        tx.run(self._sql.touch_card, event_id=event_id)

    def fill(self, tx: Transaction, event_id: str, by: Caller) -> None:
        """Gives free seats to the first parties on the waiting list that fit, and approves everybody if the event no
        longer asks for approval. What is too much for one step is an open task."""
        task = Task.begun_by(by, "fill_seats", event_id=event_id)
        if not self._fill(tx, event_id, by, Step(), in_task=False):
            self._open_tasks.add(tx, task)

    def advance(self, tx: Transaction, task: Task, step: Step) -> bool:
        """Goes on with an open task for one step. Returns true if it is done."""
        return self._fill(tx, str(task.event_id), task.by, step, in_task=True)

    def _fits_behind_line(self, tx: Transaction, event_id: str, party: Party) -> bool:
        return tx.one(self._sql.has_seats_behind_line, event_id=event_id, people=party.people) is not None

    def _fill(self, tx: Transaction, event_id: str, by: Caller, step: Step, *, in_task: bool) -> bool:
        while first := tx.one(self._sql.get_next_that_fits, event_id=event_id, now=tx.now, in_task=in_task):
            if not step.may_move():
                return False
            self._promote(tx, event_id, first, by)
        while pending := tx.one(self._sql.get_next_pending, event_id=event_id):
            if not step.may_move():
                return False
            may_sit = pending["is_open"] and pending["end_time"] > tx.now
            if not (may_sit and self._promote(tx, event_id, pending, by)):
                self._assign(tx, event_id, pending, Place("waitlisted", guests=pending["guests"]), by)
        return True

    def _promote(self, tx: Transaction, event_id: str, row: sqlite3.Row, by: Caller) -> bool:
        return self._assign(tx, event_id, row, Place("registered", guests=row["guests"]), by)

    def _assign(self, tx: Transaction, event_id: str, row: sqlite3.Row, place: Place, by: Caller) -> bool:
        """Gives a party another place. Returns false if it needs more seats than there are."""
        before = Place(row["status"], approved=bool(row["approved"]), guests=row["guests"])
        if not self.move(tx, event_id, before, place):
            return False
        tx.run(self._sql.set_place, seq=row["seq"], status=place.status, approved=place.approved)
        kind: ChangeType = "registration.promoted" if place.registered else "registration.updated"
        data = registration_step(place, before.status, "system")
        self._changes.record(tx, NewChange(kind, event_id, row["user_id"], data), by)
        return True
