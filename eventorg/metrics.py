"""Metrics on requests, the database, and the plugins, in the text format of Prometheus.

Imported only if the metrics are on. Each application has its own registry, so a process can have several.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from anyio import to_thread
from litestar.types import Scope
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest

from eventorg import __version__
from eventorg.background.feed import Feed
from eventorg.domain.errors import DomainError
from eventorg.repositories.plugins import PluginRepository
from eventorg.storage.database import MAX_GROUP, Database

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 35.0)
"""Up to 35, because `GET /changes` can wait for 30."""
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
COMMIT_WORKS = tuple(2**power for power in range(MAX_GROUP.bit_length()))


class Metrics:
    """The metrics of one application since its start. `path` is the database file, `loaded` has the plugins' names."""

    def __init__(
        self, database: Database, path: Path, feed: Feed, plugins: PluginRepository, loaded: Iterable[str]
    ) -> None:
        self._plugins = plugins
        self._loaded: Final = frozenset(loaded)
        self._registry: Final = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("eventorg_build", "Version of eventorg.", registry=self._registry).info({"version": __version__})
        self._requests: Final = Histogram(
            "eventorg_http_request_duration_seconds",
            "Time from a request's first byte to the last byte of its response. Status 0: the client disconnected.",
            ("method", "route", "status"),
            buckets=REQUEST_SECONDS,
            registry=self._registry,
        )
        self._commit_works: Final = Histogram(
            "eventorg_database_commit_works",
            "Number of transactions in a commit.",
            buckets=COMMIT_WORKS,
            registry=self._registry,
        )
        self._commit_seconds: Final = Histogram(
            "eventorg_database_commit_duration_seconds",
            "Time from the start of a commit's first transaction to the end of the commit.",
            buckets=COMMIT_SECONDS,
            registry=self._registry,
        )
        self._backlog: Final = Gauge(
            "eventorg_plugin_backlog_changes",
            "Changes that a plugin has not received yet.",
            ("plugin",),
            registry=self._registry,
        )
        self._set_aside: Final = Gauge(
            "eventorg_plugin_set_aside_changes",
            "Changes that a plugin failed to process.",
            ("plugin",),
            registry=self._registry,
        )
        self._crashes: Final = Gauge(
            "eventorg_plugin_crashes",
            "Crashes of a plugin in a row. 0 once it has run for a minute.",
            ("plugin",),
            registry=self._registry,
        )
        self._gates: Final = Counter(
            "eventorg_plugin_gate_faults",
            "Gates of a plugin that failed, or that took longer than 10 ms.",
            ("plugin", "fault"),
            registry=self._registry,
        )
        database.observers.append(self._observe_commit)
        self._watch(database, path, feed)

    def _watch(self, database: Database, path: Path, feed: Feed) -> None:
        """Adds the metrics that are read on each request to `GET /metrics`."""
        for name, meaning, read in (
            ("database_writes_waiting", "Transactions that wait for the writer.", lambda: database.writes_waiting),
            (
                "database_reads_waiting",
                "Transactions that wait for or use a reader.",
                lambda: database.reads_waiting,
            ),
            ("database_size_bytes", "Size of the database file.", lambda: _size(path)),
            ("database_wal_size_bytes", "Size of the write-ahead log.", lambda: _size(Path(f"{path}-wal"))),
            ("changes_followers", "Requests to GET /changes that wait for changes.", lambda: feed.followers),
        ):
            Gauge(f"eventorg_{name}", meaning, registry=self._registry).set_function(read)

    def observe_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Counts a request under the template of its route, or under an empty one if it has no route."""
        route = scope.get("path_template", "")
        self._requests.labels(scope.get("method", ""), route, status).observe(seconds)

    def observe_gate(self, plugin: str, fault: str) -> None:
        """Counts a gate that failed or was slow. Runs on the writer's thread."""
        self._gates.labels(plugin, fault).inc()

    async def expose(self) -> bytes:
        """Returns the current metrics. Those of the plugins are missing while the database cannot be read."""
        try:
            states, crashes = await self._plugins.find_states(), await self._plugins.find_crashes()
        except DomainError:
            states, crashes = [], {}
        for gauge in (self._backlog, self._set_aside, self._crashes):
            gauge.clear()
        for each in crashes.values():
            if each.name in self._loaded:
                self._crashes.labels(each.name).set(each.crashes)
        for state in states:
            if state.name in self._loaded:
                self._backlog.labels(state.name).set(state.backlog)
                self._set_aside.labels(state.name).set(state.failures)
                if state.name not in crashes:
                    self._crashes.labels(state.name).set(0)
        return await to_thread.run_sync(generate_latest, self._registry)

    def _observe_commit(self, works: int, seconds: float) -> None:
        """Counts a commit. Runs on the writer's thread."""
        self._commit_works.observe(works)
        self._commit_seconds.observe(seconds)


def _size(path: Path) -> int:
    """Returns the size in bytes, or 0 if the file does not exist."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
