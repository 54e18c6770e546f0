"""Structured logs: key=value lines for people, or JSON for programs, on standard error."""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog
from litestar.logging.config import LoggingConfig, StructLoggingConfig
from litestar.plugins.structlog import StructlogConfig
from structlog.tracebacks import ExceptionDictTransformer

from eventorg.settings import Settings


class _StandardError:
    """The standard error of now, should it be another. It stops nobody when it cannot be written: its disk is full, or
    who read it is gone."""

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


_STANDARD_ERROR = cast("TextIO", _StandardError())


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
        log_exceptions="never",  # `eventorg.api.problems` logs what is unforeseen, and only that
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *traceback,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(_STANDARD_ERROR),
        cache_logger_on_first_use=False,
        standard_lib_logging_config=LoggingConfig(
            log_exceptions="never", root={"level": "WARNING", "handlers": ["console"]}
        ),
        pretty_print_tty=False,
    )
    return StructlogConfig(structlog_logging_config=config, enable_middleware_logging=False)
