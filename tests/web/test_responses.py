"""JSONResponse sends the same headers and bytes as Litestar's own response."""

from pathlib import PurePosixPath
from typing import Any

import pytest
from litestar import Litestar, Response, get
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie, ResponseHeader
from litestar.testing import TestClient
from msgspec import Struct

from eventorg.web.responses import JSONResponse


class Tea(Struct):
    kind: str
    cups: int | None = None


class Pot:
    """A type that needs a type encoder."""


CASES: dict[str, dict[str, Any]] = {
    "a struct": {"content": Tea("Чай", 2)},
    "nothing": {"content": None},
    "a list": {"content": [Tea("a"), {"b": [1.5, None, True]}]},
    "headers": {"content": {}, "headers": {"ETag": '"1-0"', "Location": "/here"}},
    "another status": {"content": Tea("a"), "status_code": 201},
    "no content": {"content": None, "status_code": 204},
    "not modified": {"content": None, "status_code": 304, "headers": {"ETag": '"1-0"'}},
    "what Litestar knows to encode": {"content": {"path": PurePosixPath("a/b")}},
    "an encoder of its own": {"content": [Pot()], "type_encoders": {Pot: lambda _: "a pot"}},
    "a cookie": {"content": {}, "cookies": [Cookie("name", "value")]},
    "text": {"content": "plain", "media_type": "text/plain"},
    "bytes of its own kind": {"content": b"BEGIN:VCALENDAR", "media_type": "text/calendar"},
    "a problem": {"content": Tea("a"), "media_type": "application/problem+json", "status_code": 404},
}


@pytest.mark.parametrize("case", CASES)
def test_an_answer_is_what_litestar_would_have_sent(case: str) -> None:
    def make(kind: type[Response[Any]]) -> tuple[int, list[tuple[str, str]], bytes]:
        @get("/", sync_to_thread=False, response_headers=[ResponseHeader(name="X-Layer", value="given")])
        def handler() -> Response[Any]:
            return kind(**CASES[case])

        with TestClient(Litestar([handler], openapi_config=None)) as client:
            answer = client.get("/")
        return answer.status_code, sorted(answer.headers.items()), answer.content

    assert make(JSONResponse) == make(Response)


def test_what_a_handler_returns_is_answered_the_same_way() -> None:
    def make(kind: type[Response[Any]]) -> tuple[int, list[tuple[str, str]], bytes]:
        @get("/", sync_to_thread=False, status_code=202)
        def handler() -> Tea:
            return Tea("Чай")

        with TestClient(Litestar([handler], openapi_config=None, response_class=kind)) as client:
            answer = client.get("/")
        return answer.status_code, sorted(answer.headers.items()), answer.content

    assert make(JSONResponse) == make(Response)


def test_a_background_task_is_done() -> None:
    done: list[str] = []

    @get("/", sync_to_thread=False)
    def handler() -> Response[Any]:
        return JSONResponse({}, background=BackgroundTask(done.append, "done"))

    with TestClient(Litestar([handler], openapi_config=None)) as client:
        assert client.get("/").json() == {}
    assert done == ["done"]
