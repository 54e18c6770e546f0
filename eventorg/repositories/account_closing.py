"""The first and the last step of closing an account, which is deleted or merged into another one."""

from typing import Final, Literal

from eventorg.domain.callers import Caller
from eventorg.domain.facts import NewChange, field_names
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.steps import Step
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

_ROWS: Final = 500


class AccountClosing:
    """Hides an account at once, and deletes it when nothing belongs to it any more."""

    def __init__(self, sql: Statements, changes: ChangeRepository) -> None:
        self._sql = sql
        self._changes = changes

    def begin(self, tx: Transaction, user_id: str, closing: Literal["deleted", "merged"]) -> None:
        """Frees the names of an account, ends its logins, and hides it. The events of a deleted account are hidden too,
        unless a co-host takes them over."""
        tx.run(self._sql.close_account, user_id=user_id, closing=closing, now=tx.now)
        tx.run(self._sql.delete_identity_of, user_id=user_id)
        tx.run(self._sql.delete_link_code_of, user_id=user_id)
        tx.run(self._sql.delete_account_codes_of, user_id=user_id)
        tx.run(self._sql.disown_account_mails, user_id=user_id)

    def finish(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        """Deletes an account that has no events and no registrations. Returns false if the step was too short, or if
        another account is still being merged into this one."""
        while hosted := tx.one(self._sql.get_next_hosted, user_id=user_id):
            if not step.has_time():
                return False
            tx.run(self._sql.remove_host, event_id=hosted["event_id"], user_id=user_id)
            if not tx.one(self._sql.is_ending, event_id=hosted["event_id"]):
                changed = field_names(["hosts"])
                self._changes.record(tx, NewChange("event.updated", hosted["event_id"], user_id, changed), by)
        for statement in (
            self._sql.delete_audience_of,
            self._sql.delete_requests_of,
            self._sql.delete_deliveries_of,
            self._sql.delete_ended_logins_of,
            self._sql.delete_blocks_by,
            self._sql.delete_blocks_of,
        ):
            while tx.run(statement, user_id=user_id, limit=_ROWS) == _ROWS:
                if not step.has_time():
                    return False
        if tx.one(self._sql.is_merged_into, user_id=user_id):
            return False
        tx.run(self._sql.delete_user, user_id=user_id)
        self._changes.record(tx, NewChange("user.deleted", user_id=user_id), by)
        return True
