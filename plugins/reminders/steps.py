"""Writes for many rows, without holding up other writers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from eventorg.plugin import Context, Transaction

_MAX_WRITE: Final = 200

Row = Mapping[str, Any]


async def in_steps(context: Context, rows: Sequence[Row], act: Callable[[Transaction, Row], None]) -> None:
    """Calls a function for each row, a limited number in each transaction."""
    for start in range(0, len(rows), _MAX_WRITE):
        step = rows[start : start + _MAX_WRITE]

        def work(tx: Transaction, step: Sequence[Row] = step) -> None:
            for row in step:
                act(tx, row)

        await context.write(work)
