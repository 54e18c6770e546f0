"""The Litestar plugin checks every route, including routes added later and second handlers of a path."""

from typing import Annotated, Any

from litestar import Litestar, Router, delete, get, post
from litestar.params import QueryParameter
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from eventorg.web.openapi import ApiDescription
from eventorg.web.strict import StrictRoutes


@get("/things")
async def list_things(count: Annotated[int, QueryParameter()] = 1) -> dict[str, Any]:
    return {"count": count}


@post("/things")
async def create_thing() -> dict[str, Any]:
    return {}


@delete("/things")
async def delete_thing() -> None:
    return


def made() -> Litestar:
    """Returns an application with two handlers at one path, the second added later."""
    app = Litestar([list_things], plugins=[StrictRoutes(), ApiDescription()], request_max_body_size=10)
    app.register(create_thing)
    return app


def test_routes_added_later_are_strict() -> None:
    app = Litestar([], plugins=[StrictRoutes()], request_max_body_size=10)
    app.register(Router(path="/", route_handlers=[list_things, create_thing]))
    with TestClient(app) as client:
        assert client.get("/things?count=1.0").json()["errors"][0]["field"] == "count"
        assert client.post("/things", content="more than ten bytes").status_code == 413
        assert client.post("/things", content="few").status_code == 201


def test_both_handlers_of_a_path_are_strict() -> None:
    with TestClient(made()) as client:
        assert client.get("/things?count=1.0").status_code == 422
        assert client.post("/things", content="more than ten bytes").status_code == 413


def test_options_lists_the_methods_of_all_handlers() -> None:
    with TestClient(made()) as client:
        assert client.options("/things").headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_a_handler_gets_its_checks_once() -> None:
    app = Litestar([list_things], plugins=[StrictRoutes()])
    app.register(create_thing)
    before = hook_of_post(app)
    app.register(delete_thing)
    assert hook_of_post(app) is before


def test_what_is_added_later_is_described() -> None:
    app = Litestar([list_things], plugins=[StrictRoutes(), ApiDescription()])
    assert sorted(app.openapi_schema.to_schema()["paths"]["/things"]) == ["get"]
    app.register(create_thing)
    assert sorted(app.openapi_schema.to_schema()["paths"]["/things"]) == ["get", "post"]


def hook_of_post(app: Litestar) -> Any:
    (route,) = (route for route in app.routes if isinstance(route, HTTPRoute) and route.path == "/things")
    hook = route.route_handler_map["POST"][0].before_request
    assert hook is not None
    return hook
