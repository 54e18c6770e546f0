"""Deletes an account with its registrations and its events, in steps."""

from eventorg.domain.callers import Caller
from eventorg.domain.open_tasks import Task
from eventorg.repositories.account_closing import AccountClosing
from eventorg.repositories.answers import Answers
from eventorg.repositories.events import EventRepository
from eventorg.repositories.open_tasks import OpenTasks
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.repositories.steps import Step
from eventorg.storage.transactions import Transaction


class AccountDeletion:
    """Deletes accounts, inside the caller's transaction."""

    def __init__(
        self,
        closing: AccountClosing,
        events: EventRepository,
        registrations: RegistrationRepository,
        answers: Answers,
        open_tasks: OpenTasks,
    ) -> None:
        self._closing = closing
        self._events = events
        self._registrations = registrations
        self._answers = answers
        self._open_tasks = open_tasks

    def begin(self, tx: Transaction, user_id: str, by: Caller) -> bool:
        """Hides an account and deletes as much of it as one step can. Returns true if that was everything; the rest is
        an open task."""
        self._closing.begin(tx, user_id, "deleted")
        task = Task.begun_by(by, "delete_user", user_id=user_id)
        return self.advance(tx, task, Step()) or self._open_tasks.add(tx, task)

    def advance(self, tx: Transaction, task: Task, step: Step) -> bool:
        """Goes on with the deletion for one step. Returns true if the account is deleted."""
        user_id, by = str(task.user_id), task.by
        return (
            self._leave_all(tx, user_id, by, step)
            and self._events.remove_all_for_user(tx, user_id, by, step)
            and self._leave_all(tx, user_id, by, step)  # for an event that passed on meanwhile
            and self._closing.finish(tx, user_id, by, step)
        )

    def _leave_all(self, tx: Transaction, user_id: str, by: Caller, step: Step) -> bool:
        return self._registrations.remove_all_for_user(tx, user_id, by, step) and self._answers.remove_all_for_user(
            tx, user_id, by, step
        )
