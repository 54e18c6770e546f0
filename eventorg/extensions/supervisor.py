"""Runs a plugin inside its lifespan, on a thread and event loop of its own, and restarts it after a crash."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any, Final

from eventorg.errors import OperatorError
from eventorg.extensions.faults import describe_error
from eventorg.logger import Logger

START_SECONDS = 30.0
"""The time limit for entering a lifespan."""
STOP_SECONDS = 2.0
"""The time limit for stopping. The thread of a plugin that takes longer is abandoned, and ends with the process."""
STEADY_SECONDS = 60.0
"""A lifespan that has run for this long has recovered from earlier crashes."""
FIRST_PAUSE = timedelta(seconds=1)
MAX_PAUSE = timedelta(minutes=5)

log = Logger("eventorg.plugins")


class Supervisor:
    """Enters the lifespan, runs `work()` in it, and leaves it: once, or again after each crash.

    `report` receives the number of crashes in a row and the error of the last one; 0 once it has recovered.

    The lifespan is entered before the work starts and left after the work has ended, also around a restart.
    """

    def __init__(
        self,
        name: str,
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
        work: Callable[[], Sequence[Coroutine[Any, Any, None]]],
        report: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self._name: Final = name
        self._lifespan: Final = lifespan
        self._work: Final = work
        self._report: Final = report
        self._crashes = 0
        self._entered_at: float | None = None
        self._is_entering = False
        self.is_abandoned = False

    @property
    def crashes(self) -> int:
        """The number of crashes in a row. It is 0 again once the lifespan has run for `STEADY_SECONDS`."""
        entered_at = self._entered_at
        if entered_at is not None and time.monotonic() - entered_at >= STEADY_SECONDS:
            return 0
        return self._crashes

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the plugin until the block ends. Raises `OperatorError` if the lifespan cannot be entered."""
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._started = Future[None]()
        thread = threading.Thread(target=self._run, name=f"plugin {self._name}", daemon=True)
        thread.start()
        try:
            await self._wait_for_the_start()
            yield
        finally:
            self.call_soon(self._stop)
            await asyncio.to_thread(thread.join, STOP_SECONDS)
            self.is_abandoned = thread.is_alive()
            if self.is_abandoned:
                log.warning("plugin_thread_abandoned", plugin=self._name, seconds=STOP_SECONDS)

    def call_soon(self, act: Callable[[], object]) -> None:
        """Calls a function on the plugin's loop. Does nothing once that has ended. For any thread."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(act)

    async def _wait_for_the_start(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS + STOP_SECONDS):  # longer: only for one that blocks its thread
                await asyncio.wrap_future(self._started)
        except TimeoutError:
            raise self._start_error(f"it took longer than {START_SECONDS:.0f} s") from None

    def _start_error(self, reason: str) -> OperatorError:
        return OperatorError(f"The plugin {self._name} cannot start: {reason.rstrip('.')}.")

    def _run(self) -> None:
        """Runs on the plugin's thread."""
        asyncio.set_event_loop(self._loop)
        self._finish(self._loop.create_task(self._supervise()))
        if stray := asyncio.all_tasks(self._loop):  # what the plugin started and did not end
            for task in stray:
                task.cancel()
            self._finish(asyncio.gather(*stray, return_exceptions=True))
        self._finish(self._loop.create_task(self._loop.shutdown_asyncgens()))
        self._loop.close()

    def _finish(self, future: asyncio.Future[Any]) -> None:
        while not future.done():
            with suppress(KeyboardInterrupt, SystemExit):  # from a task of the plugin's own, these end the loop
                self._loop.run_until_complete(future)

    async def _supervise(self) -> None:
        while not self._stopping.is_set():
            self._is_entering = True
            self._life = asyncio.create_task(self._live())
            await asyncio.wait([self._life])
            error = self._life.result()
            if error is None:
                return
            if not self._started.done():
                self._started.set_exception(self._start_error(error))
                return
            self._crashes = self.crashes + 1
            self._entered_at = None
            log.error("plugin_lifespan_failed", plugin=self._name, crashes=self._crashes, error=error)
            await self._report(self._crashes, error)
            with suppress(TimeoutError):
                async with asyncio.timeout(growing_pause(self._crashes).total_seconds()):
                    await self._stopping.wait()

    async def _live(self) -> str | None:
        """Runs the plugin once. Returns the error that ended it, or None if it was stopped."""
        limit = asyncio.timeout(START_SECONDS)
        try:
            async with AsyncExitStack() as stack:
                async with limit:
                    await stack.enter_async_context(self._lifespan())
                self._is_entering = False
                self._entered_at = time.monotonic()
                if not self._started.done():
                    self._started.set_result(None)
                await self._work_until_stopped()
        except BaseException as error:
            if self._is_entering and self._stopping.is_set() and isinstance(error, asyncio.CancelledError):
                return None
            log.debug("plugin_error_traced", plugin=self._name, exc_info=error)
            if limit.expired():
                return f"it took longer than {START_SECONDS:.0f} s"
            return describe_error(error)
        return None if self._stopping.is_set() else "the lifespan ended before the server stopped"

    async def _work_until_stopped(self) -> None:
        tasks = [asyncio.create_task(work) for work in self._work()]
        if self._crashes:
            tasks.append(asyncio.create_task(self._report_recovery()))
        try:
            await self._stopping.wait()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _report_recovery(self) -> None:
        await asyncio.sleep(STEADY_SECONDS)
        await self._report(0, "")

    def _stop(self) -> None:
        self._stopping.set()
        if self._is_entering:
            self._life.cancel()


def growing_pause(failures: int) -> timedelta:
    """Returns the pause after a number of failures in a row: 1 s, 2 s, 4 s … 5 minutes."""
    return min(FIRST_PAUSE * (1 << min(failures - 1, 20)), MAX_PAUSE)
