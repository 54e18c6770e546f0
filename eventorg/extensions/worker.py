"""Delivers facts to a plugin and runs its jobs.

Each fact is delivered at least once and in order, even after a crash: a plugin's position in the change log is a row in
the database. A handler that raises, hangs, or blocks delays its own plugin only. A change that keeps failing becomes a
dead letter.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog

from eventorg.domain.errors import DomainError
from eventorg.domain.facts import FACTS, Change, Fact
from eventorg.domain.values import rfc3339
from eventorg.extensions.context import PluginContext
from eventorg.extensions.faults import describe_error, find_place
from eventorg.extensions.loader import LoadedPlugin
from eventorg.extensions.supervisor import MAX_PAUSE, Supervisor, growing_pause
from eventorg.plugin import FactType, Job, Plugin
from eventorg.plugin.declarations import Handler
from eventorg.repositories.plugins import (
    MAX_ATTEMPTS,
    MAX_BATCH,
    PluginPosition,
    PluginRepository,
    PluginState,
    PluginWork,
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
NOTE_SECONDS = 1.0
"""Changes that do not concern the plugin move its position this often. Until then, it is only in memory: after a crash,
they are searched again."""

log = structlog.get_logger("eventorg.plugins")


class PluginWorker:
    """Serves one plugin: delivers its facts one after the other and runs its jobs next to them, in its lifespan."""

    def __init__(
        self, loaded: LoadedPlugin, context: PluginContext, plugins: PluginRepository, database: Database
    ) -> None:
        self.name: Final = loaded.plugin.name
        self._plugin: Final = loaded.plugin
        self._handlers: Final = dict(_by_type(loaded.plugin))
        self._handler_of_others: Final = loaded.plugin.on.get(Fact)
        self._types: Final = None if self._handler_of_others else self._handlers
        self._context = context
        self._plugins = plugins
        self._database = database
        self._news = asyncio.Event()
        self._seen = 0  # all changes up to it are finished; the row may lag by what did not concern the plugin
        self._noted_at = -NOTE_SECONDS
        self._singly = 0  # the number of changes to deliver one by one: one of them may have ended the process
        self._last_runs: dict[Job, datetime] = {}
        self._supervisor = Supervisor(self.name, self._enter_lifespan, self._work, self._report_crashes)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves the plugin until the block ends. Work that is then in progress is repeated after the next start.

        Raises `OperatorError` if the plugin's lifespan cannot be entered.
        """
        if not (self._plugin.on or self._plugin.jobs or self._plugin.lifespan):
            yield
            return
        if self._plugin.on:
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
                await self._plugins.mark_idle(self.name, self._seen)

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
        return [*jobs, self._deliver_forever()] if self._plugin.on else jobs

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
            work = await self._plugins.find_next(self.name, self._types, 0)
            fact = next((fact for fact in work.facts if fact.seq == place.running), None)
            if fact is None:  # it is too old to be in the log
                await self._plugins.advance(self.name, place.seq)
            else:
                await self._retry_later(place, place.seq, fact, "the process ended during this call")

    async def _deliver_forever(self) -> None:
        while True:
            try:
                await self._deliver()
            except Exception as error:
                log.warning("plugin_delivery_failed", plugin=self.name, error=str(error))
                await asyncio.sleep(1)

    async def _deliver(self) -> None:
        """Delivers the next facts, or waits for some."""
        self._news.clear()
        work = await self._plugins.find_next(self.name, self._types, self._seen)
        if work.dead_letter is not None:
            await self._retry_dead_letter(work.dead_letter)
        elif not work.facts:
            await self._note(work.place, work.upto)
            if work.upto == work.after:
                await self._wait(POLL_SECONDS if work.upto == work.place.seq else NOTE_SECONDS)
            elif not work.more:
                await asyncio.sleep(BATCH_SECONDS)
        elif self._must_wait(work.place):
            await asyncio.sleep(TICK_SECONDS)
        else:
            await self._deliver_in_order(work)
            if len(work.facts) < MAX_BATCH:
                await asyncio.sleep(BATCH_SECONDS)

    async def _wait(self, seconds: float) -> None:
        """Waits for a commit. Another process may ask for a retry, so it waits no longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _note(self, place: PluginPosition, seq: int) -> None:
        """Notes that changes up to `seq` did not concern the plugin."""
        self._seen, now = seq, time.monotonic()
        if seq > place.seq and now - self._noted_at >= NOTE_SECONDS:
            self._noted_at = now
            await self._plugins.advance(self.name, seq)

    def _must_wait(self, place: PluginPosition) -> bool:
        """Returns true before the time of a retry. A time beyond the longest pause means a clock that was set back."""
        now = self._context.clock()
        return place.due_at is not None and rfc3339(now) < place.due_at <= rfc3339(now + MAX_PAUSE)

    async def _deliver_in_order(self, work: PluginWork) -> None:
        """Delivers facts up to the first that fails."""
        place, done, facts, upto = work.place, work.after, work.facts, work.upto
        if place.attempts or self._singly:
            facts, upto = facts[:1], facts[0].seq
            self._singly = max(0, self._singly - 1)
        wanted = await self._filter(facts)
        marked = False
        for fact in facts:
            if fact.seq in wanted:
                if not marked:
                    await self._plugins.mark_running(self.name, done, fact.seq)
                    marked = True
                if error := await self._call_handler(fact):
                    await self._retry_later(place, done, fact, error)
                    return
            done = fact.seq
        if marked or place.attempts:
            self._seen = upto
            await self._plugins.advance(self.name, upto)
        else:
            await self._note(place, upto)

    async def _filter(self, facts: list[Fact]) -> set[int]:
        """Returns the numbers of the facts to deliver: all of them if the plugin's filter fails."""
        function = self._plugin.filter
        if function is None or not facts:
            return {fact.seq for fact in facts}
        try:
            return await self._context.read(lambda tx: {fact.seq for fact in function(facts, self._context, tx)})
        except Exception as error:
            log.error("plugin_filter_failed", plugin=self.name, error=describe_error(error), at=find_place(error))
            return {fact.seq for fact in facts}

    async def _retry_later(self, place: PluginPosition, done: int, change: Fact, error: str) -> None:
        attempts = place.attempts + 1 if done == place.seq else 1
        fields = {"plugin": self.name, "seq": change.seq, "type": change.type, "attempts": attempts, "error": error}
        if attempts < MAX_ATTEMPTS:
            log.warning("handler_failed", **fields)
            await self._plugins.retry_later(self.name, done, attempts, growing_pause(attempts), error)
        else:
            log.error("change_failed", **fields)
            await self._plugins.dead_letter(self.name, change, error)

    async def _retry_dead_letter(self, change: Fact) -> None:
        """Delivers a dead letter once. It stays a dead letter if the process ends while the handler runs."""
        await self._plugins.retry_dead_letter(self.name, change)
        if error := await self._call_handler(change):
            await self._plugins.dead_letter(self.name, change, error)
        else:
            await self._plugins.delete_dead_letter(self.name, change)

    def _find_handler(self, kind: str) -> Handler | None:
        return self._handlers.get(kind, self._handler_of_others)

    async def _call_handler(self, fact: Fact) -> str | None:
        """Calls the handler of a fact. Returns its error, or None."""
        handler = self._find_handler(fact.type)
        if handler is None:  # a dead letter of a version that had a handler
            return None
        return await self._guard(partial(handler, fact, self._context), HANDLER_SECONDS)

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
    """Yields the handlers by the type that the change log has. `Fact` is no type, but stands for all others."""
    names = {kind: name for name, kind in FACTS.items()}
    for kind, handler in plugin.on.items():
        if isinstance(kind, FactType):
            yield f"{plugin.name}.{kind.name}", handler
        elif kind is not Fact:
            yield names[kind], handler


def _is_stopping() -> bool:
    """Returns true if this task itself is cancelled, and not only something that a handler awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
