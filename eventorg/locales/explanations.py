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
        return text(language, "fields", error.code, **error.values)
    return str(error.values.get(language, text(language, "fields", "invalid")))
