"""Asks the gates, inside the transaction that gives a place."""

from collections.abc import Callable
from typing import Final

from msgspec import UNSET, Struct, structs

from eventorg.domain.admission import Admission
from eventorg.domain.callers import Caller
from eventorg.domain.events import Event
from eventorg.domain.facts import Actor
from eventorg.domain.gates import Asked
from eventorg.domain.parties import Party
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.repositories.events import EventRepository
from eventorg.repositories.metadata import MetadataRepository
from eventorg.storage.transactions import ReadTransaction, Transaction


class Check(Struct, frozen=True, eq=False):
    """A gate: `ask` raises a domain error to refuse a place. With `binds_hosts`, it is asked for hosts as well."""

    ask: Callable[[Asked, ReadTransaction], None]
    binds_hosts: bool


class Gates:
    """The gates. As long as there is none, asking them costs nothing."""

    def __init__(
        self, events: EventRepository, metadata: MetadataRepository, load_user: Callable[[Transaction, str], User]
    ) -> None:
        self._events = events
        self._metadata = metadata
        self._load_user = load_user
        self.checks: Final[list[Check]] = []

    def ask(
        self,
        tx: Transaction,
        admission: Admission,
        party: Party,
        before: Registration | None,
        by: Caller,
        actor: Actor,
        *,
        invited: bool = False,
    ) -> None:
        """Raises the error of the first gate that refuses. The system is not asked, and hosts only where a gate binds
        them."""
        checks = [each for each in self.checks if actor == "self" or (actor != "system" and each.binds_hosts)]
        if not checks:
            return
        asked = Asked(
            event_id=admission.event_id,
            user_id=admission.user_id,
            role=admission.role,
            guests=party.guests,
            guest_names=party.guest_names,
            before=before,
            by=actor,
            bot=by.bot,
            invited=invited,
            load_event=lambda: self._load_event(tx, admission),
            load_metadata=lambda: self._metadata.load(tx, admission.event_id),
            load_user=lambda: structs.replace(self._load_user(tx, admission.user_id), email=UNSET),
        )
        reading = tx.reading()
        for check in checks:
            check.ask(asked, reading)

    def _load_event(self, tx: Transaction, admission: Admission) -> Event:
        return structs.replace(self._events.load_for_all(tx, admission.event_id), role=admission.role)
