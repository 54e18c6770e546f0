"""Writes a new plugin: a copy of the folder `template` next to this file, under another name."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from eventorg.errors import PluginError
from eventorg.extensions.names import check_plugin_name

_KINDS = (".py", ".sql", ".md")


def write_example(name: str, into: Path) -> Path:
    """Writes the folder `into/name` and returns it. Raises `PluginError` for a name that is invalid or taken."""
    check_plugin_name(name)
    folder = into / name
    try:
        folder.mkdir()
    except FileExistsError:
        raise PluginError(f"{folder} already exists. Choose another name or folder.") from None
    _copy(files(__package__) / "template", folder, name)
    return folder


def _copy(source: Traversable, target: Path, name: str) -> None:
    for entry in source.iterdir():
        path = target / entry.name.replace("example", name)
        if entry.is_dir() and entry.name != "__pycache__":
            path.mkdir()
            _copy(entry, path, name)
        elif entry.name.endswith(_KINDS):
            text = entry.read_text(encoding="utf-8").replace("EXAMPLE", name.upper())
            path.write_text(re.sub("example(?!=)", name, text), encoding="utf-8")
