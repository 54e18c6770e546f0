"""Constants reach handlers as they are, whatever else a handler depends on."""

from typing import Any

from litestar import Litestar, get
from litestar.di import NamedDependency, Provide
from litestar.testing import TestClient

from eventorg.web.constants import constants
from eventorg.web.strict import StrictRoutes


class Held:
    """A value that must not be copied."""

    def __deepcopy__(self, _: Any) -> "Held":
        raise AssertionError("copied")


HELD = Held()


async def both(held: NamedDependency[Held]) -> list[Held]:
    return [held, held]


@get("/one")
async def get_one(held: NamedDependency[Held], number: NamedDependency[int]) -> str:
    return f"{held is HELD} {number}"


@get("/other", dependencies={"pair": Provide(both)})
async def get_other(pair: NamedDependency[list[Held]], number: NamedDependency[int]) -> str:
    return f"{pair[0] is HELD} {len(pair)} {number}"


@get("/own", dependencies=constants(number=8))
async def get_own(number: NamedDependency[int]) -> str:
    return str(number)


def test_constants_reach_handlers_and_dependencies() -> None:
    app = Litestar([get_one, get_other, get_own], dependencies=constants(held=HELD, number=7), plugins=[StrictRoutes()])
    with TestClient(app) as client:
        for _ in range(2):
            assert client.get("/one").text == "True 7"
            assert client.get("/other").text == "True 2 7"
            assert client.get("/own").text == "8"


def test_nothing_is_resolved_for_a_handler_that_has_constants_alone() -> None:
    app = Litestar([get_one], dependencies=constants(held=HELD, number=7), plugins=[StrictRoutes()])
    route = next(route for route in app.routes if route.path == "/one")
    assert route.route_handler_map["GET"][1].dependency_batches == []  # type: ignore[union-attr]
