"""Sends due messages: one at a time to each webhook, and to many webhooks at once, so that none delays another."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import cached_property, partial
from ssl import SSLContext
from typing import Any, Final
from weakref import WeakKeyDictionary

import httpx
from anyio import CapacityLimiter

from eventorg.plugin import Context, DomainError, Transaction, rfc3339

from .destinations import Attempt, PinnedTransport, call
from .messages import make_headers

SCHEDULE: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""The pauses after failed attempts, as Standard Webhooks suggests. After the last one the message has failed."""
JITTER: Final = 0.2
"""Each pause is randomly extended by up to this fraction, so that messages that failed together are retried apart."""
MAX_RETRY_AFTER: Final = timedelta(hours=24)
MAX_FAILING: Final = timedelta(days=7)
MAX_FAILING_FULL: Final = timedelta(hours=1)
MAX_WAITING: Final = 1_000
"""With more waiting messages than this, a webhook may fail for an hour only."""
LANE: Final = 32
"""The number of concurrent messages to webhooks that respond quickly, and to the others, which cannot delay them."""
QUICK_MILLISECONDS: Final = 2_000
POLL_SECONDS: Final = 0.2
"""Interval between checks for messages that have become due."""

_threads = CapacityLimiter(2 * LANE)


class Sender:
    """Sends messages until it is cancelled. A message in progress is then sent again later, with the same ID."""

    def __init__(self) -> None:
        self._news = asyncio.Event()
        self._sending: dict[bool, dict[str, asyncio.Task[None]]] = {True: {}, False: {}}

    def wake(self) -> None:
        """Makes it look for due messages at once."""
        self._news.set()

    async def run(self, context: Context) -> None:
        """Sends each message when it is due, forever. If it is cancelled, ends the attempts in progress."""
        self._news = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                try:
                    await self._begin(context, group)
                except DomainError as error:
                    context.log.warning("webhook_poll_failed", error=error.code)
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._news.wait()

    async def _begin(self, context: Context, group: asyncio.TaskGroup) -> None:
        for quick, lane in self._sending.items():
            if len(lane) >= LANE:
                continue
            for webhook_id in await context.read(partial(_find_ready, context, quick)):
                if len(lane) < LANE and not any(webhook_id in busy for busy in self._sending.values()):
                    lane[webhook_id] = group.create_task(self._send(context, lane, webhook_id))

    async def _send(self, context: Context, lane: dict[str, Any], webhook_id: str) -> None:
        """Sends one message to a webhook, then frees its slot."""
        try:
            now = context.clock()
            message = await context.read(lambda tx: tx.one(context.sql.get_due, webhook_id=webhook_id, now=tx.now))
            if message is not None:
                headers = make_headers(message["id"], message["body"], message["secret"], now)
                transport = PinnedTransport(self._tls, allow_private=context.settings.allow_private, threads=_threads)
                attempt = await call(message["url"], message["body"], headers, transport, now)
                await context.write(lambda tx: _record(tx, context, message, attempt))
        except Exception as error:
            context.log.warning("webhook_send_failed", webhook=webhook_id, error=str(error))
            await asyncio.sleep(1)
        finally:
            del lane[webhook_id]
            self._news.set()

    @cached_property
    def _tls(self) -> SSLContext:
        return httpx.create_ssl_context()


_senders: WeakKeyDictionary[Context, Sender] = WeakKeyDictionary()


def sender_of(context: Context) -> Sender:
    """Returns the sender of a server."""
    return _senders.setdefault(context, Sender())


@asynccontextmanager
async def sending(context: Context) -> AsyncIterator[None]:
    """Sends messages as long as the server runs."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sender_of(context).run(context))
        try:
            yield
        finally:
            task.cancel()


def _find_ready(context: Context, quick: bool, tx: Transaction) -> list[str]:
    rows = tx.all(context.sql.list_ready, quick=int(quick), now=tx.now, most=3 * LANE)  # at most two lanes are busy
    return [row["id"] for row in rows]


def _record(tx: Transaction, context: Context, message: Any, attempt: Attempt) -> None:
    """Stores the result of an attempt and its effect on the webhook."""
    webhook_id, sql = message["webhook_id"], context.sql
    pause = None if attempt.succeeded or attempt.response_status == 410 else _pause(message["attempts"], attempt)
    tx.run(
        sql.note_attempt,
        id=message["id"],
        replays=message["replays"],
        status="delivered" if attempt.succeeded else "failed" if pause is None else "pending",
        due_at=rfc3339(context.clock() + pause) if pause else None,
        response_status=attempt.response_status,
        error=attempt.fault,
        milliseconds=attempt.milliseconds,
        now=tx.now,
    )
    if attempt.succeeded:
        quick = attempt.milliseconds <= QUICK_MILLISECONDS
        tx.run(sql.note_success, id=webhook_id, quick=int(quick), now=tx.now)
        return
    row = tx.one(sql.note_failure, id=webhook_id, now=tx.now)
    if attempt.response_status == 410:
        tx.run(sql.turn_off, id=webhook_id, reason="gone", now=tx.now)
    elif row is not None and _is_dead(tx, context, webhook_id, row["failing_since"]):
        tx.run(sql.turn_off, id=webhook_id, reason="failing", now=tx.now)


def _is_dead(tx: Transaction, context: Context, webhook_id: str, failing_since: str) -> bool:
    """Returns true after a week without a success, or after an hour if many messages wait: they take space."""
    now = context.clock()
    if failing_since <= rfc3339(now - MAX_FAILING):
        return True
    is_full = tx.one(context.sql.has_many_waiting, id=webhook_id, most=MAX_WAITING) is not None
    return is_full and failing_since <= rfc3339(now - MAX_FAILING_FULL)


def _pause(attempts: int, attempt: Attempt) -> timedelta | None:
    """Returns the pause after another failed attempt, or None if that was the last one."""
    if attempts >= len(SCHEDULE):
        return None
    pause = SCHEDULE[attempts] * (1 + secrets.SystemRandom().uniform(0, JITTER))
    return max(pause, min(attempt.retry_after, MAX_RETRY_AFTER))
