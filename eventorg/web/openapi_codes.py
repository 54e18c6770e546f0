"""The error codes of each operation in the OpenAPI document, with an example of each."""

from collections.abc import Collection
from typing import Any, Final

from eventorg.locales import catalogue
from eventorg.locales.explanations import explain_code
from eventorg.web.problems import MEDIA_TYPE, STATUS, TYPE

Document = dict[str, Any]

_LANGUAGE: Final = "en"
_OF_STATUS: Final[dict[str, tuple[str, ...]]] = {
    "400": ("malformed_json",),
    "408": ("request_timeout",),
    "410": ("cursor_expired",),
    "412": ("version_mismatch",),
    "413": ("body_too_large",),
    "415": ("unsupported_media_type",),
    "422": ("validation_failed",),
    "429": ("too_many_requests",),
    "503": ("busy", "storage_unavailable", "unavailable"),
    "507": ("storage_full",),
}
"""The codes of a status for which an operation names none."""
_OF_TOKENS: Final = ("unauthenticated", "token_invalid", "token_expired", "token_revoked")
_OF_ACTING: Final = {"403": ("scope_missing", "bot_required"), "404": ("user_not_found", "identity_not_found")}
_OF_KEYS: Final = {"409": ("idempotency_in_flight",), "422": ("idempotency_key_reused",)}
_TOO_MANY: Final = ("too_many_requests",)
_RETRY_AFTER: Final = {
    "description": "The number of seconds after which you can send the request again.",
    "schema": {"type": "integer", "minimum": 0},
}
_FAULT: Final = {"field": "title", "code": "required", "message": "This field is required."}


def add_codes(document: Document, refusals: Collection[str] = ()) -> None:
    """Adds to each error response its codes: in the description, and as examples by code.

    An operation that names `plugin_failed` asks the gates of plugins: `refusals` are the codes that they may return.
    """
    used: dict[str, str] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            security = operation.get("security", document["security"])
            for status, response in operation["responses"].items():
                if MEDIA_TYPE not in response.get("content", {}):
                    continue
                codes = _codes(path, method, security, status, response, document["security"])
                if status == "409" and _asks_gates(operation):
                    codes += refusals
                used.update(dict.fromkeys(codes, status))
                _describe(response, status, codes)
    document["components"]["examples"] = {code: _example(code, int(status)) for code, status in sorted(used.items())}


def _asks_gates(operation: Document) -> bool:
    return "plugin_failed" in operation["responses"]["503"]["content"][MEDIA_TYPE].get("examples", {})


def _codes(
    path: str, method: str, security: list[Any], status: str, response: Document, default_security: list[Any]
) -> list[str]:
    """Returns the codes of a response, those that the operation names first."""
    codes = list(response["content"][MEDIA_TYPE].get("examples", {}))
    may_act = any("bot" in way for way in security)
    if codes == ["not_found"] and "{event_id}" in path:
        codes = ["event_not_found"]
    if not codes or status == "503":
        codes += _OF_STATUS.get(status, ())
    if status == "401" and security:
        codes += _OF_TOKENS
    if status == "429":
        codes += _TOO_MANY
    if may_act:
        codes += _OF_ACTING.get(status, ())
    if status == "403" and security == default_security:
        codes.append("act_as_missing")
    if method in ("post", "patch") and security:
        codes += _OF_KEYS.get(status, ())
    return list(dict.fromkeys(codes))


def _describe(response: Document, status: str, codes: list[str]) -> None:
    noun = "Code" if len(codes) == 1 else "Codes"
    response["description"] += f" {noun}: {', '.join(f'`{code}`' for code in codes)}."
    response["content"][MEDIA_TYPE]["examples"] = {code: {"$ref": f"#/components/examples/{code}"} for code in codes}
    if status in ("429", "503"):
        response["headers"] = {"Retry-After": _RETRY_AFTER, **response.get("headers", {})}


def _example(code: str, status: int) -> Document:
    """Returns the problem document of a code. A plugin's code has the texts of its status."""
    known = code
    if code not in catalogue(_LANGUAGE)["titles"]:
        known = next(kind.default_code for kind, number in STATUS.items() if number == status)
    title, detail = explain_code(_LANGUAGE, known)
    value: Document = {"type": f"{TYPE}{code}", "title": title, "status": status, "detail": detail, "code": code}
    if status == 422:
        value["errors"] = [_FAULT]
    return {"summary": title, "value": value}
