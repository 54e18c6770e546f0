"""Finds and loads plugins. Each error is one sentence that names the plugin."""

import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from eventorg.errors import PluginError, SettingError
from eventorg.extensions.checks import check_declarations
from eventorg.extensions.faults import find_place
from eventorg.extensions.names import NO_PLUGINS, check_plugin_name
from eventorg.package_data import data_folder
from eventorg.setting_values import convert, unknown
from eventorg.settings import PREFIX, Settings, own_values
from eventorg.storage.migrations import Component
from eventorg.storage.statements import Statements

if TYPE_CHECKING:
    from eventorg.plugin import Plugin  # it imports Litestar: a command that only checks names does without

GROUP = "eventorg.plugins"
"""The entry-point group in which installed distributions list their plugins."""

Import = Callable[[], ModuleType]


class LoadedPlugin(Struct, frozen=True, eq=False):
    """A plugin with its settings and statements."""

    plugin: "Plugin"
    settings: Any
    sql: Statements

    @property
    def routes(self) -> Sequence[Any]:
        """The plugin's routes, with these settings."""
        routes = self.plugin.routes
        return routes(self.settings) if callable(routes) else routes

    @property
    def component(self) -> Component | None:
        """The plugin's migrations, or None."""
        if self.plugin.migrations is None:
            return None
        return Component(self.plugin.name, self.plugin.migrations, prefix=f"{self.plugin.name}_")


def load_plugins(settings: Settings, found: dict[str, Import] | None = None) -> list[LoadedPlugin]:
    """Loads the plugins that `EVENTORG_PLUGINS` asks for, from those that `check_names` has found.

    Raises `PluginError` and `SettingError`.
    """
    found = check_names(settings) if found is None else found
    loaded = [_load(name, found[name], settings) for name in _wanted(settings, found)]
    groups: dict[str, str] = {}
    for plugin in (each.plugin for each in loaded if each.plugin.commands):
        group = plugin.command_name or plugin.name
        if group in groups:
            raise PluginError(f"The plugins {groups[group]} and {plugin.name} both have the commands eventorg {group}.")
        groups[group] = plugin.name
    return loaded


def check_names(settings: Settings) -> dict[str, Import]:
    """Returns a function for each plugin found, which imports it. Imports none.

    Raises `PluginError` for an invalid or duplicate name, and `SettingError` for an unknown setting or plugin.
    """
    found = _find(settings)
    for key in settings.others:
        if key not in Settings.__struct_fields__ and not any(key.startswith(f"{name}_") for name in found):
            raise unknown(key, Settings, PREFIX)
    wanted = _wanted(settings, found)
    for name in wanted:
        if name not in found:
            available = ", ".join(sorted(found)) or "none"
            raise SettingError("EVENTORG_PLUGINS", f"There is no plugin {name}. Available plugins: {available}")
        for other in wanted:
            if other.startswith(f"{name}_"):
                raise PluginError(
                    f"The plugin names {name} and {other} conflict, because {other} begins with {name}_. "
                    "Rename one of them."
                )
    return found


def check_name_is_free(name: str, settings: Settings) -> None:
    """Raises `PluginError` if no new plugin can have this name, for example because a plugin has it already."""
    check_plugin_name(name)
    for other in _find(settings):
        if other == name:
            raise PluginError(f"A plugin named {name} already exists. Choose another name.")
        if f"{other}_".startswith(f"{name}_") or f"{name}_".startswith(f"{other}_"):
            raise PluginError(f"The plugins {name} and {other} cannot be told apart by name. Choose another name.")


def _wanted(settings: Settings, found: dict[str, Import]) -> list[str]:
    if settings.plugins == NO_PLUGINS:
        return []
    if not settings.plugins:
        return sorted(found)
    return list(dict.fromkeys(name.strip() for name in settings.plugins.split(",")))


def _find(settings: Settings) -> dict[str, Import]:
    """Finds the bundled plugins, those in `EVENTORG_PLUGINS_DIR`, and those installed as packages."""
    found: dict[str, Import] = {}
    places: dict[str, str] = {}

    def add(name: str, load: Import, place: str) -> None:
        check_plugin_name(name)
        if name in found:
            raise PluginError(f"There are two plugins named {name}. Remove one: {places[name]} or {place}.")
        found[name] = load
        places[name] = place

    folders = [data_folder("plugins")]
    if settings.plugins_dir:
        folders.append(Path(settings.plugins_dir).absolute())
        if not folders[-1].is_dir():
            raise SettingError("EVENTORG_PLUGINS_DIR", f"There is no folder {folders[-1]}")
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.suffix == ".py" and path.stem != "conftest" and not path.stem.startswith("test_"):
                add(path.stem, partial(_import_file, path.stem, path), str(path))
            elif (path / "__init__.py").is_file():
                add(path.name, partial(_import_file, path.name, path / "__init__.py"), str(path))
    for entry in importlib.metadata.entry_points(group=GROUP):
        add(entry.name, entry.load, f"the package {entry.dist.name}" if entry.dist else entry.value)
    return found


def _import_file(name: str, file: Path) -> ModuleType:
    """Imports a file, or the package of an `__init__.py`, as `eventorg_plugins.<name>`. Does so only once."""
    sys.modules.setdefault("eventorg_plugins", ModuleType("eventorg_plugins"))  # `from . import x` needs it
    full_name = f"eventorg_plugins.{name}"
    if (known := sys.modules.get(full_name)) and known.__file__ == str(file):
        return known
    for stale in [other for other in sys.modules if f"{other}.".startswith(f"{full_name}.")]:
        del sys.modules[stale]  # modules of another plugin with this name
    folders = [str(file.parent)] if file.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(full_name, file, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} is not a Python module.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full_name]
        raise
    return module


def _load(name: str, load: Import, settings: Settings) -> LoadedPlugin:
    from eventorg.plugin import Plugin

    try:
        module = load()
    except (Exception, SystemExit) as error:
        place = find_place(error)
        what = " ".join(f"{f'{place}: ' if place else ''}{type(error).__name__}: {error}".split()).rstrip(".")
        raise PluginError(f"The plugin {name} cannot be imported: {what}.") from None
    plugin = getattr(module, "plugin", None)
    if not isinstance(plugin, Plugin):
        raise PluginError(f"The plugin {name} has no `plugin = Plugin(…)`.")
    if plugin.name != name:
        raise PluginError(f'The plugin in {name} declares name="{plugin.name}". Use the same name in both places.')
    check_declarations(plugin)
    own = convert(own_values(settings, name), plugin.settings or Struct, f"{PREFIX}{name.upper()}_")
    return LoadedPlugin(plugin, own, Statements(plugin.statements))
