"""The leases of deliveries. A bot, or the server for mail, holds a delivery until it reports the result or the lease
ends."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count, zip_longest
from typing import Final

from msgspec import structs

from eventorg.domain.deliveries import Channel, Lease, Notice, Outgoing, encode_texts
from eventorg.domain.values import rfc3339
from eventorg.logger import Logger
from eventorg.repositories.reachability import Reachability
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

Refresh = Callable[[Notice, Transaction], Mapping[str, str] | None]
"""Returns the texts of a notice as of now, or None if it is obsolete."""

MAX_MAILS_A_DAY: Final = 20
"""The largest number of mails to one user within 24 hours. Further ones wait."""
_MAX_ROUNDS: Final = 10
"""The number of times that one lease looks for more if it finds obsolete deliveries."""
_PAUSE_AFTER_ERROR: Final = timedelta(minutes=1)

log = Logger("eventorg.deliveries")


class DeliveryLeases:
    """Begins and ends leases, inside the caller's transaction."""

    def __init__(self, sql: Statements, reachability: Reachability) -> None:
        self._sql = sql
        self._reachability = reachability
        self.refreshers: Final[dict[str, Refresh]] = {}
        """The functions of the plugins that refresh their notices, by the plugin's name."""
        self._turns = count(1)
        self._last_turns: dict[str, int] = {}

    def take(self, tx: Transaction, holder: str, channel: Channel, wanted: Lease) -> list[Outgoing]:
        """Leases due deliveries to one holder and returns them, oldest first. Leaves out those that are obsolete."""
        until = rfc3339(datetime.fromisoformat(tx.now) + timedelta(seconds=wanted.lease_seconds))
        taken: list[Outgoing] = []
        if wanted.resume:
            rows = tx.all(self._sql.list_held_deliveries, holder=holder, now=tx.now, most=wanted.limit)
            taken += self._lease(tx, [Outgoing(**row) for row in rows], holder, until)
        for _ in range(_MAX_ROUNDS):
            if len(taken) == wanted.limit:
                break
            due = self._find_due(tx, channel, wanted.limit - len(taken))
            if not due:
                break
            taken += self._lease(tx, due, holder, until)
        return sorted(taken, key=lambda one: (one.due_at, one.seq))

    def finish(self, tx: Transaction, held: Outgoing, state: str, pause: timedelta) -> str:
        """Ends a lease, if its holder still has it, and returns the time from which a retry can be leased.

        After `blocked`, the user gets nothing more until the next action.
        """
        ready_at = tx.now
        if state == "retry":
            ready_at = rfc3339(datetime.fromisoformat(tx.now) + pause)
        tx.run(self._sql.finish_delivery, delivery_id=held.id, holder=held.holder, state=state, ready_at=ready_at)
        if state == "blocked":
            self._reachability.end(tx, held.user_id)
        return ready_at

    def find(self, tx: Transaction, delivery_id: str) -> Outgoing | None:
        """Returns the delivery, or None."""
        row = tx.one(self._sql.get_delivery, delivery_id=delivery_id)
        return Outgoing(**row) if row else None

    def _find_due(self, tx: Transaction, channel: Channel, most: int) -> list[Outgoing]:
        """Returns due deliveries. Each plugin has its turn, so that many messages of one do not delay the others."""
        day_ago = rfc3339(datetime.fromisoformat(tx.now) - timedelta(days=1))
        producers = [row["producer"] for row in tx.all(self._sql.list_waiting_producers)]
        producers.sort(key=lambda producer: self._last_turns.get(producer, 0))
        found = [
            [
                Outgoing(**row)
                for row in tx.all(
                    self._sql.list_due_deliveries,
                    producer=producer,
                    channel=channel,
                    now=tx.now,
                    most=most,
                    day_ago=day_ago,
                    most_mails=MAX_MAILS_A_DAY,
                )
            ]
            for producer in producers
        ]
        in_turns = [one for turn in zip_longest(*found) for one in turn if one is not None][:most]
        self._last_turns |= {one.producer: next(self._turns) for one in in_turns}
        return in_turns

    def _lease(self, tx: Transaction, due: Sequence[Outgoing], holder: str, until: str) -> list[Outgoing]:
        """Leases those that are not obsolete, with their texts as of now."""
        taken = []
        for one in due:
            if (texts := self._refresh(tx, one)) is not None:
                tx.run(self._sql.lease_delivery, delivery_id=one.id, holder=holder, texts=texts, until=until)
                attempts = one.attempts + 1
                taken.append(
                    structs.replace(one, texts=texts, state="leased", holder=holder, ready_at=until, attempts=attempts)
                )
        return taken

    def _refresh(self, tx: Transaction, one: Outgoing) -> str | None:
        """Returns the texts to tell. None: the delivery is void, or its plugin failed and is asked again later."""
        refresh = self.refreshers.get(one.producer)
        if refresh is None:
            return one.texts
        try:
            texts = refresh(one.notice, tx)
            stored = None if texts is None else encode_texts(texts)
        except Exception as error:
            log.error("notice_refresh_failed", plugin=one.producer, delivery=one.id, exc_info=error)
            ready_at = rfc3339(datetime.fromisoformat(tx.now) + _PAUSE_AFTER_ERROR)
            tx.run(self._sql.postpone_delivery, delivery_id=one.id, ready_at=ready_at)
            return None
        if stored is None:
            tx.run(self._sql.void_delivery, delivery_id=one.id)
        return stored
