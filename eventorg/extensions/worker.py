"""Delivers facts to a plugin and runs its jobs.

Each fact is delivered at least once and in order, even after a crash: a plugin's position in the change log is a row in
the database. A handler that raises, hangs, or blocks delays its own plugin only. A change that keeps failing becomes a
dead letter.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from msgspec import structs

from eventorg.domain.errors import DomainError
from eventorg.domain.facts import FACTS, Change, Fact
from eventorg.domain.values import rfc3339
from eventorg.extensions.context import PluginContext
from eventorg.extensions.loader import LoadedPlugin
from eventorg.extensions.supervisor import MAX_PAUSE, Supervisor, describe_error, growing_pause
from eventorg.plugin import FactType, Job, Plugin
from eventorg.plugin.declarations import Handler
from eventorg.repositories.plugins import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    PluginPosition,
    PluginRepository,
    PluginState,
    summarize,
)
from eventorg.storage.database import Database

HANDLER_SECONDS = 30.0
TICK_SECONDS = 0.2
"""Interval between checks of the clock while a retry or a job is pending."""
POLL_SECONDS = 5.0
"""Interval between checks of the plugin's row while nothing happens."""
BATCH_SECONDS = 0.05
"""Changes that follow within this time are delivered together: each batch costs two writes."""

log = structlog.get_logger("eventorg.plugins")


