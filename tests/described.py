"""Compares the errors that tests get with the codes that the API description lists."""

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import httpx
import pytest
from litestar import Litestar

from eventorg.testing import Server
from eventorg.web.openapi_navigation import TAGS
from tests.programs import CHECKOUT

PROBLEM = "application/problem+json"
OUTSIDE = {"bad_request", "head_too_large", "internal_error", "method_not_allowed", "target_too_long"}
"""The codes of requests that reach no operation, and of faults of the server."""

OURS = {tag.name for tag in TAGS} | {file.parent.name for file in (CHECKOUT / "plugins").glob("*/__init__.py")}
"""The tags of the core and of the bundled plugins. Plugins that tests write need no codes."""
Codes = dict[str, set[str]]
_described: dict[tuple[str, ...], dict[tuple[str, str], Codes]] = {}


def codes_of(document: Any) -> dict[tuple[str, str], Codes]:
    """Returns the documented codes of each method and path, by status."""
    return {
        (method, path): {
            status: set(response["content"][PROBLEM]["examples"])
            for status, response in operation["responses"].items()
            if PROBLEM in response.get("content", {})
        }
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if OURS.intersection(operation["tags"])
    }


@pytest.fixture(scope="session", autouse=True)
def documented_errors() -> Iterator[None]:
    """Fails each test that gets an error which the description of its operation does not list."""
    start = Server.__init__

    def started(self: Server, *arguments: Any, **named: Any) -> None:
        start(self, *arguments, **named)
        if self.app is not None:
            self.client.event_hooks["response"].append(partial(_check, self.app))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "__init__", started)
        yield


def _check(app: Litestar, response: httpx.Response) -> None:
    if response.headers.get("content-type") != PROBLEM or response.request.method == "HEAD":
        return
    code = _code(response)
    if code == "not_found" and b"%" in response.request.url.raw_path:
        return  # not the canonical spelling of a path: it reaches no operation
    method, path = response.request.method.lower(), response.request.url.path
    for (described_method, template), codes in _codes(app).items():
        if method == described_method and _pattern(template).fullmatch(path) and code not in OUTSIDE:
            documented = codes.get(str(response.status_code), set())
            assert code in documented, f"{method} {template} answers {response.status_code} {code}: not documented"
            return


def _code(response: httpx.Response) -> str:
    response.read()
    return str(response.json()["code"])


def _codes(app: Litestar) -> dict[tuple[str, str], Codes]:
    """Returns the codes of an application, first those of the paths with the fewest parameters, as they are routed.

    Applications with the same routes share one description, which takes a while."""
    routes = tuple(sorted(route.path for route in app.routes))
    if routes not in _described:
        codes = codes_of(app.openapi_schema.to_schema())
        _described[routes] = dict(sorted(codes.items(), key=lambda item: item[0][1].count("{")))
    return _described[routes]


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", template))
