"""The outbox: messages for users, their leases and their results. It is fed by plugins."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import uuid4

import msgspec
from msgspec import structs

from eventorg.domain.calendars import CalendarEvent
from eventorg.domain.callers import Caller
from eventorg.domain.deliveries import (
    KINDS_WITH_CALENDAR,
    NOT_HELD,
    Acknowledged,
    AcknowledgedResult,
    AcknowledgedResults,
    Acknowledgement,
    Delivery,
    DeliveryResult,
    KeptDelivery,
    Lease,
    Notice,
    Outgoing,
    encode_texts,
    full_key,
    full_name,
    pause_after,
)
from eventorg.domain.errors import Conflict, NotFound
from eventorg.domain.idempotency import Once
from eventorg.locales import negotiate
from eventorg.repositories.delivery_leases import DeliveryLeases
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

SERVER: Final = ""
"""The holder of the server's own leases, for mail. No bot has this name."""
MAX_ATTEMPTS: Final = 8
"""After this many attempts a mail has failed."""

_MAX_SWEEP: Final = 500
_ONE: Final = Lease(limit=1, lease_seconds=600)


class DeliveryRepository:
    """Stores deliveries, hands them to bots and to the mail sender, and takes their results."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        leases: DeliveryLeases,
        idempotency: IdempotencyRepository,
        *,
        sends_mail: bool,
    ) -> None:
        self._database = database
        self._sql = sql
        self._leases = leases
        self._idempotency = idempotency
        self.sends_mail: Final = sends_mail

    def add(
        self,
        tx: Transaction,
        producer: str,
        notice: Notice,
        texts: Mapping[str, str],
        expires_at: str | None,
        *,
        replace: bool = False,
    ) -> bool:
        """Adds a message of a plugin. Returns false if its key was used before, or if there is no such user.

        A message for a user who cannot be reached is stored as `blocked`. With `replace`, older messages of this
        kind about this event are not told to the user any more. Raises `ValueError` for a missing, empty or
        too long text.
        """
        stored = encode_texts(texts)
        key = full_key(producer, notice.kind, notice.dedupe_key)
        kind = full_name(producer, notice.kind)
        if replace:
            same = {
                "dedupe_key": key,
                "producer": producer,
                "kind": kind,
                "user_id": notice.user_id,
                "event_id": notice.event_id,
            }
            tx.run(self._sql.cancel_others, **same)
            tx.run(self._sql.expire_others, **same, now=tx.now)
        return bool(
            tx.run(
                self._sql.create_delivery,
                delivery_id=str(uuid4()),
                dedupe_key=key,
                producer=producer,
                kind=kind,
                user_id=notice.user_id,
                event_id=notice.event_id,
                texts=stored,
                due_at=notice.due_at,
                expires_at=expires_at,
                mail=self.sends_mail,
            )
        )

    def cancel(self, tx: Transaction, producer: str, dedupe_keys: Sequence[str]) -> int:
        """Deletes messages of a plugin that are not leased yet, by the plugin's keys, and returns their number."""
        return sum(
            tx.run(self._sql.cancel_delivery, dedupe_key=key, producer=producer)
            for own in dedupe_keys
            for key in (f"{producer}:{own}", own)
        )

    def move(self, tx: Transaction, gone_id: str, stays_id: str) -> None:
        """Moves everything of a user who is merged into another one. Nothing is told to both."""
        tx.run(self._sql.drop_deliveries_told_to_both, user_id=gone_id, stays_id=stays_id)
        tx.run(self._sql.reassign_deliveries, user_id=gone_id, stays_id=stays_id)

    async def lease_for_bot(self, wanted: Lease, caller: Caller, once: Once | None = None) -> list[Delivery]:
        """Leases messages for users with a Telegram account to a bot, the oldest first.

        The record of an `Idempotency-Key` has their ids only. A replay returns those that the bot still holds.
        """
        holder = caller.bot or ""

        def work(tx: Transaction) -> list[str]:
            return [one.id for one in self._leases.take(tx, holder, "telegram", wanted)]

        ids = await self._idempotency.write(caller, list[str], work, once, None)

        def load_held(tx: Transaction) -> list[Outgoing]:
            found = (self._leases.find(tx, delivery_id) for delivery_id in ids)
            return [one for one in found if one and (one.state, one.holder) == ("leased", holder)]

        return [_delivery(one) for one in await self._database.read(load_held) if one.telegram_id is not None]

    async def acknowledge(
        self, delivery_id: str, said: Acknowledgement, caller: Caller, once: Once | None = None
    ) -> Acknowledged:
        """Stores the result of a delivery that a bot holds. The same result again changes nothing.

        Raises `NotFound` (also if the user or event has been deleted) and `Conflict` (the bot does not hold the
        delivery).
        """
        return await self._idempotency.write(
            caller, Acknowledged, lambda tx: self._acknowledge(tx, delivery_id, said, caller), once, None
        )

    async def acknowledge_all(
        self, results: Sequence[DeliveryResult], caller: Caller, once: Once | None = None
    ) -> AcknowledgedResults:
        """Stores several results. One that cannot be stored has no effect on the others."""

        def work(tx: Transaction) -> AcknowledgedResults:
            return AcknowledgedResults([self._try_to_acknowledge(tx, said, caller) for said in results])

        return await self._idempotency.write(caller, AcknowledgedResults, work, once, None)

    async def claim_mail(self) -> Outgoing | None:
        """Leases the next mail to the server."""

        def work(tx: Transaction) -> Outgoing | None:
            for mail in self._leases.take(tx, SERVER, "email", _ONE):
                if mail.kind not in KINDS_WITH_CALENDAR:
                    return mail
                row = tx.one(self._sql.get_event_to_attend, event_id=mail.event_id, user_id=mail.user_id)
                return structs.replace(mail, event=CalendarEvent(**row)) if row else mail
            return None

        return await self._database.write(work)

    async def release_mail(self) -> None:
        """Ends the leases of mails that the server did not finish, because it stopped."""
        await self._database.write(
            lambda tx: tx.run(self._sql.release_deliveries, holder=SERVER, now=tx.now, most_attempts=MAX_ATTEMPTS)
        )

    async def finish_mail(self, mail: Outgoing, state: str) -> None:
        """Stores the result of a mail: `sent`, `retry` or `failed`. A retry follows after a growing pause."""
        await self._database.write(lambda tx: self._leases.finish(tx, mail, state, pause_after(mail.attempts)))

    def find_all_for_user(self, tx: Transaction, user_id: str) -> list[KeptDelivery]:
        """Returns the deliveries of a user in the order they were made."""
        rows = [dict(row) for row in tx.all(self._sql.list_deliveries_of, user_id=user_id)]
        return [KeptDelivery(**row | {"texts": msgspec.json.decode(row["texts"])}) for row in rows]

    async def forget(self, before: str) -> None:
        """Deletes the deliveries that expired, or were due, before a time, a limited number in each transaction."""

        def sweep(tx: Transaction) -> int:
            return tx.run(self._sql.forget_deliveries, before=before, most=_MAX_SWEEP)

        while await self._database.write(sweep) == _MAX_SWEEP:
            pass

    def _acknowledge(self, tx: Transaction, delivery_id: str, said: Acknowledgement, caller: Caller) -> Acknowledged:
        before = self._leases.find(tx, delivery_id)
        if before is None:
            raise NotFound("delivery_not_found")
        if before.holder != caller.bot or before.state not in ("leased", said.result):
            raise Conflict(**NOT_HELD)
        retry_at = before.ready_at
        if before.state == "leased":
            pause = pause_after(before.attempts) if said.retry_after is None else timedelta(seconds=said.retry_after)
            retry_at = self._leases.finish(tx, before, said.result, pause)
        return Acknowledged(before.id, said.result, retry_at if said.result == "retry" else None)

    def _try_to_acknowledge(self, tx: Transaction, said: DeliveryResult, caller: Caller) -> AcknowledgedResult:
        try:
            done = self._acknowledge(tx, said.id, said, caller)
        except NotFound:
            return AcknowledgedResult(id=said.id, code="delivery_not_found")
        except Conflict:
            return AcknowledgedResult(id=said.id, code="conflict")
        return AcknowledgedResult(id=done.id, state=done.state, retry_at=done.retry_at)


def text_for(texts: Mapping[str, str], locale: str) -> str:
    """Returns the text in the language of a locale, or else in the one that is negotiated, or else in any."""
    primary = locale.partition("-")[0].lower()
    found = texts.get(primary) or texts.get(negotiate(locale))
    return found or next(iter(texts.values()))


def _delivery(one: Outgoing) -> Delivery:
    return Delivery(
        id=one.id,
        dedupe_key=one.dedupe_key,
        kind=one.kind,
        channel="telegram",
        user_id=one.user_id,
        telegram_id=one.telegram_id or 0,
        locale=one.locale,
        event_id=one.event_id,
        text=text_for(msgspec.json.decode(one.texts), one.locale),
        due_at=one.due_at,
    )
