"""The description of the API is valid, complete and true, and its pages need no other server."""

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import msgspec
import pytest
from click.testing import CliRunner
from msgspec import UNSET, Struct, UnsetType

from eventorg.cli import cli
from eventorg.locales import catalogue
from eventorg.testing import Server, User
from tests.described import OUTSIDE

OPERATIONS = """
accept_invitation acknowledge_deliveries acknowledge_delivery add_host add_participant block_user cancel_event
change_guests check_in claim_place confirm_email_verification confirm_password_reset copy_event create_event
create_invitation create_link_code create_participant_code create_password_reset create_user delete_event delete_user
export_user get_card get_event get_health get_invitation get_participant get_rsvp get_telegram_identity get_user
lease_deliveries leave link_telegram_identity list_blocks list_changes list_events list_hosts list_invitations
list_participants list_rsvps list_user_events list_users login login_telegram logout put_rsvp put_telegram_identity
register remove_host remove_participant request_email_verification revoke_invitation unblock_user
unlink_telegram_identity update_event update_registration update_user withdraw_rsvp
"""
"""Clients are generated from these ids, so none may change."""

WITHOUT_BODY = frozenset(
    ("accept_invitation", "create_invitation", "lease_deliveries", "logout", "put_telegram_identity", "register")
)
"""The operations whose body can be omitted."""

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
    description: str
    required: bool = False
    deprecated: bool = False
    example: str | UnsetType = UNSET
    allow_empty_value: bool = False
    allow_reserved: bool = False


class Header(Described, rename={"schema_": "schema"}):
    schema_: Schema
    description: str
    required: bool = False
    deprecated: bool = False


class Content(Described, rename={"schema_": "schema"}):
    schema_: Schema
    example: Any = UNSET
    examples: dict[str, dict[str, str]] = {}


class RequestBody(Described):
    content: dict[str, Content]
    required: bool = False


class Link(Described):
    operation_id: str
    parameters: dict[str, str]


class Answer(Described):
    description: str
    headers: dict[str, Header] = {}
    content: dict[str, Content] = {}
    links: dict[str, Link] = {}


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


class Example(Described):
    summary: str
    value: Any


class Tag(Described):
    name: str
    description: str


class Components(Described):
    examples: dict[str, Example]
    schemas: dict[str, Schema]
    security_schemes: dict[str, dict[str, str]]


class OpenAPI(Described):
    openapi: Literal["3.1.0"]
    info: dict[str, Any]
    tags: list[Tag]
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
        if "type" in schema:
            allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            if type(value) not in [types[name] for name in allowed]:
                return False
        if "allOf" in schema:
            return all(self.fits(arm, value) for arm in schema["allOf"])
        if "oneOf" in schema and sum(self.fits(arm, value) for arm in schema["oneOf"]) != 1:
            return False
        if any("$ref" in arm for arm in schema.get("oneOf", [])):
            return True
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
        assert "\n    " not in operation.description, "Markdown shows an indented paragraph as code"
        assert len(operation.tags) == 1
        for response in operation.responses.values():
            assert response.description


def test_every_field_is_described(described: OpenAPI) -> None:
    fields = [
        (name, field, schema)
        for name, owner in described.components.schemas.items()
        for field, schema in owner.get("properties", {}).items()
    ]
    assert len(fields) > 100
    assert [(name, field) for name, field, schema in fields if not schema.get("description", "").endswith(".")] == []


