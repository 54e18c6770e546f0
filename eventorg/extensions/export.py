"""Exports all data about a user: that of the core and that of each plugin."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from eventorg.domain.callers import Caller
from eventorg.domain.exports import Export
from eventorg.extensions.context import PluginContext
from eventorg.logger import Logger
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.logins import LoginRepository
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.plugin import Plugin
    from eventorg.plugin.declarations import Exporter

log = Logger("eventorg.plugins")


class UserExport:
    """Collects the data from the core and the plugins, each in a read transaction of its own."""

    def __init__(
        self,
        database: Database,
        users: UserRepository,
        deliveries: DeliveryRepository,
        account_mails: AccountMailRepository,
        logins: LoginRepository,
        plugins: Iterable[tuple["Plugin", PluginContext]],
    ) -> None:
        self._database = database
        self._users = users
        self._deliveries = deliveries
        self._account_mails = account_mails
        self._logins = logins
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

        exported = structs.replace(await self._users.export(caller), plugins=kept, incomplete=incomplete)
        return await self._database.read(lambda tx: self._add_messages_and_logins(tx, exported))

    def _add_messages_and_logins(self, tx: Transaction, exported: Export) -> Export:
        user_id = exported.user.id
        return structs.replace(
            exported,
            deliveries=self._deliveries.find_all_for_user(tx, user_id),
            account_mails=self._account_mails.find_mails_of(tx, user_id),
            account_codes=self._account_mails.find_codes_of(tx, user_id),
            ended_logins=self._logins.find_all_for_user(tx, user_id),
        )


async def _ask(exporter: "Exporter", context: PluginContext, user_id: str) -> Any:
    """Returns a plugin's data as JSON values, so that data that is not JSON fails here."""

    def work(tx: Transaction) -> bytes:
        return msgspec.json.encode(exporter(user_id, context, tx))

    return msgspec.json.decode(await context.read(work))