class PluginWorker:
    """Serves one plugin: delivers its facts one after the other and runs its jobs next to them, in its lifespan."""

    def __init__(
        self, loaded: LoadedPlugin, context: PluginContext, plugins: PluginRepository, database: Database
    ) -> None:
        self.name: Final = loaded.plugin.name
        self._plugin: Final = loaded.plugin
        self._handlers: Final = dict(_by_type(loaded.plugin))
        self._context = context
        self._plugins = plugins
        self._database = database
        self._news = asyncio.Event()
        self._singly = 0  # the number of changes to deliver one by one: one of them may have ended the process
        self._last_runs: dict[Job, datetime] = {}
        self._supervisor = Supervisor(self.name, self._enter_lifespan, self._work, self._report_crashes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves the plugin until the block ends. Work that is then in progress is repeated after the next start.

        Raises `OperatorError` if the plugin's lifespan cannot be entered.
        """
        if not (self._handlers or self._plugin.jobs or self._plugin.lifespan):
            yield
            return
        if self._handlers:
            await self._resume()
        if self._plugin.lifespan:
            await self._plugins.forget_crashes(self.name)
        self._database.listeners.append(self._on_commit)
        try:
            async with self._supervisor.running():
                yield
        finally:
            self._database.listeners.remove(self._on_commit)
            if not self._supervisor.is_abandoned:
                await self._plugins.mark_idle(self.name)

    def health(self, state: PluginState | None) -> str:
        """Returns the plugin's health from its stored state and the crashes of its lifespan. If it is `ok`, returns the
        problem that the plugin itself shows, if there is one."""
        summary = summarize(state, self._supervisor.crashes)
        return self._context.problem or summary if summary == "ok" else summary

    def _enter_lifespan(self) -> AbstractAsyncContextManager[None]:
        lifespan = self._plugin.lifespan
        return lifespan(self._context) if lifespan else nullcontext()

    def _work(self) -> list[Coroutine[Any, Any, None]]:
        jobs = [self._run_job_forever(job) for job in self._plugin.jobs]
        return [*jobs, self._deliver_forever()] if self._handlers else jobs

    async def _report_crashes(self, crashes: int, error: str) -> None:
        """Stores the crashes for the operator, or forgets them if there are none any more."""
        try:
            if crashes:
                await self._plugins.record_crash(self.name, crashes, error)
            else:
                await self._plugins.forget_crashes(self.name)
        except DomainError as refused:  # for example a full disk
            log.warning("plugin_crashes_not_recorded", plugin=self.name, error=refused.code)

    def _on_commit(self, _: list[Change]) -> None:
        """Wakes the delivery. Runs on the server's loop."""
        if not self._news.is_set():  # otherwise the delivery has yet to look, and clears this before it does
            self._supervisor.call_soon(self._news.set)

    async def _resume(self) -> None:
        """Loads the plugin's position. If the process ended while a handler ran, counts a failure of that change."""
        place = await self._plugins.register(self.name)
        if place.running is not None:
            self._singly = MAX_BATCH
            _, changes, _ = await self._plugins.find_next(self.name)
            change = next((change for change in changes if change.seq == place.running), None)
            if change is None:  # it is too old to be in the log
                await self._plugins.advance(self.name, place.seq)
            else:
                await self._retry_later(place, place.seq, change, "the process ended during this call")

    async def _deliver_forever(self) -> None:
        while True:
            try:
                await self._deliver()
            except Exception as error:
                log.warning("plugin_delivery_failed", plugin=self.name, error=str(error))
                await asyncio.sleep(1)

    async def _deliver(self) -> None:
        """Delivers the next changes, or waits for some."""
        self._news.clear()
        place, changes, dead_letter = await self._plugins.find_next(self.name)
        if dead_letter is not None:
            await self._retry_dead_letter(dead_letter)
        elif not changes:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):  # another process may ask for a retry
                    await self._news.wait()
        elif self._must_wait(place):
            await asyncio.sleep(TICK_SECONDS)
        else:
            await self._deliver_in_order(place, changes)
            if len(changes) < MAX_BATCH:
                await asyncio.sleep(BATCH_SECONDS)

    def _must_wait(self, place: PluginPosition) -> bool:
        """Returns true before the time of a retry. A time beyond the longest pause means a clock that was set back."""
        now = self._context.clock()
        return place.due_at is not None and rfc3339(now) < place.due_at <= rfc3339(now + MAX_PAUSE)

    async def _deliver_in_order(self, place: PluginPosition, changes: list[Change]) -> None:
        """Delivers changes up to the first that fails."""
        done = place.seq
        if place.attempts or self._singly:
            changes = changes[:1]
            self._singly = max(0, self._singly - 1)
        marked = False
        wanted = await self._filter([_fact(change) for change in changes if change.type in self._handlers])
        for change in changes:
            if change.seq in wanted:
                if not marked:
                    await self._plugins.mark_running(self.name, done, change.seq)
                    marked = True
                if error := await self._call_handler(change):
                    await self._retry_later(place, done, change, error)
                    return
            done = change.seq
        await self._plugins.advance(self.name, done)

    async def _filter(self, facts: list[Fact]) -> set[int]:
        """Returns the numbers of the facts to deliver: all of them if the plugin's filter fails."""
        function = self._plugin.filter
        if function is None or not facts:
            return {fact.seq for fact in facts}
        try:
            return await self._context.read(lambda tx: {fact.seq for fact in function(facts, self._context, tx)})
        except Exception as error:
            log.error("plugin_filter_failed", plugin=self.name, error=describe_error(error))
            return {fact.seq for fact in facts}

    async def _retry_later(self, place: PluginPosition, done: int, change: Change, error: str) -> None:
        attempts = place.attempts + 1 if done == place.seq else 1
        fields = {"plugin": self.name, "seq": change.seq, "type": change.type, "attempts": attempts, "error": error}
        if attempts < MAX_ATTEMPTS:
            log.warning("handler_failed", **fields)
            await self._plugins.retry_later(self.name, done, attempts, growing_pause(attempts), error)
        else:
            log.error("change_failed", **fields)
            await self._plugins.dead_letter(self.name, change, error)

    async def _retry_dead_letter(self, change: Change) -> None:
        """Delivers a dead letter once. It stays a dead letter if the process ends while the handler runs."""
        await self._plugins.retry_dead_letter(self.name, change)
        if error := await self._call_handler(change):
            await self._plugins.dead_letter(self.name, change, error)
        else:
            await self._plugins.delete_dead_letter(self.name, change)

    async def _call_handler(self, change: Change) -> str | None:
        """Calls the handler of a change. Returns its error, or None."""
        handler = self._handlers.get(change.type)
        if handler is None:  # a dead letter of a version that had a handler
            return None
        return await self._guard(partial(handler, _fact(change), self._context), HANDLER_SECONDS)

    async def _run_job_forever(self, job: Job) -> None:
        while True:
            now = self._context.clock()
            last = self._last_runs.get(job)
            if last is not None and last <= now < last + job.every:  # otherwise it is due, or the clock was set back
                await asyncio.sleep(TICK_SECONDS)
                continue
            self._last_runs[job] = now
            if error := await self._guard(partial(job.run, self._context), job.timeout.total_seconds()):
                log.error("job_failed", plugin=self.name, job=job.name, error=error)

    async def _guard(self, work: Callable[[], Awaitable[None]], seconds: float) -> str | None:
        """Calls a plugin's function. Returns its error, exit or timeout in one line, or None."""
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await work()
        except BaseException as error:
            if limit.expired():
                return f"took longer than {seconds:.0f} s"
            if isinstance(error, asyncio.CancelledError) and _is_stopping():
                raise
            log.debug("plugin_error_traced", plugin=self.name, exc_info=error)
            return describe_error(error)
        return None


def _by_type(plugin: Plugin) -> Iterator[tuple[str, Handler]]:
    """Yields the handlers by the type that the change log has."""
    names = {kind: name for name, kind in FACTS.items()}
    for kind, handler in plugin.on.items():
        yield (f"{plugin.name}.{kind.name}" if isinstance(kind, FactType) else names[kind]), handler


def _fact(change: Change) -> Fact:
    return FACTS.get(change.type, Fact)(**structs.asdict(change))


def _is_stopping() -> bool:
    """Returns true if this task itself is cancelled, and not only something that a handler awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
