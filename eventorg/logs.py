"""Structured logs on standard error: key=value lines for people, or JSON for programs."""

import asyncio
import logging
import sys
from contextlib import suppress
from contextvars import ContextVar
from typing import Final, TextIO, cast

import structlog
from litestar.logging.config import LoggingConfig, StructLoggingConfig
from litestar.plugins.structlog import StructlogConfig
from structlog.tracebacks import ExceptionDictTransformer

from eventorg.settings import Settings

request_id_now: ContextVar[str] = ContextVar("request_id_now")
"""The ID of the current request. Each log line of the request contains it."""


class _StandardError:
    """The current `sys.stderr`, even if it is replaced. Errors of writing are ignored, so that a full disk or a closed
    pipe does not stop the server."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def write_soon(self, text: str) -> None:
        """Writes at the end of the current step of the event loop, together with the other lines of the step. A system
        call for each line would take a tenth of the time of a short request."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_waiting)
        self._waiting.append(text)

    def _write_waiting(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        self.write(text)


STANDARD_ERROR: Final = _StandardError()


def structlog_config(settings: Settings) -> StructlogConfig:
    """Returns the configuration of Litestar's structlog plugin, without its request logging, which includes bodies.

    Tracebacks do not show the values of variables, because passwords and tokens are among them.
    """
    renderer: structlog.typing.Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
        frames = ExceptionDictTransformer(show_locals=False)
        traceback: list[structlog.typing.Processor] = [structlog.processors.ExceptionRenderer(frames)]
    else:
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        traceback = []
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    config = StructLoggingConfig(
        log_exceptions="never",  # `eventorg.web.problems` logs unhandled errors
        processors=[
            _add_request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *traceback,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", STANDARD_ERROR)),
        cache_logger_on_first_use=False,
        standard_lib_logging_config=LoggingConfig(
            log_exceptions="never", root={"level": "WARNING", "handlers": ["console"]}
        ),
        pretty_print_tty=False,
    )
    return StructlogConfig(structlog_logging_config=config, enable_middleware_logging=False)


def _add_request_id(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if request_id := request_id_now.get(None):
        event["request_id"] = request_id
    return event
