"""Declares the type of a plugin's own fact."""

from typing import Literal

from msgspec import Struct


class FactType(Struct, frozen=True, kw_only=True):
    """A type of fact of a plugin. Its name in the change log is `<plugin>.<name>`."""

    name: str
    """A past participle, such as `answered`: lowercase letters, digits, and underscores."""

    data: type[Struct] | None = None
    """The struct of its data, without personal data. None: it has no data."""

    audience: Literal["event", "user", "hosts"]
    """Whom `GET /changes` tells. `event`: everybody who follows the event, and they see `user_id` too. `user`: only the
    user. `hosts`: the event's hosts, and the user if there is one."""
