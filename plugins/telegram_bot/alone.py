"""`eventorg telegram run`: the bot alone, as a client of an eventorg server elsewhere."""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import structlog
from msgspec import structs

from .api import Api, Problem
from .running import running
from .settings import Settings
from .state import MemoryState

_TIMEOUT: Final = httpx.Timeout(60, connect=10)
_UNREACHABLE: Final = "The server at {url} cannot be reached."
_TOKEN: Final = (
    "The server at {url} refuses the token. Create one: eventorg token create NAME --scope act,changes,deliver"  # noqa: S105
)
_SCOPE: Final = "The token lacks the scope {scope}. Create one with the scopes act, changes, and deliver."
_OTHER: Final = "The server at {url} is no eventorg server, or lacks the plugin placements: {path} answers {status}."
_PROBES: Final[Sequence[tuple[str, str, str, dict[str, Any] | None]]] = (
    ("act", "GET", "/identities/telegram/1", None),
    ("changes", "GET", "/changes?limit=1", None),
    ("deliver", "POST", "/deliveries/ack", {"results": []}),
    ("deliver", "POST", "/placements/ack", {"results": []}),
)
"""Requests that change nothing, and the scope that each needs."""


def serve(settings: Settings, url: str, token: str, state: Path | None) -> str | None:
    """Runs the bot until SIGTERM or SIGINT. Returns a sentence if it cannot."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    return asyncio.run(_serve(structs.replace(settings, webhook_url=""), url.rstrip("/"), token, state))


async def _serve(settings: Settings, url: str, token: str, file: Path | None) -> str | None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    log: Any = structlog.get_logger()
    shown: str | None = None

    def report(problem: str | None) -> None:
        nonlocal shown
        if problem is None and shown is not None:
            log.info("telegram_recovered")
        shown = problem

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT) as client:
        if problem := await _find_problem(Api(client), url):
            return problem
        async with running(settings, client, MemoryState(file), lambda: datetime.now(UTC), log, report):
            log.info("telegram_started", server=url)
            await stopping.wait()
    return None


async def _find_problem(api: Api, url: str) -> str | None:
    """Returns a sentence if the server is not there, or does not let the bot do its work."""
    for scope, method, path, body in _PROBES:
        try:
            await api.call(method, path, json=body)
        except Problem as problem:
            if problem.status == 0:
                return _UNREACHABLE.format(url=url)
            if problem.status == httpx.codes.UNAUTHORIZED:
                return _TOKEN.format(url=url)
            if problem.status == httpx.codes.FORBIDDEN:
                return _SCOPE.format(scope=scope)
            if problem.code != "identity_not_found" and problem.status != httpx.codes.UNPROCESSABLE_ENTITY:
                return _OTHER.format(url=url, path=path.partition("?")[0], status=problem.status)
    return None
