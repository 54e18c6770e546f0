"""The description of the API is valid, complete and true, and its pages need no other server."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import UNSET, Struct, UnsetType

from eventorg.cli import cli
from eventorg.testing import Server, User

OPERATIONS = """
add_host cancel_event check_in create_event create_link_code create_user delete_event delete_user export_user get_card
get_event get_health get_participant get_telegram_identity get_user leave link_telegram_identity list_changes
list_events list_hosts list_participants list_user_events login login_telegram put_telegram_identity register
remove_host remove_participant unlink_telegram_identity update_event update_user
"""
"""Clients are generated from these ids, so none may change."""

Schema = dict[str, Any]


class Described(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An object of OpenAPI 3.1 (spec.openapis.org/oas/v3.1.1), with the fields used here and no others."""


class Parameter(
    Described,
    rename={
        "where": "in",
        "schema_": "schema",
        "allow_empty_value": "allowEmptyValue",
        "allow_reserved": "allowReserved",
    },
):
    name: str
    where: Literal["path", "query", "header"]
    schema_: Schema
    required: bool = False
    deprecated: bool = False
    description: str | None = None
    allow_empty_value: bool = False
    allow_reserved: bool = False


class Header(Described, rename={"schema_": "schema"}):
    schema_: Schema
    description: str
    required: bool = False
    deprecated: bool = False


class Content(Described, rename={"schema_": "schema"}):
    schema_: Schema


class RequestBody(Described):
    content: dict[str, Content]
    required: bool = False


class Answer(Described):
    description: str
    headers: dict[str, Header] = {}
    content: dict[str, Content] = {}


class Operation(Described):
    operation_id: str
    summary: str
    description: str
    tags: list[str]
    responses: dict[str, Answer]
    parameters: list[Parameter] = []
    request_body: RequestBody | None = None
    security: list[dict[str, list[str]]] | UnsetType = UNSET
    deprecated: bool = False


class Components(Described):
    schemas: dict[str, Schema]
    security_schemes: dict[str, dict[str, str]]


class OpenAPI(Described):
    openapi: Literal["3.1.0"]
    info: dict[str, str]
    servers: list[dict[str, str]]
    paths: dict[str, dict[Literal["get", "post", "put", "patch", "delete"], Operation]]
    components: Components
    security: list[dict[str, list[str]]]

    def operations(self) -> list[tuple[str, Operation]]:
        """Returns all operations with their paths."""
        return [(path, operation) for path, item in self.paths.items() for operation in item.values()]

    def resolve(self, schema: Schema) -> Schema:
        """Returns the schema, or the one that it refers to."""
        if "$ref" not in schema:
            return schema
        return self.components.schemas[schema["$ref"].removeprefix("#/components/schemas/")]

    def fits(self, schema: Schema, value: Any) -> bool:
        """Returns true if the value matches the schema. Supports the keywords that the description uses."""
        schema = self.resolve(schema)
        types = {"string": str, "integer": int, "boolean": bool, "null": type(None), "array": list, "object": dict}
        if "type" in schema and type(value) is not types[schema["type"]]:
            return False
        if "oneOf" in schema and sum(self.fits(arm, value) for arm in schema["oneOf"]) != 1:
            return False
        if value not in schema.get("enum", [schema.get("const", value)]):
            return False
        if isinstance(value, str):
            length = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
            return length and re.search(schema.get("pattern", ""), value) is not None
        if type(value) is int:
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        if isinstance(value, list):
            return all(self.fits(schema["items"], item) for item in value)
        if isinstance(value, dict):
            properties, others = schema.get("properties", {}), schema.get("additionalProperties", False)
            return value.keys() >= set(schema.get("required", [])) and all(
                self.fits(properties.get(name, others) or {"enum": []}, item) for name, item in value.items()
            )
        return True


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    response = server.client.get("/openapi.json")
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    return response.json()


@pytest.fixture(scope="module")
def described(document: Any) -> OpenAPI:
    """The description as typed objects."""
    return msgspec.convert(document, OpenAPI)


def test_operations_keep_their_names(described: OpenAPI) -> None:
    names = [operation.operation_id for _, operation in described.operations()]
    assert sorted(names) == OPERATIONS.split()


def test_every_operation_is_told_in_words(described: OpenAPI) -> None:
    for _, operation in described.operations():
        assert operation.summary
        assert operation.description.endswith((".", "`"))
        assert len(operation.tags) == 1
        for response in operation.responses.values():
            assert response.description


