"""Leases outdated placements to their bot, and keeps what the bot has shown."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from eventorg.plugin import Caller, Context, Transaction, negotiate, rfc3339

from .placements import (
    AcknowledgedPlacement,
    AcknowledgedPlacements,
    LeasedPlacement,
    LeasedPlacements,
    PlacementLease,
    PlacementResult,
)
from .repository import bot_of

CALM_SECONDS: Final = 3
"""The time after a lease in which changes are collected while the bot waits. Telegram allows 20 edits a minute in a
group."""
LOOK_SECONDS: Final = 0.25
"""The time between two looks for outdated placements while a bot waits. A look only reads."""
FIRST_PAUSE: Final = timedelta(seconds=30)
MAX_PAUSE: Final = timedelta(hours=1)
_ANY_TIME: Final = "9999"
Identify = Callable[[], Awaitable[Caller]]


class _TakenError(Exception):
    """Another request was faster. Nothing is stored for an `Idempotency-Key`, because the wait goes on."""


async def lease(context: Context, wish: PlacementLease, caller: Caller, identify: Identify) -> LeasedPlacements:
    """Leases placements that show an old card, with the newest one. If there are none, waits for one.

    While it waits, it leaves out those that were leased a moment ago, and collects their changes. At the end of the
    wait it takes them too. Raises `TooMany` if too many requests of the bot wait, and the errors of `identify`, which
    returns the caller of now, if the bot may not lease any more after the wait.
    """
    if not wish.timeout or context.is_replay(caller):
        return await _lease_now(context, wish, caller, is_last=True)
    with context.waiting(bot_of(caller)):
        return await _wait(context, wish, caller, identify)


async def _wait(context: Context, wish: PlacementLease, caller: Caller, identify: Identify) -> LeasedPlacements:
    deadline = time.monotonic() + wish.timeout
    while not context.is_stopping and (left := deadline - time.monotonic()) > 0:
        if await context.read(lambda tx: tx.one(context.sql.list_outdated, **_query(tx, wish, caller, calm=tx.now))):
            with suppress(_TakenError):
                return await _lease_now(context, wish, await identify(), is_last=False)
        await asyncio.sleep(min(LOOK_SECONDS, left))
    return await _lease_now(context, wish, await identify(), is_last=True)


async def acknowledge(context: Context, results: list[PlacementResult], caller: Caller) -> AcknowledgedPlacements:
    """Keeps what the bot reports, in order."""

    def work(tx: Transaction) -> AcknowledgedPlacements:
        return AcknowledgedPlacements([_acknowledge(context, tx, result, caller) for result in results])

    return await context.write_once(caller, AcknowledgedPlacements, work)


def _query(tx: Transaction, wish: PlacementLease, caller: Caller, *, calm: str) -> dict[str, str | int]:
    return {"bot": bot_of(caller), "now": tx.now, "calm": calm, "most": wish.limit}


async def _lease_now(context: Context, wish: PlacementLease, caller: Caller, *, is_last: bool) -> LeasedPlacements:
    def work(tx: Transaction) -> LeasedPlacements:
        rows = tx.all(context.sql.list_outdated, **_query(tx, wish, caller, calm=_ANY_TIME if is_last else tx.now))
        if not rows and not is_last:
            raise _TakenError
        leased = []
        for row in rows:
            card = context.load_card(tx, row["event_id"], negotiate(row["locale"]), row["names"])
            tx.run(
                context.sql.lease_placement,
                id=row["id"],
                etag=card.card_etag,
                version=row["version"],
                until=_after(tx, timedelta(seconds=wish.lease_seconds)),
                calm_at=_after(tx, timedelta(seconds=CALM_SECONDS)),
            )
            leased.append(LeasedPlacement.with_card(row, card.text, card.card_etag))
        return LeasedPlacements(leased)

    return await context.write_once(caller, LeasedPlacements, work)


def _acknowledge(context: Context, tx: Transaction, result: PlacementResult, caller: Caller) -> AcknowledgedPlacement:
    row = tx.one(context.sql.get_placement, id=result.id, bot=bot_of(caller))
    if row is None:
        return AcknowledgedPlacement(id=result.id, code="placement_not_found")
    if result.result == "gone":
        tx.run(context.sql.delete_placement, id=result.id)
        return AcknowledgedPlacement(id=result.id, state="gone", shown_etag=row["shown_etag"], retry_at=None)
    is_held = row["leased_etag"] == result.etag
    if result.result == "retry":
        retry_at = row["ready_at"]
        if is_held:
            attempts = row["attempts"] + 1
            retry_at = _after(tx, _pause(result.retry_after, attempts))
            tx.run(context.sql.end_lease, id=result.id, ready_at=retry_at, attempts=attempts)
        return AcknowledgedPlacement(
            id=result.id, state="retry", shown_etag=row["shown_etag"], retry_at=max(retry_at, tx.now)
        )
    shown = row["shown_etag"]
    if not (is_held and row["is_obsolete"]):
        shown = result.etag
        version = row["leased_version"] if is_held else _version_of(context, tx, row["event_id"], result.etag)
        tx.run(context.sql.keep_shown, id=result.id, etag=shown, version=version)
    if is_held:
        tx.run(context.sql.end_lease, id=result.id, ready_at=tx.now, attempts=0)
    return AcknowledgedPlacement(id=result.id, state="shown", shown_etag=shown, retry_at=None)


def _version_of(context: Context, tx: Transaction, event_id: str, etag: str) -> int:
    """Returns the version of the event's card if this is its etag, or -1."""
    row = tx.one(context.sql.get_card_version, event_id=event_id)
    if row is None or context.load_card(tx, event_id, "en", 0).card_etag != etag:
        return -1
    return int(row["version"])


def _pause(seconds: int | None, attempts: int) -> timedelta:
    if seconds is not None:
        return timedelta(seconds=seconds)
    return min(FIRST_PAUSE * (1 << min(attempts - 1, 10)), MAX_PAUSE)


def _after(tx: Transaction, pause: timedelta) -> str:
    return rfc3339(datetime.fromisoformat(tx.now) + pause)
