"""Runs the application with uvicorn until a signal stops it, and stops it without losing requests."""

import asyncio
import errno
import gc
import signal
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from typing import cast

import structlog
import uvicorn
from litestar import Litestar

from eventorg.application import create_app
from eventorg.background.feed import Feed
from eventorg.errors import OperatorError
from eventorg.serving.budget import Budget
from eventorg.serving.protocol import DeadlineProtocol, raise_file_limit
from eventorg.serving.systemd import WATCHDOG_SECONDS, sd_notify, sd_notify_watchdog
from eventorg.settings import Settings
from eventorg.web.headers import ALWAYS

SHUTDOWN_SECONDS = 8
"""Longest time that running requests can take to finish after SIGTERM."""
TICKS_PER_SECOND = 10
"""How often uvicorn calls `on_tick`."""


log = structlog.get_logger("eventorg.server")


class Server(uvicorn.Server):
    """uvicorn's server, which returns after a signal instead of ending the process, so that the caller can clean up."""

    def __init__(self, config: uvicorn.Config, feed: Feed) -> None:
        super().__init__(config)
        self._feed = feed

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts connections, and reports to the service manager that the server is ready."""
        await super().startup(sockets)
        sd_notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Enforces the deadlines of all connections once a second."""
        if counter % TICKS_PER_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                cast("DeadlineProtocol", connection).enforce_deadlines(now)
            self._cut_slow_readers(now)
        return await super().on_tick(counter)

    def _cut_slow_readers(self, now: float) -> None:
        """Ends connections whose clients leave too much unread, over all of them."""
        if cut := _budget_of(self.config).cut_slowest(now):
            log.warning("slow_readers_cut", connections=cut)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the requests that wait for changes, then lets the other requests finish."""
        sd_notify("STOPPING=1")
        self._feed.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stops at SIGTERM or SIGINT. A second signal does not wait for running requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def server_config(app: Litestar, settings: Settings) -> uvicorn.Config:
    """Returns uvicorn's configuration. eventorg itself listens, logs, and runs the lifespan."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(DeadlineProtocol, budget=Budget())),
        limit_concurrency=raise_file_limit(),
        ws="none",
        lifespan="off",  # `opened` runs it around the server, so that an error at start is not wrapped
        log_config=None,
        access_log=False,
        server_header=False,
        headers=ALWAYS,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        callback_notify=sd_notify_watchdog,
        timeout_notify=WATCHDOG_SECONDS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def _budget_of(config: uvicorn.Config) -> Budget:
    """Returns what `server_config` has given to each connection."""
    budget: Budget = cast("partial[DeadlineProtocol]", config.http).keywords["budget"]
    return budget


@asynccontextmanager
async def opened(app: Litestar) -> AsyncIterator[None]:
    """Runs the application's lifespan. Raises an error of the lifespan itself, without the group that Litestar's task
    group wraps it in."""
    try:
        async with app.lifespan():
            yield
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C, then finishes running requests. Raises `OperatorError`."""
    app = create_app(settings)
    config = server_config(app, settings)

    async def run() -> None:
        async with opened(app):
            gc.collect()
            gc.freeze()  # these objects live until the end: the collector can skip them
            with listen_on_all(settings.hosts, settings.port) as listeners:
                for listener in listeners:
                    log.info("serving", url=url_of(listener))
                await Server(config, app.state.feed).serve(sockets=listeners)
        log.info("stopped")

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())


def url_of(listener: socket.socket) -> str:
    """Returns the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://{_join(host, port)}"


def _join(host: str, port: int) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def listen_on_all(hosts: Sequence[str], port: int) -> Iterator[list[socket.socket]]:
    """Opens a listening socket for each address, all on one port. Raises `OperatorError` as `listen` does.

    `::` includes IPv4 unless an IPv4 address is among the others: the two sockets would conflict.
    """
    with ExitStack() as stack:
        listeners: list[socket.socket] = []
        is_dual_stack = all(":" in host for host in hosts)
        for host in hosts:
            listeners.append(stack.enter_context(listen(host, port, is_dual_stack)))
            port = port or listeners[0].getsockname()[1]
        yield listeners


def listen(host: str, port: int, is_dual_stack: bool = True) -> socket.socket:
    """Returns a listening socket. Raises `OperatorError` if the port is in use or the address cannot be bound."""
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        both = is_dual_stack and host == "::" and socket.has_dualstack_ipv6()
        return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)
    except UnicodeError:
        raise OperatorError(f"Cannot listen on {host}: it is not an address. Check EVENTORG_HOST.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                f"Port {port} is already in use on {host}. Set EVENTORG_PORT to another port."
            ) from None
        reason = str(error.strerror).partition(" (")[0].lower()  # without the address, which Python appends
        address = _join(host, port)
        raise OperatorError(f"Cannot listen on {address}: {reason}. Check EVENTORG_HOST and EVENTORG_PORT.") from None
