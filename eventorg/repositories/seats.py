"""The seats and the waiting list of an event, inside the caller's transaction."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict
from eventorg.domain.events import Event
from eventorg.domain.facts import NewChange
from eventorg.domain.registrations import RegistrationStatus
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class Seats:
    """Claims, frees and assigns seats. The counters in the event's row always equal its registrations."""

    def __init__(self, sql: Statements, changes: ChangeRepository) -> None:
        self._sql = sql
        self._changes = changes

    def claim(self, tx: Transaction, event: Event) -> tuple[RegistrationStatus, int | None]:
        """Assigns a seat, or the last position on the waiting list. Returns the status and the position.

        Raises `Conflict` if there is neither.
        """
        if tx.run(self._sql.take_seat, event_id=event.id):
            return "registered", None
        if not event.waitlist:
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
        """Gives free seats to the first people on the waiting list until one of the two runs out."""
        while (first := tx.one(self._sql.get_first_in_line, event_id=event_id)) and tx.run(
            self._sql.take_seat, event_id=event_id
        ):
            tx.run(self._sql.leave_line, event_id=event_id)
            tx.run(self._sql.promote, seq=first["seq"])
            self._changes.record(tx, NewChange("registration.promoted", event_id, first["user_id"]), by)
