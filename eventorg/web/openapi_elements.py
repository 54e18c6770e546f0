"""The schemas of lists, tuples, and mappings whose elements have rules of their own.

Litestar reads the `msgspec.Meta` of a struct's field, but not the one of an element, as in `list[Annotated[str, …]]`.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from litestar.openapi.spec import Example, Schema
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition
from msgspec import Meta

if TYPE_CHECKING:
    from litestar._openapi.schema_generation import SchemaCreator  # has no public name

_SAME_NAMES: Final = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "title")
"""The attributes that `Meta` and Litestar's `ParameterKwarg` have in common."""


def has_described_elements(collection: FieldDefinition) -> bool:
    """Returns true for a list, tuple, set, or mapping if the type of an element has a `Meta`."""
    is_collection = collection.is_mapping or collection.is_non_string_collection
    return not collection.is_union and is_collection and any(map(_marks, collection.inner_types))


def collection_schema(collection: FieldDefinition, schema_creator: "SchemaCreator") -> Schema:
    """Returns the schema that Litestar makes, with the rules, the description, and the examples of the elements."""
    elements = tuple(map(_described, collection.inner_types))
    return schema_creator.for_object_type(replace(collection, inner_types=elements))


def _marks(element: FieldDefinition) -> list[Meta]:
    return [mark for mark in element.metadata if isinstance(mark, Meta)]


def _described(element: FieldDefinition) -> FieldDefinition:
    known: dict[str, Any] = {}
    for mark in _marks(element):
        shown = {"description": mark.description, "examples": mark.examples, **(mark.extra_json_schema or {})}
        known |= {name: value for name in _SAME_NAMES if (value := getattr(mark, name)) is not None}
        known |= {name: shown[name] for name in ("description", "examples", "extra") if shown.get(name) is not None}
    if not known:
        return element
    known["examples"] = [Example(value=value) for value in known.get("examples", ())]
    known["schema_extra"] = known.pop("extra", {})
    return replace(element, kwarg_definition=ParameterKwarg(**known))
