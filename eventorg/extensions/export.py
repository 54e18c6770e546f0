"""Exports all data about a user: that of the core and that of each plugin."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.exports import Export
from eventorg.extensions.context import PluginContext
from eventorg.logger import Logger
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.plugin import Exporter, Plugin

log = Logger("eventorg.plugins")


class UserExport:
    """Collects the data from the core and the plugins, each in a read transaction of its own."""

    def __init__(
        self,
        database: Database,
        users: UserRepository,
        deliveries: DeliveryRepository,
        plugins: Iterable[tuple["Plugin", PluginContext]],
    ) -> None:
        self._database = database
        self._users = users
        self._deliveries = deliveries
        self._exporters = [(plugin.name, plugin.export, context) for plugin, context in plugins if plugin.export]

    async def export(self, caller: Caller) -> Export:
        """Returns all data about the caller. A plugin whose export fails is logged and listed in `incomplete`."""
        kept: dict[str, Any] = {}
        incomplete = []
        for name, exporter, context in self._exporters:
            try:
                kept[name] = await _ask(exporter, context, caller.user_id)
            except Exception as error:
                log.error("plugin_export_failed", plugin=name, exc_info=error)
                incomplete.append(name)

        deliveries = await self._database.read(lambda tx: self._deliveries.find_all_for_user(tx, caller.user_id))
        return structs.replace(
            await self._users.export(caller), deliveries=deliveries, plugins=kept, incomplete=incomplete
        )


async def _ask(exporter: "Exporter", context: PluginContext, user_id: str) -> Any:
    """Returns a plugin's data as JSON values, so that data that is not JSON fails here."""

    def work(tx: Transaction) -> bytes:
        return msgspec.json.encode(exporter(user_id, context, tx))

    return msgspec.json.decode(await context.read(work))
