"""The access log: one line per request, never with a body, a token or a query."""

import time
from functools import lru_cache

import msgspec
from litestar.types import Scope

from eventorg.domain.callers import NOBODY
from eventorg.logs import STANDARD_ERROR, request_id_now
from eventorg.settings import Settings
from eventorg.web.observers import Observer


def line_writers(settings: Settings) -> list[Observer]:
    """Returns the observers that write the access log, none if the log level excludes it.

    They do not use structlog, which takes as long for a line as the rest of a short request.
    """
    if settings.log_level not in ("debug", "info"):
        return []
    return [_write_json if settings.log_format == "json" else _write_text]


def _now() -> str:
    seconds, microseconds = divmod(time.time_ns() // 1_000, 1_000_000)
    return f"{_second(seconds)}.{microseconds:06}Z"


@lru_cache(1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _write_text(scope: Scope, status: int, seconds: float) -> None:
    caller = scope.get("user") or NOBODY
    STANDARD_ERROR.write_soon(
        f"{_now()} [info     ] request                        bot={caller.bot} method={scope.get('method')} "
        f"ms={seconds * 1000:.1f} request_id={request_id_now.get()} route={scope.get('path_template') or None} "
        f"status={status or None} user={caller.user_id or None}\n"
    )


def _write_json(scope: Scope, status: int, seconds: float) -> None:
    caller = scope.get("user") or NOBODY
    line = {
        "event": "request",
        "level": "info",
        "timestamp": _now(),
        "request_id": request_id_now.get(),
        "method": scope.get("method"),
        "route": scope.get("path_template") or None,
        "status": status or None,
        "ms": round(seconds * 1000, 1),
        "user": caller.user_id or None,
        "bot": caller.bot,
    }
    STANDARD_ERROR.write_soon(f"{msgspec.json.encode(line).decode()}\n")