def test_every_parameter_of_a_path_is_described(described: OpenAPI) -> None:
    for path, operation in described.operations():
        named = {parameter.name for parameter in operation.parameters if parameter.where == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        assert all(parameter.required == (parameter.where == "path") for parameter in operation.parameters)
        assert all(p.description for p in operation.parameters if p.where != "path")


def test_every_reference_leads_somewhere(document: Any, described: OpenAPI) -> None:
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert used == set(described.components.schemas)


def test_every_error_is_a_problem_document(described: OpenAPI) -> None:
    for _, operation in described.operations():
        failures = {status: answer for status, answer in operation.responses.items() if status >= "400"}
        assert "503" in failures
        for answer in failures.values():
            (content,) = answer.content.items()
            assert content[0] == "application/problem+json"
            assert content[1].schema_ == {"$ref": "#/components/schemas/Problem"}


def test_the_errors_that_can_come_are_described(described: OpenAPI) -> None:
    for path, operation in described.operations():
        expected = {"401"} if operation.security is UNSET or {"bearer": []} in operation.security else set()
        expected |= {"404"} if "{" in path else set()
        expected |= {"400", "408", "413", "415", "422", "507"} if operation.request_body else set()
        expected |= {"412"} if any(parameter.name == "If-Match" for parameter in operation.parameters) else set()
        assert expected <= operation.responses.keys(), operation.operation_id


def test_bodies_are_json_and_have_no_other_fields(described: OpenAPI) -> None:
    for _, operation in described.operations():
        if operation.request_body is not None:
            content = operation.request_body.content["application/json"]
            body = next(arm for arm in content.schema_.get("oneOf", [content.schema_]) if "$ref" in arm)
            assert described.resolve(body)["additionalProperties"] is False
            optional = ("register", "put_telegram_identity")
            assert operation.request_body.required == (operation.operation_id not in optional)


def test_a_patch_also_takes_a_merge_patch(described: OpenAPI) -> None:
    for item in described.paths.values():
        for method, operation in item.items():
            if operation.request_body is not None:
                merge = ["application/merge-patch+json"] * (method == "patch")
                assert list(operation.request_body.content) == ["application/json", *merge]


def test_json_that_sqlite_makes_is_described_by_its_type(described: OpenAPI) -> None:
    assert described.components.schemas["Participants"]["properties"]["participants"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Registration"},
    }


def test_examples_are_what_their_schemas_say(described: OpenAPI) -> None:
    examples = [
        (schema, example)
        for owner in described.components.schemas.values()
        for schema in owner.get("properties", {}).values()
        for example in schema.get("examples", [])
    ]
    assert len(examples) > 20
    assert [example for schema, example in examples if not described.fits(schema, example)] == []


def test_the_examples_work_and_the_answers_are_as_described(fresh_server: Server, described: OpenAPI) -> None:
    operations = {operation.operation_id: operation for _, operation in described.operations()}

    def example(name: str) -> dict[str, Any]:
        fields = described.components.schemas[name]["properties"]
        return {field: schema["examples"][0] for field, schema in fields.items() if "examples" in schema}

    def check(operation_id: str, response: Any) -> Any:
        answer = operations[operation_id].responses[str(response.status_code)]
        assert response.status_code < 300, response.text
        assert described.fits(answer.content["application/json"].schema_, response.json()), response.text
        return response.json()

    client = fresh_server.client
    account = check("create_user", client.post("/users", json=example("NewUser")))
    user = User(client, account, check("login", client.post("/login", json=example("Login")))["token"])
    event = check("create_event", user.post("/events", json=example("NewEvent") | {"organizer_id": user.id}))
    url = f"/events/{event['id']}"
    check("get_event", client.get(url))
    check("update_event", user.patch(url, json=example("EventPatch")))
    check("register", user.post(f"{url}/register", json=example("NewRegistration") | {"user_id": user.id}))
    check("list_participants", user.get(f"{url}/participants"))
    check("list_user_events", user.get("/users/me/events"))
    check("get_health", client.get("/health"))
    check("delete_event", user.delete(url))
    check("update_user", user.patch("/users/me", json=example("UserPatch")))
    user.token = fresh_server.log_in(account["email"], example("UserPatch")["password"])
    check("get_user", user.get("/users/me"))
    check("delete_user", user.delete("/users/me"))


def test_the_command_prints_what_is_served(document: Any, tmp_path: Path) -> None:
    database = str(tmp_path / "eventorg.db")
    result = CliRunner().invoke(cli, ["openapi"], env={"EVENTORG_DATABASE": database, "EVENTORG_PLUGINS": "none"})
    assert result.exit_code == 0
    assert json.loads(result.stdout) == document
    assert list(tmp_path.iterdir()) == []  # no database is opened


class Links(HTMLParser):
    """Collects the URLs that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_docs_load_from_this_server_alone(server: Server) -> None:
    page = server.client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert re.findall(r"https?://\S+", page.text) == []
    links = Links()
    links.feed(page.text)
    loaded = [link for link in links.found if not link.startswith("data:")]
    assert len(loaded) == 3
    for link in loaded:
        assert not urlsplit(link).scheme
        assert not link.startswith("/")  # works behind a prefix too
        file = server.client.get(urljoin(f"{server.url}/docs", link))
        assert file.status_code == 200
        if link.endswith(".css"):
            assert re.findall(r"url\(\s*['\"]?https?:", file.text) == []


def test_the_docs_show_what_is_served(server: Server, document: Any) -> None:
    assert '"operationId":"list_participants"' in server.client.get("/docs").text
    assert server.client.get("/docs/openapi.json").json() == document
