"""The names that plugins can have."""

import re
from typing import Final

from eventorg.errors import PluginError
from eventorg.settings import Settings

NO_PLUGINS = "none"
"""The value of `EVENTORG_PLUGINS` that loads no plugin."""
COMMANDS = frozenset(
    (
        "backup",
        "check",
        "compact",
        "deploy",
        "health",
        "migrate",
        "openapi",
        "plugins",
        "restore",
        "serve",
        "token",
        "user",
    )
)
"""The core's commands."""
TAKEN = COMMANDS | frozenset(
    (
        *("eventorg", "sqlite", NO_PLUGINS),
        *("account", "change", "deliveries", "ended", "event", "events", "idempotency", "link"),  # the core's tables
        *("invitations", "open", "plugin", "rsvps", "telegram", "unreachable"),
    )
)
"""Names that a plugin cannot have, because its commands, settings or tables would be the core's."""

SHARED = frozenset(("telegram_bot",))
"""Names of bundled plugins that share a setting with the core."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,30}")


def is_well_formed(name: str) -> bool:
    """Returns true for 2 to 31 lowercase letters, digits, and underscores that start with a letter."""
    return _NAME.fullmatch(name) is not None


def is_possible_name(name: str) -> bool:
    """Returns true if a plugin can have this name."""
    if name in SHARED:
        return True
    taken = any(f"{field}_".startswith(f"{name}_") for field in Settings.__struct_fields__)
    return is_well_formed(name) and name not in TAKEN and not taken


def check_plugin_name(name: str) -> None:
    """Raises `PluginError` if no plugin can have this name."""
    if not is_well_formed(name):
        raise PluginError(
            f"A plugin cannot be named {name}. Use 2 to 31 lowercase letters, digits, and underscores, and start with "
            "a letter."
        )
    if not is_possible_name(name):
        raise PluginError(f"The plugin name {name} is reserved. Choose another name.")
