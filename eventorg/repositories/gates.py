"""Asks the gates, inside the transaction that gives a place."""

import sqlite3
from collections.abc import Callable, Sequence
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
from eventorg.logger import Logger
from eventorg.repositories.events import EventRepository
from eventorg.repositories.metadata import MetadataRepository
from eventorg.storage.statements import Statement, any_rows
from eventorg.storage.transactions import ReadTransaction, Transaction

SQL_SECONDS: Final = 0.1
"""The time after which the SQL of a gate is interrupted: other writers wait for it."""

log = Logger("eventorg.gates")


class Check(Struct, frozen=True, eq=False):
    """A gate: `ask` raises a domain error to refuse a place. With `binds_hosts`, it is asked for hosts as well. With
    `applies`, it is asked only where that statement has a row."""

    ask: Callable[[Asked, ReadTransaction], None]
    binds_hosts: bool
    applies: Statement | None = None


class Gates:
    """The gates. As long as there is none, asking them costs nothing."""

    def __init__(
        self, events: EventRepository, metadata: MetadataRepository, load_user: Callable[[Transaction, str], User]
    ) -> None:
        self._events = events
        self._metadata = metadata
        self._load_user = load_user
        self._checks: list[Check] = []
        self._find_applying: Statement | None = None

    def add(self, checks: Sequence[Check]) -> None:
        """Adds gates, which are asked in the order in which they are added."""
        self._checks += checks
        conditions = {number: check.applies for number, check in enumerate(self._checks) if check.applies is not None}
        self._find_applying = any_rows("find_applying_gates", conditions) if conditions else None

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
        if actor == "system" or not self._checks:
            return
        checks = self._choose(tx, admission)
        checks = [check for check in checks if check.binds_hosts or actor == "self"]
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

    def _choose(self, tx: Transaction, admission: Admission) -> list[Check]:
        """Returns the gates that have something to say. If that cannot be found out, returns all of them."""
        statement = self._find_applying
        if statement is None:
            return self._checks
        keys = {name: getattr(admission, name) for name in statement.parameters}
        try:
            rows = tx.within(SQL_SECONDS, lambda tx: tx.all(statement, **keys))
        except sqlite3.Error as error:
            if not tx.is_open:
                raise
            log.warning("applying_gates_not_found", error=str(error))
            return self._checks
        applying = {row["number"] for row in rows}
        return [check for number, check in enumerate(self._checks) if check.applies is None or number in applying]

    def _load_event(self, tx: Transaction, admission: Admission) -> Event:
        return structs.replace(self._events.load_for_all(tx, admission.event_id), role=admission.role)
