"""A body is decoded as the type that its handler declares, also with a default in a plugin's handler."""

from typing import Annotated, Any

import pytest
from litestar import Litestar, post
from litestar.params import JSONBody
from litestar.testing import TestClient
from msgspec import Struct

from eventorg.domain.values import Input, text
from eventorg.web.bodies import StrictRequest
from eventorg.web.problems import EXCEPTION_HANDLERS
from eventorg.web.strict import StrictRoutes


class Tea(Struct, frozen=True, forbid_unknown_fields=True):
    cups: int = 1


@post("/struct", status_code=200)
async def of_a_struct(data: JSONBody[Tea] = Tea(cups=7)) -> Any:  # noqa: B008 (as a plugin's author may write it)
    return data


@post("/list", status_code=200)
async def of_a_list(data: JSONBody[list[int] | None] = None) -> Any:
    return data


class Order(Input):
    names: list[Annotated[str, text(2, 9, example="Anna")]]


@post("/order", status_code=200)
async def of_a_list_with_rules(data: JSONBody[Order]) -> Any:
    return data


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        (b'{"names": [" Anna ", "Boris"]}', 200, {"names": ["Anna", "Boris"]}),
        (b'{"names": []}', 200, {"names": []}),
        (b'{"names": ["Anna", "A", "\\u0001x"]}', 422, [("names[1]", "too_short"), ("names[2]", "control_character")]),
        (b'{"names": ["Anna", 1]}', 422, [("names[1]", "wrong_type")]),
    ],
)
def test_rules_in_a_list_are_those_of_each_item(body: bytes, status: int, answer: Any) -> None:
    app = Litestar([of_a_list_with_rules], plugins=[StrictRoutes()])
    with TestClient(app) as client:
        answered = client.post("/order", content=body, headers={"Content-Type": "application/json"})
    assert answered.status_code == status
    found = answered.json()
    assert (found if status == 200 else [(each["field"], each["code"]) for each in found["errors"]]) == answer


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
