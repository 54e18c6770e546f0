"""All that is kept about a user: what the core has, and what each plugin says it has."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.exports import Export
from eventorg.extensions.context import PluginContext
from eventorg.logger import Logger
from eventorg.repositories.users import UserRepository
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.plugin import Exporter, Plugin

log = Logger("eventorg.plugins")


class UserExport:
    """Asks the core and the plugins, each in a read of its own."""

    def __init__(self, users: UserRepository, plugins: Iterable[tuple["Plugin", PluginContext]]) -> None:
        self._users = users
        self._exporters = [(plugin.name, plugin.export, context) for plugin, context in plugins if plugin.export]

    async def export(self, caller: Caller) -> Export:
        """All that is kept about the caller. A plugin that cannot say what it keeps is logged and named in it."""
        kept: dict[str, Any] = {}
        incomplete = []
        for name, exporter, context in self._exporters:
            try:
                kept[name] = await _ask(exporter, context, caller.user_id)
            except Exception as error:
                log.error("the export of a plugin failed", plugin=name, exc_info=error)
                incomplete.append(name)
        return structs.replace(await self._users.export(caller), plugins=kept, incomplete=incomplete)


async def _ask(exporter: "Exporter", context: PluginContext, user_id: str) -> Any:
    """What it keeps, as JSON has it: so it is found out here if it is not JSON."""

    def work(tx: Transaction) -> bytes:
        return msgspec.json.encode(exporter(user_id, context, tx))

    return msgspec.json.decode(await context.read(work))
