"""The elements of lists keep their rules, descriptions, and examples in the API description."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from litestar import Litestar, post
from litestar.params import JSONBody
from msgspec import Meta, Struct

from eventorg.application import create_app
from eventorg.domain.values import Id, number, text
from eventorg.settings import Settings
from eventorg.web.openapi import ApiDescription

Schema = dict[str, Any]
Word = Annotated[str, text(1, 9, example="tea", description="A word.")]


class Order(Struct):
    """A body with every kind of collection."""

    words: list[Word]
    counts: Annotated[list[Annotated[int, number(1, 3, "A count.", 2)]], Meta(description="All counts.")]
    ids: list[Id] | None = None
    weights: tuple[Annotated[float, Meta(gt=0, le=99)], ...] = ()
    places: dict[str, Annotated[str, Meta(pattern="^[a-z]+$")]] = {}
    pair: tuple[Annotated[int, Meta(ge=7)], str] | None = None
    plain: list[str] = []


@post("/orders", sync_to_thread=False)
def place_order(data: JSONBody[Order]) -> list[Word]:
    return data.words


def test_every_kind_of_collection_keeps_the_rules_of_its_elements() -> None:
    document = Litestar([place_order], plugins=[ApiDescription()]).openapi_schema.to_schema()
    properties = document["components"]["schemas"]["Order"]["properties"]
    word = {"type": "string", "minLength": 1, "maxLength": 9, "description": "A word.", "examples": ["tea"]}
    count = {"type": "integer", "minimum": 1, "maximum": 3, "description": "A count.", "examples": [2]}
    assert properties["words"] == {"type": "array", "items": word}
    assert properties["counts"] == {"type": "array", "items": count, "description": "All counts."}
    ids, nothing = properties["ids"]["oneOf"]
    assert (ids["items"]["format"], nothing) == ("uuid", {"type": "null"})
    assert properties["weights"]["items"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 99}
    assert properties["places"]["additionalProperties"] == {"type": "string", "pattern": "^[a-z]+$"}
    assert properties["pair"]["oneOf"][0]["prefixItems"] == [{"type": "integer", "minimum": 7}, {"type": "string"}]
    assert properties["plain"]["items"] == {"type": "string"}
    answered = document["paths"]["/orders"]["post"]["responses"]["201"]["content"]["application/json"]
    assert answered["schema"] == {"type": "array", "items": word}


def test_no_list_of_the_api_loses_the_rules_of_its_elements() -> None:
    """Compares the description with the schemas that msgspec makes of the same structs."""
    components = create_app(Settings(database="not-opened.db")).openapi_schema.to_schema()["components"]["schemas"]
    compared = 0
    for struct in _structs(Struct):
        if struct.__name__ not in components or not struct.__module__.startswith(("eventorg", "plugins")):
            continue
        fields = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"]
        for name, field in fields.items():
            described = list(_elements(components[struct.__name__]["properties"].get(name, {})))
            for expected in map(_rules, _elements(field)):
                if expected:
                    assert any(expected.items() <= items.items() for items in described), (struct, name, described)
                    compared += 1
    assert compared > 5, "it has compared next to nothing"


def _structs(base: type[Struct]) -> Iterator[type[Struct]]:
    for struct in base.__subclasses__():
        yield struct
        yield from _structs(struct)


def _elements(schema: Schema) -> Iterator[Schema]:
    """Returns the schemas of the elements of the lists that the schema allows."""
    for arm in (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if isinstance(arm.get("items"), dict):
            yield arm["items"]
            yield from _elements(arm["items"])


def _rules(schema: Schema) -> Schema:
    """Returns the keywords of a schema of msgspec, and those in `extra`, which are spelled as Litestar's."""
    kept = ("title", "description", "pattern", "format", "minLength", "maxLength", "minimum", "maximum")
    extra = {_camel_case(name): value for name, value in schema.get("extra", {}).items()}
    return {name: schema[name] for name in kept if name in schema} | extra


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
