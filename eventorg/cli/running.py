"""What commands share: an action on the database, whether it is served at the moment or not."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from eventorg.core import Core
from eventorg.domain.errors import DomainError, Invalid
from eventorg.errors import OperatorError
from eventorg.settings import load
from eventorg.web.problems import explain, explain_fault

T = TypeVar("T")


def run_with_core(action: Callable[[Core], Awaitable[T]]) -> T:
    """What an action comes to. Raises `OperatorError`, also for what the domain refuses."""
    core = Core(load())
    core.prepare()

    async def act() -> T:
        async with core.database.opened(checkpoints=False):
            return await action(core)

    try:
        return asyncio.run(act())
    except Invalid as error:
        raise OperatorError(
            " ".join(f"{fault.field}: {explain_fault('en', fault)}" for fault in error.errors)
        ) from None
    except DomainError as error:
        raise OperatorError(explain("en", error)[1]) from None
