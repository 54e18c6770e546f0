"""Headers of every answer, and the rights of pages from other sites."""

import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from eventorg.settings import load
from eventorg.testing import Server, User, running
from eventorg.web.cors import allow_origins
from eventorg.web.headers import accepts
from eventorg.web.strict import StrictRoutes

ORIGIN = "https://bot.example"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins, with one other site as an allowed origin."""
    settings = {"EVENTORG_DATABASE": str(tmp_path_factory.mktemp("headers") / "eventorg.db")}
    with running(load(settings | {"EVENTORG_LOG_LEVEL": "error", "EVENTORG_CORS_ORIGINS": ORIGIN})) as server:
        yield server


@pytest.fixture(scope="module")
def user(served: Server) -> User:
    return served.sign_up()


def routes(server: Server) -> list[tuple[str, str]]:
    """Every method and path of the application, with unknown ids."""
    assert server.app is not None
    return [
        (method, re.sub("{.*?}", "1", route.path_format))
        for route in server.app.routes
        if isinstance(route, HTTPRoute)
        for method in route.route_handler_map
    ]


def check(response: httpx.Response, *, is_somebodys: bool) -> None:
    headers, place = response.headers, f"{response.request.method} {response.request.url}"
    assert headers.get_list("x-content-type-options") == ["nosniff"], place
    assert "server" not in headers, place
    assert "access-control-allow-origin" not in headers, place
    (cache_control,) = headers.get_list("cache-control")
    if is_somebodys or response.status_code >= 400:
        assert cache_control == "no-store", place
    else:
        assert cache_control in ("no-store", "no-cache", "max-age=3600, public"), place


def test_every_route_has_the_headers(served: Server, user: User) -> None:
    """Requests without a token, with a token, and with an invalid body."""
    found = routes(served)
    assert len(found) > 60
    for method, path in found:
        own = User(served.client, {}, served.log_in(user.account["email"])) if path == "/logout" else user
        for headers in ({}, own.headers):
            is_somebodys = bool(headers) and not path.startswith(
                ("/docs", "/openapi", "/health", "/calendar", "/problems")
            )
            for content in ("", "{"):
                response = served.client.request(method, path, content=content, headers=headers)
                check(response, is_somebodys=is_somebodys)


@pytest.mark.parametrize(
    "path", ["/users/me", "/users/me/export", "/users/me/events", "/changes", "/events", "/events/{event_id}"]
)
def test_what_is_answered_to_somebody_is_not_stored(served: Server, user: User, path: str) -> None:
    url = path.format(event_id=user.create_event()["id"])
    answered = user.get(url)
    assert (answered.status_code, answered.headers["cache-control"]) == (200, "no-store")
    if "etag" in answered.headers:  # a client that caches it saves the body
        again = user.get(url, headers={"If-None-Match": answered.headers["etag"]})
        assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-store")


def test_logins_and_codes_are_not_stored(served: Server, user: User) -> None:
    login = {"email": user.account["email"], "password": "correct horse battery"}
    for response in (
        served.client.post("/login", json=login),
        user.post("/users/me/link-codes"),
        user.post("/users/me/calendar"),
    ):
        assert response.is_success
        assert response.headers["cache-control"] == "no-store"


def test_a_public_event_is_asked_for_anew(served: Server, user: User) -> None:
    url = f"/events/{user.create_event()['id']}"
    for path in (url, "/events", "/health", "/openapi.json", "/docs"):
        assert served.client.get(path).headers["cache-control"] == "no-cache"


def test_what_is_no_request_has_the_header_too(served: Server) -> None:
    place = urlsplit(served.url)
    with socket.create_connection((place.hostname, place.port or 0)) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        answer = connection.recv(4096).lower()
    assert answer.startswith(b"http/1.1 400")
    assert b"x-content-type-options: nosniff" in answer
    assert b"\r\nserver:" not in answer


def test_the_docs_run_their_own_scripts_alone(served: Server) -> None:
    page = served.client.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["default-src"] == "'self'"
    scripts = re.findall(r"<script>(.+?)</script>", page.text, re.DOTALL)
    assert len(scripts) == 2
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy["script-src"].split() == ["'self'", *(f"'sha256-{digest}'" for digest in digests)]
    markup = re.sub(r"<script>.+?</script>", "", page.text, flags=re.DOTALL)
    assert re.findall(r"\son[a-z]+=|javascript:", markup) == []


def ask(server: Server, origin: str, **headers: str) -> httpx.Response:
    """Sends a CORS preflight request (Fetch, section 3.3)."""
    asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"} | headers
    return server.client.options("/users/me", headers=asked)


def test_a_page_of_another_site_calls_only_if_it_may(served: Server, server: Server, user: User) -> None:
    wanted = {"Access-Control-Request-Headers": "authorization, if-match, idempotency-key"}
    answered = ask(served, ORIGIN, **wanted)
    assert answered.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in answered.headers["access-control-allow-methods"]
    assert answered.status_code == 204
    assert answered.headers["vary"] == "Origin"
    sendable = answered.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "if-match", "idempotency-key", "x-act-as"} <= set(sendable)
    refused = ask(served, "https://other.example", **wanted), ask(server, ORIGIN, **wanted)
    assert all("access-control-allow-origin" not in response.headers for response in refused)
    for path, status in (("/users/me", 200), ("/users/1", 404)):
        response = user.get(path, headers={"Origin": ORIGIN})
        assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, ORIGIN)
        assert "etag" in response.headers["access-control-expose-headers"].lower()
        assert "access-control-allow-credentials" not in response.headers


def test_every_change_takes_conditions_also_of_plugins(served: Server) -> None:
    changes = [
        (f"{method} {path}", operation)
        for path, item in served.client.get("/openapi.json").json()["paths"].items()
        for method, operation in item.items()
        if method in ("put", "patch", "delete")
    ]
    assert len(changes) >= 15
    for place, operation in changes:
        names = [parameter["name"] for parameter in operation["parameters"]]
        assert (names.count("If-Match"), names.count("If-None-Match")) == (1, 1), place
        assert "412" in operation["responses"], place


def test_every_list_tells_its_change_also_of_plugins(served: Server) -> None:
    schemas = served.client.get("/openapi.json").json()["components"]["schemas"]
    pages = {name for name, schema in schemas.items() if "next" in schema.get("properties", {})} - {"ChangePage"}
    assert len(pages) >= 3
    for name in pages | {"Hosts", "UserEvents", "Webhooks"}:
        assert schemas[name]["properties"]["as_of"]["type"] == "integer", name
        assert "as_of" in schemas[name]["required"], name


def test_a_calendar_address_is_ended_under_a_condition(user: User) -> None:
    tag = user.post("/users/me/calendar").headers["etag"]
    for condition in ({"If-Match": '"x"'}, {"If-None-Match": tag}, {"If-None-Match": "*"}):
        assert user.delete("/users/me/calendar", headers=condition).status_code == 412
    assert user.delete("/users/me/calendar", headers={"If-Match": tag}).status_code == 200
    assert user.delete("/users/me/calendar", headers={"If-Match": "*"}).status_code == 412
    assert user.delete("/users/me/calendar").status_code == 200


def test_vary_keeps_what_it_names(served: Server, server: Server) -> None:
    """Whatever the request's origin is, a cache must know that the answer depends on it, and on the language."""
    for origin in (ORIGIN, "https://other.example", None):
        headers = {} if origin is None else {"Origin": origin}
        for path, vary in (("/nothing", "Accept-Language, Origin"), ("/problems", "Accept, Accept-Language, Origin"),
                           ("/events", "Origin")):  # fmt: skip
            response = served.client.get(path, headers=headers)
            assert response.headers.get_list("vary") == [vary], (origin, path)
            assert (response.headers.get("access-control-allow-origin") == ORIGIN) == (origin == ORIGIN)
    assert server.client.get("/events", headers={"Origin": ORIGIN}).headers.get("vary") is None


