"""Tasks that are too long for one transaction and go on in steps after the answer."""

from typing import Literal

from msgspec import Struct

from eventorg.domain.callers import Caller

TaskKind = Literal["delete_user", "merge_users", "fill_seats"]


class Task(Struct, frozen=True, kw_only=True):
    """An open task. `user_id` is the account to close, `heir_id` the one it is merged into, `event_id` the event whose
    waiting list is seated."""

    seq: int = 0
    kind: TaskKind
    user_id: str | None = None
    heir_id: str | None = None
    event_id: str | None = None
    actor_id: str | None
    bot: str | None

    @property
    def by(self) -> Caller:
        """The caller whose request began the task, for the change log."""
        return Caller(user_id=self.actor_id or "", bot=self.bot)
