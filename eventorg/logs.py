"""Structured logs: key=value lines for people, or JSON for programs, on standard error."""

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
"""The id of the request that is being answered: in every line that is logged meanwhile."""


class _StandardError:
    """The standard error of now, should it be another. It stops nobody when it cannot be written: its disk is full, or
    who read it is gone."""

    def __init__(self) -> None:
        self._waiting: list[str] = []

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def write_soon(self, text: str) -> None:
        """On the event loop: writes at the end of its present step, together with what else is to be written then. A
        system call for each line would be a tenth of a short request."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write_waiting)
        self._waiting.append(text)

    def _write_waiting(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        self.write(text)


STANDARD_ERROR: Final = _StandardError()


def structlog_config(settings: Settings) -> StructlogConfig:
    """The configuration of Litestar's structlog plugin; its request logging is not used, ours names no bodies.

    Tracebacks are without the values of variables, which structlog would show: passwords and tokens are among them.
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
        log_exceptions="never",  # `eventorg.web.problems` logs what is unforeseen, and only that
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
