"""Tasks that are too long for one transaction and go on in steps after the response."""

from typing import Literal, Self

from msgspec import Struct

from eventorg.domain.callers import Caller

TaskKind = Literal["delete_user", "delete_event", "merge_users", "fill_seats"]


class Task(Struct, frozen=True, kw_only=True):
    """An open task. `user_id` is the account to close, `stays_id` the one it is merged into, `event_id` the event to
    delete, or to fill from its waiting list."""

    seq: int = 0
    kind: TaskKind
    user_id: str | None = None
    stays_id: str | None = None
    event_id: str | None = None
    actor_id: str | None
    bot: str | None
    is_operator: bool = False

    @classmethod
    def begun_by(
        cls,
        by: Caller,
        kind: TaskKind,
        *,
        user_id: str | None = None,
        stays_id: str | None = None,
        event_id: str | None = None,
    ) -> Self:
        """Returns a task that the caller's request begins."""
        return cls(
            kind=kind,
            user_id=user_id,
            stays_id=stays_id,
            event_id=event_id,
            actor_id=by.user_id or None,
            bot=by.bot,
            is_operator=by.is_operator,
        )

    @property
    def by(self) -> Caller:
        """The caller whose request began the task, for the change log."""
        return Caller(user_id=self.actor_id or "", bot=self.bot, is_operator=bool(self.is_operator))
