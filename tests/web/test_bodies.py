"""A body is decoded as the type that its handler declares, also with a default in a plugin's handler."""

from typing import Any

import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient
from msgspec import Struct

from eventorg.web.bodies import StrictRequest
from eventorg.web.problems import EXCEPTION_HANDLERS


class Tea(Struct, frozen=True, forbid_unknown_fields=True):
    cups: int = 1


@post("/struct", status_code=200)
async def of_a_struct(data: JSONBody[Tea] = Tea(cups=7)) -> Any:  # noqa: B008 (as a plugin's author may write it)
    return data


@post("/list", status_code=200)
async def of_a_list(data: JSONBody[list[int] | None] = None) -> Any:
    return data


@post("/nullable", status_code=200)
async def that_may_be_null(data: JSONBody[Tea | None]) -> Any:
    return data


@pytest.mark.parametrize(
    ("path", "body", "status", "answer"),
    [
        ("/struct", b"", 200, {"cups": 7}),
        ("/struct", b'{"cups": 2}', 200, {"cups": 2}),
        ("/struct", b'{"cups": "2"}', 422, None),
        ("/struct", b"null", 422, None),
        ("/list", b"", 200, None),
        ("/list", b"[1, 2]", 200, [1, 2]),
        ("/list", b"1", 422, None),
        ("/list", b"null", 422, None),
        ("/nullable", b"null", 200, None),
        ("/nullable", b'{"cups": 3}', 200, {"cups": 3}),
    ],
)
def test_a_body_with_a_default_is_its_own_type(path: str, body: bytes, status: int, answer: Any) -> None:
    handlers = [of_a_struct, of_a_list, that_may_be_null]
    app = Litestar(handlers, request_class=StrictRequest, exception_handlers=EXCEPTION_HANDLERS, openapi_config=None)
    with TestClient(app) as client:
        answered = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code == status
    if status == 200:
        assert answered.json() == answer
