"""Runs an action of a command on the database, whether or not the server runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from eventorg.core import Core
from eventorg.domain.errors import DomainError, Invalid
from eventorg.errors import OperatorError
from eventorg.locales.explanations import explain, explain_fault
from eventorg.settings import load
from eventorg.storage.ownership import is_known_to_be_sound
from eventorg.storage.schema import core_component, prepare, require_database

T = TypeVar("T")


def run_with_core(action: Callable[[Core], Awaitable[T]], *, plugins: bool = False) -> T:
    """Returns the result of an action. Raises `OperatorError`, also in place of a domain error.

    The database must exist, so that a command in the wrong folder creates none. Updates its schema first. Without
    `plugins`, only the core's: then no plugin is imported, and the plugins' schema waits for `serve` or `migrate`.
    """
    core = Core(load())
    path = core.settings.database_path
    require_database(path)
    components = core.components if plugins else [core_component()]
    prepare(path, components, core.clock, is_known_to_be_sound=is_known_to_be_sound(path))
    if plugins:
        core.check_statements()
        core.connect_plugins()

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
