"""The seats and the waiting list of an event, inside the caller's transaction."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict
from eventorg.domain.events import Event
from eventorg.domain.facts import NewChange, registration_step
from eventorg.domain.open_tasks import Task
from eventorg.domain.registrations import RegistrationStatus
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.open_tasks import OpenTasks
from eventorg.repositories.steps import Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Seats:
    """Claims, frees and assigns seats. The counters in the event's row always equal its registrations."""

    def __init__(self, sql: Statements, changes: ChangeRepository, open_tasks: OpenTasks) -> None:
        self._sql = sql
        self._changes = changes
        self._open_tasks = open_tasks

    def claim(self, tx: Transaction, event: Event) -> tuple[RegistrationStatus, int | None]:
        """Assigns a seat, or the last position on the waiting list. Returns the status and the position.

        Raises `Conflict` if there is neither. While people on the waiting list get their seats, a new participant joins
        the list, even if the event has none, as long as a seat will be left.
        """
        if tx.run(self._sql.take_seat, event_id=event.id):
            return "registered", None
        if not event.waitlist and not tx.one(self._sql.has_seat_behind_line, event_id=event.id):
            raise Conflict("event_full")
        line = tx.row(self._sql.join_line, event_id=event.id)
        return "waitlisted", line["waitlisted_count"]

    def give_up(self, tx: Transaction, event_id: str, status: RegistrationStatus, by: Caller) -> None:
        """Frees the seat or place of a registration of this status. A seat goes to the first person on the waiting
        list."""
        if status == "waitlisted":
            tx.run(self._sql.leave_line, event_id=event_id)
        else:
            tx.run(self._sql.release_seat, event_id=event_id)
            self.fill(tx, event_id, by)

    def fill(self, tx: Transaction, event_id: str, by: Caller) -> None:
        """Gives free seats to the first people on the waiting list until one of the two runs out. What is too much for
        one step is an open task."""
        task = Task.begun_by(by, "fill_seats", event_id=event_id)
        if not self._fill(tx, event_id, by, Step(), in_task=False):
            self._open_tasks.add(tx, task)

    def advance(self, tx: Transaction, task: Task, step: Step) -> bool:
        """Goes on with an open task for one step. Returns true if it is done."""
        return self._fill(tx, str(task.event_id), task.by, step, in_task=True)

    def _fill(self, tx: Transaction, event_id: str, by: Caller, step: Step, *, in_task: bool) -> bool:
        while first := tx.one(self._sql.get_first_in_line, event_id=event_id, now=tx.now, in_task=in_task):
            if not step.may_move():
                return False
            if not tx.run(self._sql.give_seat, event_id=event_id):
                return True
            tx.run(self._sql.leave_line, event_id=event_id)
            tx.run(self._sql.promote, seq=first["seq"])
            data = registration_step("registered", "waitlisted", "system")
            self._changes.record(tx, NewChange("registration.promoted", event_id, first["user_id"], data), by)
        return True
