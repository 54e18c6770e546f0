"""The lines that plugins add to the card of an event."""

import time
from typing import TYPE_CHECKING, Final

from eventorg.domain.callers import Caller
from eventorg.domain.cards import CardData
from eventorg.extensions.faults import describe_error, find_place
from eventorg.extensions.loader import LoadedPlugin
from eventorg.logger import Logger
from eventorg.repositories.cards import CardRepository
from eventorg.storage.database import Database
from eventorg.storage.transactions import Transaction

if TYPE_CHECKING:
    from eventorg.extensions.context import PluginContext
    from eventorg.plugin.declarations import CardLines as CardFunction

MAX_SECONDS: Final = 0.05
MAX_UNITS: Final = 200
"""The largest length of a line, in UTF-16 code units."""

log = Logger("eventorg.plugins")


class CardLines:
    """Reads cards with the lines of the plugins. A plugin that fails or is late has none."""

    def __init__(self, database: Database, cards: CardRepository) -> None:
        self._database = database
        self._cards = cards
        self._plugins: list[tuple[str, CardFunction, PluginContext]] = []

    def add(self, loaded: LoadedPlugin, context: "PluginContext") -> None:
        """Asks this plugin too, if it has lines."""
        if loaded.plugin.card is not None:
            self._plugins.append((loaded.plugin.name, loaded.plugin.card, context))

    async def get(self, event_id: str, names: int, caller: Caller, language: str) -> tuple[CardData, list[str]]:
        """Returns the content of an event's card, with up to so many names, and the lines for it in a language. Raises
        `NotFound`."""

        def work(tx: Transaction) -> tuple[CardData, list[str]]:
            data = self._cards.load(tx, event_id, names, caller)
            return data, self.load(tx, data, language)

        return await self._database.read(work)

    def load(self, tx: Transaction, data: CardData, language: str) -> list[str]:
        """Returns the lines for a card in a language, in the order of the plugins' names."""
        found: list[str] = []
        for name, find, context in self._plugins:
            started = time.monotonic()
            try:
                reading = tx.reading()
                lines = tx.within(MAX_SECONDS, lambda _: find(data, language, context, reading))  # noqa: B023
                if (seconds := time.monotonic() - started) > MAX_SECONDS:
                    raise TimeoutError(f"took {seconds * 1_000:.0f} ms")
                found += [_checked(line) for line in lines]
            except (Exception, SystemExit) as error:
                log.error("card_lines_failed", plugin=name, error=describe_error(error), at=find_place(error))
        return found


def _checked(line: object) -> str:
    """Returns a line. Raises `TypeError` for anything else, and `ValueError` if it is too long or is not one line."""
    if not isinstance(line, str):
        raise TypeError(f"a line is a text, not {line!r}")
    if len(line.encode("utf-16-le")) > 2 * MAX_UNITS or not line.strip() or len(line.splitlines()) > 1:
        raise ValueError(f"a line has 1 to {MAX_UNITS} UTF-16 code units and no line break")
    return line