def test_every_parameter_of_a_path_is_described(described: OpenAPI) -> None:
    for path, operation in described.operations():
        named = {parameter.name for parameter in operation.parameters if parameter.where == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        required = {parameter.name for parameter in operation.parameters if parameter.required}
        assert required == named | ({"ids"} if operation.operation_id == "list_users" else set())
        assert all(parameter.description.endswith((".", "`")) for parameter in operation.parameters)


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


def test_every_error_names_its_codes_and_shows_them(described: OpenAPI) -> None:
    shown: set[str] = set()
    for _, operation in described.operations():
        for status, answer in operation.responses.items():
            if status >= "400":
                examples = answer.content["application/problem+json"].examples
                assert examples, (operation.operation_id, status)
                assert all(f"`{code}`" in answer.description for code in examples), operation.operation_id
                assert all(example == {"$ref": f"#/components/examples/{code}"} for code, example in examples.items())
                shown |= examples.keys()
    assert shown == described.components.examples.keys()
    for code, example in described.components.examples.items():
        assert described.fits({"$ref": "#/components/schemas/Problem"}, example.value), code
        assert example.value["code"] == code


def test_every_code_of_the_core_is_documented_where_it_can_come(described: OpenAPI) -> None:
    on_the_command_line = {"bot_name_taken", "bot_not_found", "plugin_not_found"}
    default = {"malformed_body", "not_found"}  # each error of a body, and each resource, has a code of its own
    known = catalogue("en")["titles"].keys() - OUTSIDE - on_the_command_line - default
    assert known == described.components.examples.keys()


def test_a_bot_can_name_a_user_wherever_it_may_call(document: Any, described: OpenAPI) -> None:
    for _, operation in described.operations():
        security = document["security"] if operation.security is UNSET else operation.security
        headers = {parameter.name: parameter for parameter in operation.parameters if parameter.where == "header"}
        assert ("X-Act-As" in headers) == any("bot" in way for way in security), operation.operation_id


def test_every_answer_has_an_example_and_says_what_it_is(described: OpenAPI) -> None:
    for _, operation in described.operations():
        for status, answer in operation.responses.items():
            if status == "204":
                assert (answer.content, answer.description) == ({}, "No Content."), operation.operation_id
            elif status < "300":
                assert answer.content, operation.operation_id
                assert answer.description not in ("OK.", "Created.", "Accepted."), operation.operation_id
                for content in answer.content.values():
                    assert described.fits(content.schema_, content.example), (operation.operation_id, content.example)
        if operation.request_body is not None:
            for content in operation.request_body.content.values():
                assert described.fits(content.schema_, content.example), operation.operation_id


def test_links_lead_to_operations_with_these_parameters(described: OpenAPI) -> None:
    operations = {operation.operation_id: operation for _, operation in described.operations()}
    links = [
        (name, link)
        for operation in operations.values()
        for answer in operation.responses.values()
        for name, link in answer.links.items()
    ]
    assert len(links) > 20
    for name, link in links:
        parameters = {parameter.name for parameter in operations[link.operation_id].parameters}
        assert link.parameters.keys() <= parameters, name


def test_the_tags_are_told_in_the_order_of_need(described: OpenAPI) -> None:
    names = [tag.name for tag in described.tags]
    assert names == ["events", "registrations", "invitations", "hosts", "users", "bots", "changes", "service"]
    assert {tag for _, operation in described.operations() for tag in operation.tags} == set(names)


def test_a_stream_of_changes_is_described(described: OpenAPI) -> None:
    (operation,) = (operation for _, operation in described.operations() if operation.operation_id == "list_changes")
    assert list(operation.responses["200"].content) == ["application/json", "text/event-stream"]


def test_bodies_are_json_and_have_no_other_fields(described: OpenAPI) -> None:
    for _, operation in described.operations():
        if operation.request_body is not None:
            content = operation.request_body.content["application/json"]
            body = next(arm for arm in content.schema_.get("oneOf", [content.schema_]) if "$ref" in arm)
            assert described.resolve(body)["additionalProperties"] is False
            assert operation.request_body.required == (operation.operation_id not in WITHOUT_BODY)


def test_a_patch_also_takes_a_merge_patch(described: OpenAPI) -> None:
    for item in described.paths.values():
        for method, operation in item.items():
            if operation.request_body is not None:
                merge = ["application/merge-patch+json"] * (method == "patch")
                assert list(operation.request_body.content) == ["application/json", *merge]


def test_json_that_sqlite_makes_is_described_by_its_type(described: OpenAPI) -> None:
    schema = described.components.schemas["Participants"]["properties"]["participants"]
    assert (schema["type"], schema["items"]) == ("array", {"$ref": "#/components/schemas/ListedRegistration"})


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

    def example(operation_id: str) -> Any:
        body = operations[operation_id].request_body
        assert body is not None
        return body.content["application/json"].example

    def check(operation_id: str, response: Any) -> Any:
        answer = operations[operation_id].responses[str(response.status_code)]
        assert response.status_code < 300, response.text
        assert described.fits(answer.content["application/json"].schema_, response.json()), response.text
        return response.json()

    client = fresh_server.client
    account = check("create_user", client.post("/users", json=example("create_user")))
    user = User(client, account, check("login", client.post("/login", json=example("login")))["token"])
    event = check("create_event", user.post("/events", json=example("create_event")))
    url = f"/events/{event['id']}"
    check("get_event", client.get(url))
    check("update_event", user.patch(url, json=example("update_event")))
    check("register", user.post(f"{url}/register", json=example("register")))
    check("check_in", user.patch(f"{url}/participants/me", json=example("check_in")))
    check("list_participants", user.get(f"{url}/participants"))
    check("list_user_events", user.get("/users/me/events"))
    check("get_health", client.get("/health"))
    check("delete_event", user.delete(url))
    check("update_user", user.patch("/users/me", json=example("update_user")))
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
    assert len(loaded) == 2
    for link in loaded:
        assert not urlsplit(link).scheme
        assert not link.startswith("/")  # works behind a prefix too
        file = server.client.get(urljoin(f"{server.url}/docs", link))
        assert file.status_code == 200
        if link.endswith(".css"):
            assert re.findall(r"url\(\s*['\"]?https?:", file.text) == []


def test_the_docs_are_in_english_fit_the_screen_and_keep_the_token(server: Server) -> None:
    page = server.client.get("/docs").text
    assert '<html lang="en">' in page
    assert 'content="width=device-width' in page
    assert "prefers-color-scheme: dark" in page
    assert "persistAuthorization: true" in page


def test_the_docs_show_what_is_served(server: Server, document: Any) -> None:
    assert '"operationId":"list_participants"' in server.client.get("/docs").text
    assert server.client.get("/docs/openapi.json").json() == document


def test_the_description_is_the_same_after_each_start(tmp_path: Path) -> None:
    """Hashes of texts, and so the order of a set, differ from process to process."""
    own = {"EVENTORG_DATABASE": str(tmp_path / "none.db")}
    seeded = {**os.environ, **own, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-m", "eventorg", "openapi"]
    printed = subprocess.run(command, env=seeded, capture_output=True, check=True, timeout=60, text=True).stdout
    assert printed == CliRunner().invoke(cli, ["openapi"], env=own).stdout, "this process has other hashes"
