"""Puts broadcasts into the outbox, a limited number of messages in each transaction.

Who has a message already is a row, which is written with the message. So a crash, a restart, or a merge of accounts
between two steps neither loses a message nor makes it twice.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from eventorg.plugin import Context, DomainError, Notice, Transaction, rfc3339

STEP: Final = 100
"""The largest number of messages that are made in one transaction."""

_POLL_SECONDS: Final = 0.5
_MAX_DUE: Final = 100
_PASSES: Final = 2
"""The second pass finds those whose account was merged into another one during the first."""
_NO_LIMIT: Final = -1

Row = Mapping[str, Any] | sqlite3.Row


def begin(context: Context, tx: Transaction, message: Row) -> None:
    """Puts a new broadcast into the outbox: all of it, or the first step."""
    people = _list_people(context, tx, message, STEP + 1)
    _tell(context, tx, message, people[:STEP])
    if len(people) <= STEP:
        tx.run(context.sql.finish_message, number=message["number"], now=tx.now)


@asynccontextmanager
async def sending(context: Context) -> AsyncIterator[None]:
    """Sends broadcasts when they are due, until the block ends."""

    async def send_forever() -> None:
        while True:
            try:
                await send_due(context)
            except DomainError as error:  # for example a full disk
                context.log.warning("broadcasts_postponed", reason=error.code)
            await asyncio.sleep(_POLL_SECONDS)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(send_forever())
        yield
        task.cancel()


async def send_due(context: Context) -> None:
    """Puts everything that is due into the outbox."""
    now = rfc3339(context.clock())
    for row in await context.read(lambda tx: tx.all(context.sql.list_due_messages, now=now, most=_MAX_DUE)):
        await _send(context, dict(row))


def refresh(notice: Notice, context: Context, tx: Transaction) -> dict[str, str] | None:
    """Returns the text of a message, or None if it was stopped, or if the user has left."""
    message_id = notice.dedupe_key.partition(":")[0]
    row = tx.one(context.sql.get_text, id=message_id, user_id=notice.user_id)
    return _texts(row["text"]) if row else None


async def _send(context: Context, message: Row) -> None:
    for _ in range(_PASSES):
        people = await context.read(lambda tx: _list_people(context, tx, message, _NO_LIMIT))
        missed = 0
        for start in range(0, len(people), STEP):
            step = people[start : start + STEP]

            def work(tx: Transaction, step: Sequence[str] = step) -> int:
                return _tell(context, tx, message, step)

            missed += await context.write(work)
        if not missed:
            break
    await context.write(lambda tx: tx.run(context.sql.finish_message, number=message["number"], now=tx.now))


def _list_people(context: Context, tx: Transaction, message: Row, most: int) -> list[str]:
    """Returns the users who have to get a message and do not have it."""
    wanted = {name: message[name] for name in ("number", "event_id", "audience")}
    return [row["user_id"] for row in tx.all(context.sql.list_people, **wanted, most=most)]


def _tell(context: Context, tx: Transaction, message: Row, people: Sequence[str]) -> int:
    """Makes a message for each user, unless the broadcast was stopped. Returns the number of users who are gone."""
    number = message["number"]
    if tx.one(context.sql.is_open, number=number) is None:
        return 0
    missed = 0
    for user_id in people:
        if tx.one(context.sql.is_recipient, number=number, user_id=user_id):
            continue
        key = f"{message['id']}:{user_id}"
        is_made = context.notify(
            tx,
            user_id,
            kind="message",
            dedupe_key=key,
            texts=_texts(message["text"]),
            event_id=message["event_id"],
        )
        if is_made:
            tx.run(context.sql.add_recipient, number=number, user_id=user_id, dedupe_key=f"broadcasts:{key}")
        else:
            missed += 1
    return missed


def _texts(text: str) -> dict[str, str]:
    """Returns the text for all languages. The outbox takes it for each of them."""
    return {"en": text}
