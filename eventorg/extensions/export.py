"""Exports all data about a user: that of the core and that of each plugin."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.exports import Export
from eventorg.extensions.context import PluginContext
from eventorg.logger import Logger
from eventorg.repositories.exports import ExportRepository
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.plugin import Plugin
    from eventorg.plugin.declarations import Exporter

log = Logger("eventorg.plugins")


class UserExport:
    """Collects the data from the core and the plugins, each in a read transaction of its own."""

    def __init__(self, exports: ExportRepository, plugins: Iterable[tuple["Plugin", PluginContext]]) -> None:
        self._exports = exports
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
        exported = await self._exports.get(caller.user_id)
        return structs.replace(exported, plugins=kept, incomplete=incomplete)


async def _ask(exporter: "Exporter", context: PluginContext, user_id: str) -> Any:
    """Returns a plugin's data as JSON values, so that data that is not JSON fails here."""

    def work(tx: Transaction) -> bytes:
        return msgspec.json.encode(exporter(user_id, context, tx))

    return msgspec.json.decode(await context.read(work))