def test_every_origin_may_be_allowed() -> None:
    app = Litestar([], plugins=[StrictRoutes()])
    app.asgi_handler = allow_origins(app.asgi_handler, ["*"])
    with TestClient(app) as client:
        for origin in ("https://a.example", "null"):
            response = client.get("/nothing", headers={"Origin": origin})
            assert response.headers["access-control-allow-origin"] == "*"
            assert response.headers["vary"] == "Accept-Language"


@pytest.mark.parametrize(
    ("accept", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream", True),
        ("text/event-stream; charset=utf-8", True),
        ("text/*", True),
        ("text/event-stream, */*;q=0.1", True),
        ("application/json, text/event-stream", True),
        ("application/json;q=0.5, text/event-stream;q=0.6", True),
        ('text/html;p="a,b", text/event-stream', True),
        ("text/event-stream;q=0.001", True),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream-x", False),
        ("text/html;profile=text/event-stream", False),
        ('text/html;p="a, text/event-stream"', False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.0, */*", False),
        ("text/*, text/event-stream;q=0", False),
        ("text/event-stream;q=2", False),
        ("text/event-stream;q=0.5, application/json", False),
        ("text/event-stream;q=0.5, */*", False),
        ("text/*, application/json", False),
        ("text", False),
        ("text/", False),
    ],
)
def test_accept_is_matched_by_media_type_and_quality(accept: str, *, is_stream: bool) -> None:
    scope: Any = {"headers": [(b"accept", accept.encode())] if accept else []}
    assert accepts(scope, "text/event-stream") is is_stream


def test_several_lines_of_accept_are_one_list() -> None:
    scope: Any = {"headers": [(b"accept", b"application/json;q=0.2"), (b"accept", b"text/csv;q=0.3")]}
    assert accepts(scope, "text/csv")
    assert not accepts(scope, "text/event-stream")
