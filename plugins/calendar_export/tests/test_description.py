"""The plugin's routes are described like any others."""

import re
from typing import Any

from eventorg.testing import Server

ANY = {"429", "503"}
SECURED = ANY | {"401", "403", "404"}
CHANGING = SECURED | {"408", "413"}
OPERATIONS = {
    "get_event_file": ("GET /events/{event_id}/event.ics", SECURED | {"200", "304"}),
    "get_calendar": ("GET /calendar/{secret}/feed.ics", ANY | {"200", "304", "404"}),
    "create_calendar": ("POST /users/me/calendar", CHANGING | {"201", "409", "422", "507"}),
    "delete_calendar": ("DELETE /users/me/calendar", CHANGING | {"200", "412", "422", "507"}),
}
"""Clients are generated from these: a name here is never changed."""


def described(server: Server) -> dict[str, tuple[str, dict[str, Any]]]:
    """The operations of this plugin by name, with method and path."""
    return {
        operation["operationId"]: (f"{method.upper()} {path}", operation)
        for path, item in server.client.get("/openapi.json").json()["paths"].items()
        for method, operation in item.items()
        if operation["tags"] == ["calendar_export"]
    }


def test_every_operation_is_described(eventorg: Server) -> None:
    operations = described(eventorg)
    assert {name: (place, set(it["responses"])) for name, (place, it) in operations.items()} == OPERATIONS
    for place, operation in operations.values():
        assert operation["summary"]
        assert operation["description"].endswith((".", "`"))
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", place))
        for status, answer in operation["responses"].items():
            assert answer["description"]
            assert set(answer.get("content", ())) == media_types(place, status)


def media_types(place: str, status: str) -> set[str]:
    if status == "304":
        return set()
    if status >= "400":
        return {"application/problem+json"}
    return {"text/calendar" if place.endswith(".ics") else "application/json"}


def test_what_needs_no_token_says_so(eventorg: Server) -> None:
    security: dict[str, Any] = {name: operation.get("security") for name, (_, operation) in described(eventorg).items()}
    assert security["get_calendar"] == []
    assert security["get_event_file"][0] == {}
    assert security["create_calendar"] is security["delete_calendar"] is None  # as the document says for all
