"""The texts of domain errors, for clients and for the operator."""

from collections.abc import Mapping
from types import MappingProxyType

from eventorg.domain.errors import DomainError, FieldError
from eventorg.locales import catalogue, text


def explain(language: str, error: DomainError) -> tuple[str, str]:
    """Returns the title and the detail of an error. A plugin's code has the title of its kind and the plugin's text."""
    known = error.code in catalogue(language)["titles"]
    title, detail = explain_code(language, error.code if known else error.default_code, error.values)
    return title, error.words.get(language, detail)


def explain_code(language: str, code: str, values: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str]:
    """Returns the title and the detail of a code, with its values. Raises `KeyError` if the language has none."""
    return text(language, "titles", code), text(language, "details", code, **values)


def explain_fault(language: str, error: FieldError) -> str:
    """Returns the text of a field error; a plugin's rule brings its own text."""
    if error.code in catalogue(language)["fields"]:
        values = {"unit": "characters", **error.values}
        return text(language, "fields", error.code, **{name: _word(language, name, values[name]) for name in values})
    return str(error.values.get(language, text(language, "fields", "invalid")))


def _word(language: str, name: str, value: str | int) -> str:
    """Returns a value as people write it: a number with separators, the name of a unit or of a type."""
    if isinstance(value, int):
        from babel.numbers import format_decimal  # here: its import is slow, and few commands need it

        return str(format_decimal(value, locale=language))
    if name == "unit":
        return text(language, "units", value)
    if name == "expected":
        types = catalogue(language)["types"]
        return text(language, "types", "or").join(types.get(each, each) for each in value.split(" | "))
    return value
