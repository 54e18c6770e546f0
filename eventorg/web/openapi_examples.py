"""Examples of bodies and answers in the OpenAPI document, made of the examples of their fields."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from eventorg.web.problems import MEDIA_TYPE

Document = dict[str, Any]

_OTHER_MEDIA: Final = {
    "text/csv": "user_id,first_name\r\n5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30,Anna\r\n",
    "text/calendar": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n…\r\nEND:VCALENDAR\r\n",
    "text/event-stream": "id: 17\nevent: registration.created\ndata: {…}\n\n: still here\n\n",
}
_SIMPLE: Final[dict[str, Any]] = {"boolean": False, "integer": 1, "number": 1, "string": "text", "null": None}


def add_examples(document: Document, media_types: Mapping[tuple[str, str], Sequence[str]]) -> None:
    """Adds an example to each body and to each answer that is not a problem, also in the further media types of an
    operation."""
    schemas = document["components"]["schemas"]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["example"] = _body(content["schema"], schemas)
            for media_type in media_types.get((path, method), ()):
                operation["responses"]["200"]["content"][media_type] = {"schema": {"type": "string"}}
            for status, response in operation["responses"].items():
                _explain(status, response, schemas)
    for schema in schemas.values():
        schema.pop("examples", None)  # those of a whole body have moved to their operations


def _explain(status: str, response: Document, schemas: Document) -> None:
    """Adds an example, and a description in place of the name of the status."""
    for media_type, content in response.get("content", {}).items():
        if media_type == MEDIA_TYPE:
            return
        content["example"] = _OTHER_MEDIA.get(media_type) or _example(content["schema"], schemas)
    contents: list[Document] = list(response.get("content", {}).values())
    schema = contents[0]["schema"] if contents else {}
    if response["description"] in ("OK.", "Created.", "Accepted."):
        noun = _noun(schema, schemas)
        response["description"] = noun if status == "200" else f"{response['description']} {noun}"


def _noun(schema: Document, schemas: Document) -> str:
    """Returns the first sentence about a schema."""
    if "items" in schema:
        return f"A list. Each item: {_noun(schema['items'], schemas)}"
    resolved = _resolve(schema, schemas)
    return str(resolved.get("description", "The content.")).split("\n\n")[0]


def _body(schema: Document, schemas: Document) -> Any:
    """Returns a body that works as it stands: the fields that are required or have an example."""
    arms = [arm for arm in schema.get("oneOf", [schema]) if arm.get("type") != "null"]
    resolved = _resolve(arms[0], schemas)
    if "examples" in resolved:
        return resolved["examples"][0]
    if "properties" not in resolved:
        return _example(resolved, schemas)
    required = resolved.get("required", [])
    return {
        name: _example(field, schemas)
        for name, field in resolved["properties"].items()
        if name in required or "examples" in field
    }


def _example(schema: Document, schemas: Document) -> Any:
    """Returns an example of a schema: its own, or one that is made of its parts."""
    schema = _resolve(schema, schemas)
    if "examples" in schema and "properties" not in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return None if None in schema["enum"] else schema["enum"][0]
    if arms := schema.get("allOf", schema.get("oneOf")):
        named = [arm for arm in arms if "$ref" in arm]
        return _example(named[0], schemas) if named else None
    if schema.get("type") == "array":
        return [_example(schema["items"], schemas)]
    if "properties" in schema:
        return {name: _example(field, schemas) for name, field in schema["properties"].items()}
    return _SIMPLE.get(schema.get("type", ""), {})


def _resolve(schema: Document, schemas: Document) -> Document:
    found: Document = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found
