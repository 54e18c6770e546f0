"""A logger that imports structlog when it first logs: most commands log nothing, and the import is slow."""

from typing import Any


class Logger:
    """Logs through structlog, with the same methods: `log.warning("backup_failed", error=…)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        import structlog

        return getattr(structlog.get_logger(self._name), method)
