"""Each path has one spelling: no other reaches a route that a proxy hides by its name."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from eventorg.settings import load
from eventorg.testing import Server, running
from tests.programs import CHECKOUT
from tests.serving.test_wire import ask, statuses


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins, and with metrics."""
    settings = {"EVENTORG_DATABASE": str(tmp_path_factory.mktemp("paths") / "eventorg.db"), "EVENTORG_METRICS": "on"}
    with running(load(settings | {"EVENTORG_LOG_LEVEL": "error"})) as server:
        yield server


def asked(server: Server, target: str, method: str = "GET") -> bytes:
    """The answer to a target that is sent as it is: httpx would make it a usual one."""
    return ask(server, f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())


def spellings(path: str) -> list[str]:
    """Others that a router, a proxy or a decoder may take for the same path."""
    first = f"/%{ord(path[1]):02x}{path[2:]}"
    return [
        f"{path}/",
        f"{path}//",
        f"/{path}",
        f"/.{path}",
        f"/x/..{path}",
        f"{path}/.",
        f"{path}/x/..",
        first,
        first.upper().replace(path[2:].upper(), path[2:]),
        f"/%2F{path[1:]}",
        f"/%2f{path[1:]}",
        f"%2F{path[1:]}",
        f"{path}%2F",
        f"{path}/%2e",
        f"{path}%",
        f"{path}%zz",
        f"http://x/{path}",
    ]


@pytest.mark.parametrize("spelling", spellings("/metrics"))
def test_metrics_have_one_name(served: Server, spelling: str) -> None:
    answer = asked(served, spelling)
    assert statuses(answer) in ([404], [400])
    assert b"application/problem+json" in answer
    assert b"x-request-id" in answer or statuses(answer) == [400]
    assert b"eventorg_" not in answer


def test_every_route_has_one_name(served: Server) -> None:
    assert served.app
    routes = [route for route in served.app.routes if isinstance(route, HTTPRoute)]
    assert len(routes) > 30
    for route in routes:
        path = re.sub("{.*?}", str(uuid4()), route.path_format)
        for method in route.methods:
            for spelling in (f"{path}/", f"/{path}", spellings(path)[7]):
                assert statuses(asked(served, spelling, method)) == [404], (method, spelling)


@pytest.mark.parametrize("segment", ["%D0%B0", "%d0%b0", "%40", "@", "%20", "%3A", "a:b", "%25", "...", ".x", "%ff"])
def test_what_needs_or_may_have_an_encoding_may_be_encoded(served: Server, segment: str) -> None:
    answer = asked(served, f"/users/{segment}/events")
    assert statuses(answer) == [401]  # of the route, and not of a path that is none


def test_the_query_is_not_of_the_path(served: Server) -> None:
    assert statuses(asked(served, "/health?a=//%2F/../%61/")) == [200]


def test_what_the_proxies_hide_is_hidden(served: Server) -> None:
    hidden = {
        "nginx.conf": r"location = (\S+) \{\s+return 404",
        "Caddyfile": r"respond (\S+) 404",
    }
    for name, pattern in hidden.items():
        text = (CHECKOUT / "eventorg" / "deploy" / name).read_text(encoding="utf-8")
        assert re.findall(pattern, text) == ["/metrics"]
    assert statuses(asked(served, "/metrics")) == [200]


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "http://x/health", 200),
        ("GET", "http://x", 404),
        ("GET", "http://x?a=b", 404),
        ("OPTIONS", "http://x/health", 204),
        ("OPTIONS", "http://x", 204),
        ("OPTIONS", "*", 204),
        ("GET", "*", 404),
        ("OPTIONS", "//", 404),
        ("GET", "/health#x", 400),
        ("GET", "http://x/health#x", 400),
    ],
)
def test_targets_of_other_forms(served: Server, method: str, target: str, status: int) -> None:
    assert statuses(asked(served, target, method)) == [status]


def test_options_of_the_server_tell_every_method(served: Server) -> None:
    answer = asked(served, "*", "OPTIONS")
    assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in answer
    assert b"\r\nx-request-id: " in answer
