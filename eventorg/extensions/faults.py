"""Describes the errors of plugins, in one line, for the log and for the operator."""

import sysconfig
from pathlib import Path

from eventorg.package_data import data_folder

MAX_ERROR = 500

_PACKAGE = Path(__file__).parents[1]
_LIBRARY = Path(sysconfig.get_path("stdlib"))


def describe_error(error: BaseException) -> str:
    """Returns an error's type and message in one line. Of a group with one member, returns that of the member."""
    error = _only(error)
    return " ".join(f"{type(error).__name__}: {error}".split())[:MAX_ERROR]


def find_place(error: BaseException) -> str | None:
    """Returns the file and line of the plugin's own code that raised an error, or None if the plugin raised none."""
    error = _only(error)
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 0))
    return next((f"{file}:{line}" for file, line in reversed(frames) if _is_of_plugin(file)), None)


def _only(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _is_of_plugin(file: str) -> bool:
    """Returns true for a file that belongs neither to the core nor to Python."""
    if file.startswith("<"):  # frozen modules
        return False
    path = Path(file)
    if path.is_relative_to(_LIBRARY):
        return "site-packages" in path.parts
    return not path.is_relative_to(_PACKAGE) or path.is_relative_to(data_folder("plugins"))
