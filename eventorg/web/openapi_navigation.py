"""Tags, parameters and links of the OpenAPI document: how a reader finds the way from one operation to another."""

import re
from collections.abc import Collection
from typing import Any, Final

from litestar.openapi.spec import Tag

Document = dict[str, Any]

TAGS: Final = [
    Tag("events", "Create, find, change and cancel events."),
    Tag("registrations", "Register for an event, leave it, and see who comes."),
    Tag("invitations", "Codes that let people come to an event."),
    Tag("hosts", "The organizer and the co-hosts of an event."),
    Tag("users", "Accounts, and logging in."),
    Tag("bots", "Telegram accounts and their users."),
    Tag("changes", "The change feed: pages, long polling or a stream."),
    Tag("service", "The state of the server."),
]
"""The tags of the core, in the order in which a newcomer needs them. The tags of plugins follow."""

_PATH_PARAMETERS: Final = {
    "event_id": "The event's ID, or its short `code`.",
    "user_id": "The user's ID, or `me` for the caller.",
    "blocked_id": "The ID of the user to block.",
    "telegram_id": "Telegram's ID of the account.",
    "delivery_id": "The delivery's ID.",
    "invitation_id": "The invitation's ID.",
    "code": "The invitation's code.",
}
_ACT_AS: Final = {
    "name": "X-Act-As",
    "in": "header",
    "schema": {"type": "string"},
    "description": "For bots with the scope `act`: the user to act for, as `<user ID>` or `telegram:<telegram ID>`.",
    "required": False,
}
_EVENT: Final = {"event_id": "$response.body#/id"}
_REGISTRATION: Final = {"event_id": "$response.body#/event_id", "user_id": "$response.body#/user_id"}
_LINKS: Final[dict[str, dict[str, dict[str, str]]]] = {
    "Event": {
        "get_event": _EVENT,
        "update_event": _EVENT,
        "cancel_event": _EVENT,
        "register": _EVENT,
        "list_participants": _EVENT,
        "get_card": _EVENT,
    },
    "User": {"get_user": {"user_id": "$response.body#/id"}},
    "Invitation": {
        "get_invitation": {"code": "$response.body#/code"},
        "revoke_invitation": {"event_id": "$response.body#/event_id", "invitation_id": "$response.body#/id"},
    },
    "Registration": {"get_participant": _REGISTRATION, "check_in": _REGISTRATION},
}
"""The operations that can follow an answer with a schema, with their parameters."""


def add_navigation(document: Document) -> None:
    """Adds the tags of plugins, the parameters that many operations share, and links between operations."""
    operations = {
        operation["operationId"]: (path, operation)
        for path, item in document["paths"].items()
        for operation in item.values()
    }
    known = {tag["name"] for tag in document["tags"]}
    for path, operation in operations.values():
        for name in operation.get("tags", []):
            if name not in known:
                known.add(name)
                document["tags"].append({"name": name, "description": f"The plugin `{name}`."})
        _add_parameters(path, operation, operation.get("security", document["security"]))
        _add_links(path, operation, operations.keys())


def _add_parameters(path: str, operation: Document, security: list[Any]) -> None:
    parameters: list[Document] = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path" and parameter["name"] in _PATH_PARAMETERS:
            parameter.setdefault("description", _PATH_PARAMETERS[parameter["name"]])
        if path.startswith("/users/{user_id}") and parameter["name"] == "user_id":
            parameter["example"] = "me"
    if any("bot" in way for way in security):
        parameters.append(_ACT_AS)
    if not parameters:
        del operation["parameters"]


def _add_links(path: str, operation: Document, known: Collection[str]) -> None:
    """Adds links to the operations that can follow, and to the next page of a list."""
    for status, response in operation["responses"].items():
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        if not status.startswith("2"):
            continue
        links = {
            name: {"operationId": name, "parameters": parameters}
            for name, parameters in _LINKS.get(schema.get("$ref", "").rpartition("/")[2], {}).items()
            if name in known and name != operation["operationId"]
        }
        parameters = [parameter["name"] for parameter in operation.get("parameters", [])]
        for cursor in {"cursor", "after"}.intersection(parameters):
            in_path = {name: f"$request.path.{name}" for name in re.findall(r"{(\w+)}", path)}
            following = in_path | {cursor: "$response.body#/next"}
            links["next_page"] = {"operationId": operation["operationId"], "parameters": following}
        if links:
            response["links"] = links
