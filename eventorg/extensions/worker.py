"""Tells plugins what has happened and runs their jobs, each on a thread and a loop of its own.

At least once and in order, also after a crash: a plugin's place in the change log is kept in the database. A handler
that raises, hangs or blocks holds up its own plugin alone; a change that keeps failing is set aside.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from msgspec import structs

from eventorg.domain.facts import FACTS, Change, Fact
from eventorg.domain.values import rfc3339
from eventorg.extensions.context import PluginContext
from eventorg.extensions.loader import LoadedPlugin
from eventorg.plugin import Job
from eventorg.repositories.plugins import MAX_BATCH, Place, PluginRepository
from eventorg.storage.database import Database

HANDLER_SECONDS = 30.0
JOB_SECONDS = 300.0
MAX_ATTEMPTS = 8
MAX_PAUSE = timedelta(minutes=5)
TICK_SECONDS = 0.2
"""How often the clock is looked at while something waits for its time."""
LOOK_SECONDS = 5.0
"""How often the place is looked at while nothing happens."""
GATHER_SECONDS = 0.05
"""What happens so soon after something has been told is told together: each time costs two writes."""
MAX_ERROR = 500
STOP_SECONDS = 2.0
"""How long a plugin may take to stop; one that hangs is left behind, and goes with the process."""

log = structlog.get_logger("eventorg.plugins")


class PluginWorker:
    """Serves one plugin: its facts one after the other, its jobs beside them."""

    def __init__(
        self, loaded: LoadedPlugin, context: PluginContext, plugins: PluginRepository, database: Database
    ) -> None:
        self._name: Final = loaded.plugin.name
        self._handlers: Final = loaded.plugin.on
        self._filter_facts: Final = loaded.plugin.choose
        self._jobs: Final = loaded.plugin.jobs
        self._context = context
        self._plugins = plugins
        self._database = database
        self._news = asyncio.Event()
        self._careful = 0  # so many changes are told one by one: one of them may have ended the program

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Delivers and runs jobs until the block ends; what is under way then is done again after the next start."""
        if not self._handlers and not self._jobs:
            yield
            return
        if self._handlers:
            await self._resume()
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, name=f"plugin {self._name}", daemon=True)
        thread.start()
        self._database.listeners.append(self._on_commit)
        try:
            yield
        finally:
            self._database.listeners.remove(self._on_commit)
            self._loop.call_soon_threadsafe(_cancel_all, self._loop)
            await asyncio.to_thread(thread.join, STOP_SECONDS)
            if thread.is_alive():
                log.warning("left behind", plugin=self._name, reason="it does not stop")
            else:
                await self._plugins.mark_idle(self._name)

    def _on_commit(self, _: list[Change]) -> None:
        """On the server's loop: there is something to tell."""
        if not self._news.is_set():  # else it has yet to look: before it does, this is cleared
            self._loop.call_soon_threadsafe(self._news.set)

    def _run(self) -> None:
        """On the plugin's thread."""
        asyncio.set_event_loop(self._loop)
        tasks = [self._run_job_for_ever(job) for job in self._jobs]
        if self._handlers:
            tasks.append(self._deliver_for_ever())
        all_tasks = asyncio.gather(*tasks, return_exceptions=True)
        while not all_tasks.done():  # until all are cancelled
            with suppress(KeyboardInterrupt, SystemExit):  # a task that a plugin has begun ends the loop by these
                self._loop.run_until_complete(all_tasks)
        self._loop.close()

    async def _resume(self) -> None:
        """Takes up the plugin's place; a change that was being told when the program ended has failed once more."""
        place = await self._plugins.register(self._name)
        if place.running is not None:
            self._careful = MAX_BATCH
            _, changes, _ = await self._plugins.find_next(self._name)
            change = next((change for change in changes if change.seq == place.running), None)
            if change is None:  # so long ago that the log does not reach back to it
                await self._plugins.advance(self._name, place.seq)
            else:
                await self._retry_later(place, place.seq, change, "the program ended in it")

    async def _deliver_for_ever(self) -> None:
        while True:
            try:
                await self._deliver()
            except Exception as error:
                log.warning("delivery put off", plugin=self._name, reason=str(error))
                await asyncio.sleep(1)

    async def _deliver(self) -> None:
        """Tells what there is to tell, or waits for something."""
        self._news.clear()
        place, changes, failure = await self._plugins.find_next(self._name)
        if failure is not None:
            await self._retry_dead_letter(failure)
        elif not changes:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):  # a retry is asked for by another process
                    await self._news.wait()
        elif self._must_wait(place):
            await asyncio.sleep(TICK_SECONDS)
        else:
            await self._deliver_in_order(place, changes)
            if len(changes) < MAX_BATCH:
                await asyncio.sleep(GATHER_SECONDS)

    def _must_wait(self, place: Place) -> bool:
        """Whether what failed is to be tried later. A time further off than any pause is of a clock set back since."""
        now = self._context.clock()
        return place.due_at is not None and rfc3339(now) < place.due_at <= rfc3339(now + MAX_PAUSE)

    async def _deliver_in_order(self, place: Place, changes: list[Change]) -> None:
        """Tells a stretch of the log, as far as the first change that fails."""
        done = place.seq
        if place.attempts or self._careful:
            changes = changes[:1]
            self._careful = max(0, self._careful - 1)
        marked = False
        chosen = await self._filter([_fact(change) for change in changes if FACTS[change.type] in self._handlers])
        for change in changes:
            if change.seq in chosen:
                if not marked:
                    await self._plugins.mark_running(self._name, done, change.seq)
                    marked = True
                if error := await self._call_handler(change):
                    await self._retry_later(place, done, change, error)
                    return
            done = change.seq
        await self._plugins.advance(self._name, done)

    async def _filter(self, facts: list[Fact]) -> set[int]:
        """The numbers of those that are to be told."""
        choose = self._filter_facts
        if choose is None or not facts:
            return {fact.seq for fact in facts}
        try:
            return await self._context.read(lambda tx: {fact.seq for fact in choose(facts, self._context, tx)})
        except Exception as error:
            log.error("choice failed", plugin=self._name, error=_short(error))
            return {fact.seq for fact in facts}

    async def _retry_later(self, place: Place, done: int, change: Change, error: str) -> None:
        attempts = place.attempts + 1 if done == place.seq else 1
        log.warning(
            "handler failed", plugin=self._name, seq=change.seq, type=change.type, attempts=attempts, error=error
        )
        if attempts < MAX_ATTEMPTS:
            await self._plugins.retry_later(self._name, done, attempts, _pause(attempts), error)
        else:
            await self._plugins.dead_letter(self._name, change, error)

    async def _retry_dead_letter(self, change: Change) -> None:
        """Tells a change that was set aside, once: it stays aside if the program ends in it."""
        await self._plugins.retry_dead_letter(self._name, change)
        if error := await self._call_handler(change):
            await self._plugins.dead_letter(self._name, change, error)
        else:
            await self._plugins.delete_dead_letter(self._name, change)

    async def _call_handler(self, change: Change) -> str | None:
        """Has the handler do its work; what went wrong, if anything."""
        handler = self._handlers.get(FACTS[change.type])
        if handler is None:  # set aside by a version that had one
            return None
        return await self._guard(partial(handler, _fact(change), self._context), HANDLER_SECONDS)

    async def _run_job_for_ever(self, job: Job) -> None:
        last = None
        while True:
            now = self._context.clock()
            if last is not None and last <= now < last + job.every:  # else it is due, or the clock was set back
                await asyncio.sleep(TICK_SECONDS)
                continue
            last = now
            if error := await self._guard(partial(job.run, self._context), JOB_SECONDS):
                log.error("job failed", plugin=self._name, job=job.name, error=error)

    async def _guard(self, work: Callable[[], Awaitable[None]], seconds: float) -> str | None:
        """Does a plugin's work; what went wrong, if anything: an error, an exit, or too much time."""
        try:
            async with asyncio.timeout(seconds):
                await work()
        except TimeoutError:
            return f"took longer than {seconds:.0f} s"
        except BaseException as error:
            if isinstance(error, asyncio.CancelledError) and _is_stopping():
                raise
            log.debug("plugin raised", plugin=self._name, exc_info=error)
            return _short(error)
        return None


def _fact(change: Change) -> Fact:
    return FACTS[change.type](**structs.asdict(change))


def _short(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:MAX_ERROR]


def _pause(attempts: int) -> timedelta:
    return min(timedelta(seconds=2 ** (attempts - 1)), MAX_PAUSE)


def _is_stopping() -> bool:
    """Whether this task is cancelled; what a handler waits for may be cancelled too, by whomever."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
