"""Cleaning of decoded values by the rules in their types, also in lists, mappings, and optional fields."""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Meta

from eventorg.domain.errors import FieldError

Cleaner = Callable[[Any, str, list[FieldError]], Any]
"""Returns a value in its clean form, and adds the rules that it breaks, with its path, to a list."""


class Refused(Exception):
    """Raised by a rule: the code of the broken rule, with the values that its message mentions."""

    def __init__(self, code: str, **values: str | int) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


@cache
def cleaner_of(annotation: Any) -> Cleaner | None:
    """Returns the cleaner of a type, or None if no rule is in it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        extras = [mark.extra for mark in arguments[1:] if isinstance(mark, Meta) and mark.extra]
        rules = [extra["clean"] for extra in extras if "clean" in extra]
        steps = [cleaner_of(arguments[0]), *map(_by_rule, rules)]
        return _one_after_another([step for step in steps if step is not None])
    if origin in (Union, UnionType):
        arms = [(_kind(arm), cleaner) for arm in arguments if (cleaner := cleaner_of(arm)) is not None]
        return _by_kind(arms) if arms else None
    if not isinstance(origin, type) or not issubclass(origin, Collection):
        return None
    if issubclass(origin, Mapping):
        return _of_mapping(*map(cleaner_of, arguments))
    items = [cleaner_of(argument) for argument in arguments if argument is not ...]
    return _of_items(items, is_fixed=origin is tuple and ... not in arguments) if any(items) else None


def _kind(annotation: Any) -> type:
    """Returns the class of the values of a type, without its rules and arguments."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    kind = get_origin(annotation) or annotation
    return kind if isinstance(kind, type) else object


def _by_rule(rule: Callable[[Any], Any]) -> Cleaner:
    def clean(value: Any, path: str, errors: list[FieldError]) -> Any:
        try:
            return rule(value)
        except Refused as refused:
            errors.append(FieldError(path, refused.code, refused.values))
            return value

    return clean


def _one_after_another(steps: list[Cleaner]) -> Cleaner | None:
    if len(steps) < 2:
        return steps[0] if steps else None

    def clean(value: Any, path: str, errors: list[FieldError]) -> Any:
        for step in steps:
            before = len(errors)
            value = step(value, path, errors)
            if len(errors) > before:
                break
        return value

    return clean


def _by_kind(arms: list[tuple[type, Cleaner]]) -> Cleaner:
    def clean(value: Any, path: str, errors: list[FieldError]) -> Any:
        for kind, cleaner in arms:
            if isinstance(value, kind):
                return cleaner(value, path, errors)
        return value

    return clean


def _of_items(items: list[Cleaner | None], *, is_fixed: bool) -> Cleaner:
    def clean(value: Any, path: str, errors: list[FieldError]) -> Any:
        cleaners = items if is_fixed else items * len(value)
        places = (f"{path}[{place}]" for place in range(len(value)))
        found = [
            item if cleaner is None else cleaner(item, place, errors)
            for item, cleaner, place in zip(value, cleaners, places, strict=True)
        ]
        return type(value)(found)

    return clean


def _of_mapping(of_key: Cleaner | None, of_value: Cleaner | None) -> Cleaner | None:
    if of_key is None and of_value is None:
        return None

    def clean(value: Any, path: str, errors: list[FieldError]) -> Any:
        found = {}
        for key, content in value.items():
            place = f"{path}.{key}"
            clean_key = key if of_key is None else of_key(key, place, errors)
            found[clean_key] = content if of_value is None else of_value(content, place, errors)
        return found

    return clean
