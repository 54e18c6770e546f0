"""Checks a plugin before it is loaded. Each error is one sentence that names the plugin."""

from inspect import isasyncgenfunction, iscoroutinefunction
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, get_args, get_origin

from eventorg import __version__
from eventorg.domain.callers import SCOPES
from eventorg.domain.facts import FACTS, Fact
from eventorg.errors import PluginError
from eventorg.extensions.names import COMMANDS, is_well_formed

if TYPE_CHECKING:
    from eventorg.plugin import Plugin  # it imports Litestar: a command that only checks names does without


def check_declarations(plugin: "Plugin") -> None:
    """Raises `PluginError` if a field of the plugin is wrong, or if the plugin needs another version of eventorg."""
    from eventorg.plugin.declarations import INTERFACE

    _check_fields(plugin)
    if plugin.api != INTERFACE:
        raise PluginError(
            f"The plugin {plugin.name} was written for version {plugin.api} of the plugin interface. This eventorg has "
            f"version {INTERFACE}."
        )
    _check_requires(plugin)


def _check_fields(plugin: "Plugin") -> None:
    """Checks the types of the fields, and that the folders exist. Raises `PluginError`."""
    for field, hint in type(plugin).__annotations__.items():
        value = getattr(plugin, field)
        arms = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if not isinstance(value, tuple(get_origin(arm) or arm for arm in arms)):
            raise PluginError(f"The plugin {plugin.name} declares {field}={value!r}, which has the wrong type.")
        if isinstance(value, Path) and not value.is_dir():
            raise PluginError(f"The plugin {plugin.name} declares {field}={str(value)!r}, which is not a folder.")
    for own in plugin.facts:
        if not is_well_formed(own.name) or [each.name for each in plugin.facts].count(own.name) > 1:
            raise PluginError(
                f"The plugin {plugin.name} declares the fact {own.name!r}. Give each its own name of 2 to 31 lowercase "
                "letters, digits, and underscores."
            )
    for fact in plugin.on:
        if fact not in (Fact, *FACTS.values(), *plugin.facts):
            raise PluginError(f"The plugin {plugin.name} handles {fact!r}, which is not a type of fact.")
    if isasyncgenfunction(plugin.lifespan) or iscoroutinefunction(plugin.lifespan):
        raise PluginError(
            f"The lifespan {_name(plugin.lifespan)} of the plugin {plugin.name} is not a context manager. Decorate "
            "it with contextlib.asynccontextmanager."
        )
    for field in ("card", "filter", "export", "on_merge", "refresh"):
        function = getattr(plugin, field)
        if iscoroutinefunction(function):
            raise PluginError(
                f"The {field} of the plugin {plugin.name}, {_name(function)}, must not be an `async def`."
            )
    if not set(plugin.bot) <= set(SCOPES):
        raise PluginError(
            f"The plugin {plugin.name} declares bot={plugin.bot!r}. The possible scopes are {', '.join(SCOPES)}."
        )
    if plugin.command_name and (not is_well_formed(plugin.command_name) or plugin.command_name in COMMANDS):
        raise PluginError(f"The plugin {plugin.name} cannot have the commands `eventorg {plugin.command_name} …`.")
    _check_gates(plugin)
    for function in (*plugin.on.values(), *(job.run for job in plugin.jobs)):
        if not iscoroutinefunction(function):
            raise PluginError(f"The function {_name(function)} of the plugin {plugin.name} must be an `async def`.")


def _check_gates(plugin: "Plugin") -> None:
    """Checks the gates and what they may return. Raises `PluginError`."""
    for gate in plugin.gates:
        if iscoroutinefunction(gate.check):
            raise PluginError(f"The gate {_name(gate.check)} of the plugin {plugin.name} must not be an `async def`.")
    seen = set()
    for refusal in plugin.refusals:
        if not is_well_formed(refusal.code) or refusal.code in seen:
            raise PluginError(
                f"The plugin {plugin.name} declares the refusal {refusal.code!r}. Give each its own code of 2 to 31 "
                "lowercase letters, digits, and underscores."
            )
        seen.add(refusal.code)
        for words in (refusal.words, refusal.next_step):
            if words and words.keys() != {"ru", "en"}:
                raise PluginError(
                    f"The refusal {refusal.code} of the plugin {plugin.name} needs each text in ru and en."
                )
        if not refusal.words:
            raise PluginError(f"The refusal {refusal.code} of the plugin {plugin.name} needs a text.")


def _name(function: object) -> str:
    """Returns the name of a function in its source."""
    return getattr(function, "__qualname__", repr(function))


def _check_requires(plugin: "Plugin") -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        met = SpecifierSet(plugin.requires).contains(__version__, prereleases=True)
    except InvalidSpecifier:
        raise PluginError(
            f"The plugin {plugin.name} requires {plugin.requires!r}, which is not a version specifier."
        ) from None
    if not met:
        raise PluginError(f"The plugin {plugin.name} requires eventorg {plugin.requires}. This is {__version__}.")
