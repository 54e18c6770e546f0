"""Query parameters: unknown and repeated ones are refused, and so are null, nan and bytes that are not UTF-8."""

import re
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from litestar import Controller, Litestar, Request, get
from litestar.params import QueryParameter
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from eventorg.settings import load
from eventorg.testing import Server, User, check_problem, running
from eventorg.web.query_parameters import ANY_QUERY, query_prefixes
from eventorg.web.strict import StrictRoutes

NO_WHOLE = [
    "", "1e1", "1E1", "5.0", "5.", ".5", "%2B5", "+5", "%205", "5%20", "5%0A", "%D9%A3", "%EF%BC%95", "1_0", "0x5",
    "null", "NULL", "nan", "true", "None", "5;6", "5,6", "9" * 400,
]  # fmt: skip
NO_NUMBER = [
    "",
    "%2B1",
    "1_0",
    ".5",
    "5.",
    "0x1",
    "null",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "Infinity",
    "%D9%A3",
    "%201",
    "31",
]

Number = Annotated[int, QueryParameter(name="count")]
Several = Annotated[list[int], QueryParameter()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins."""
    settings = {"EVENTORG_DATABASE": str(tmp_path_factory.mktemp("queries") / "eventorg.db")}
    with running(load(settings | {"EVENTORG_LOG_LEVEL": "error"})) as server:
        yield server


@pytest.fixture(scope="module")
def user(served: Server) -> User:
    return served.sign_up()


@pytest.fixture(scope="module")
def event(user: User) -> str:
    return f"/events/{user.create_event()['id']}"


def faults(user: User, url: str) -> list[tuple[str, str]]:
    return [(fault["field"], fault["code"]) for fault in check_problem(user.get(url), 422)["errors"]]


@pytest.mark.parametrize(
    "place",
    ["/events?limit", "/changes?limit", "/changes?after", "/users/me/events?limit", "{event}/participants?limit",
     "{event}/card?names", "{event}/webhooks/1/deliveries?limit"],
)  # fmt: skip
def test_a_whole_number_is_digits(user: User, event: str, place: str) -> None:
    url = place.format(event=event)
    for sent in NO_WHOLE:
        assert faults(user, f"{url}={sent}") == [(url.partition("?")[2], "invalid")], sent
    assert user.get(f"{url}=5").status_code in (200, 404, 410)


def test_a_number_of_seconds_is_a_number(user: User) -> None:
    for sent in NO_NUMBER:
        assert faults(user, f"/changes?timeout={sent}") == [("timeout", "invalid")], sent
    for sent in ("0", "0.0", "0.01", "1e-2"):
        assert user.get(f"/changes?timeout={sent}").status_code == 200, sent


def test_a_boolean_is_true_or_false(user: User, event: str) -> None:
    for value in ("1", "0", "TRUE", "True", "yes", "null", "", "true ", "2"):
        assert faults(user, f"{event}/participants?approved={value}") == [("approved", "invalid")], value
        block = user.delete(f"{event}/participants/me?block={value}")
        assert check_problem(block, 422)["errors"][0]["field"] == "block"
    for value in ("true", "false"):
        assert user.get(f"{event}/participants?approved={value}").status_code == 200


def test_a_status_is_not_null(user: User, event: str) -> None:
    for url in ("/events", f"{event}/participants"):
        assert faults(user, f"{url}?status=null") == [("status", "invalid")]


@pytest.mark.parametrize(
    ("place", "name"),
    [
        *(("/events", name) for name in ("limit", "cursor", "q", "status", "organizer_id", "from", "to")),
        *(("/changes", name) for name in ("after", "limit", "timeout", "lastEventId")),
        *(("{event}/participants", name) for name in ("limit", "cursor", "status", "expand")),
        *(("{event}/hosts", name) for name in ("limit", "cursor", "expand")),
        *(("{event}/rsvps", name) for name in ("answer", "limit", "cursor", "expand")),
        ("/users", "ids"),
        *(("/users/me/events", name) for name in ("from", "to", "role", "limit", "cursor")),
        *(("{event}/card", name) for name in ("names", "locale")),
        *(("{event}/webhooks/1/deliveries", name) for name in ("limit", "cursor")),
    ],
)
def test_what_is_given_twice_is_refused(user: User, event: str, place: str, name: str) -> None:
    assert faults(user, f"{place.format(event=event)}?{name}=1&{name}=1") == [(name, "repeated")]


def test_all_that_is_wrong_is_told_at_once(user: User) -> None:
    assert faults(user, "/changes?limit=1e1&after=1&timeout=nan&after=2&utm=%FF&utm=2") == [
        ("limit", "invalid"),
        ("after", "repeated"),
        ("timeout", "invalid"),
        ("utm", "unknown_parameter"),
    ]


def test_an_unknown_parameter_is_refused_on_every_route(served: Server, user: User) -> None:
    """Each method and path, with unknown ids and no body: the query is checked first."""
    assert served.app is not None
    checked = 0
    for route in served.app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        path = re.sub("{.*?}", "1", route.path_format)
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS" or handler.opt.get("bot_only"):
                continue
            response = served.client.request(method, f"{path}?utm=1&utm=2", headers=user.headers)
            is_open = path.startswith(("/docs", "/openapi", "/health", "/problems")) or path.endswith(".ics")
            faults = [fault["code"] for fault in response.json()["errors"]] if response.status_code == 422 else []
            missing = ["required"] * ((method, path) == ("GET", "/users"))
            assert faults == ([] if is_open else ["unknown_parameter", *missing]), f"{method} {path}"
            checked += 1
    assert checked > 40


def test_a_route_of_a_bot_refuses_unknown_parameters_too(served: Server) -> None:
    bot = served.make_bot("act", "deliver")
    for method, path in (("GET", "/identities/telegram/1"), ("POST", "/deliveries/lease")):
        response = served.client.request(method, f"{path}?utm=1", headers=bot.headers)
        assert check_problem(response, 422)["errors"][0]["code"] == "unknown_parameter"


@pytest.mark.parametrize("sent", ["%FF", "%ED%A0%80", "%C0%AF", "a%E4"])
def test_bytes_that_are_not_utf_8_are_refused(user: User, sent: str) -> None:
    assert faults(user, f"/events?q={sent}") == [("q", "not_utf8")]


def test_names_of_parameters_are_shown_as_text_and_shortened(user: User) -> None:
    assert faults(user, f"/events?%FF=1&{'x' * 200}=1&=1") == [
        ("\ufffd", "unknown_parameter"),
        ("x" * 100, "unknown_parameter"),
        ("", "unknown_parameter"),
    ]
    assert len(faults(user, "/events?" + "&".join(map(str, range(5_000))))) == 20


def test_empty_pairs_are_no_parameters(user: User) -> None:
    for query in ("", "&", "&&limit=1&"):
        assert user.get(f"/events?{query}").status_code == 200
    assert faults(user, "/events?limit") == [("limit", "invalid")]


def test_a_route_with_prefixes_takes_any_name_that_begins_with_one() -> None:
    @get("/things", opt=query_prefixes("metadata.", "x-"))
    async def list_things(request: Request[Any, Any, Any], number: Number = 1) -> dict[str, Any]:
        return dict(request.query_params) | {"number": number}

    @get("/open", opt=ANY_QUERY)
    async def list_open(number: Number = 1) -> int:
        return number

    with TestClient(Litestar([list_things, list_open], plugins=[StrictRoutes()])) as client:
        assert client.get("/things?metadata.a=1&x-=2").json() == {"metadata.a": "1", "x-": "2", "number": 1}
        for query, code in (("metadata.a=1&metadata.a=2", "repeated"), ("metadata.a=%FF", "not_utf8"),
                            ("metadata=1", "unknown_parameter")):  # fmt: skip
            assert client.get(f"/things?{query}").json()["errors"][0]["code"] == code
        assert client.get("/open?count=2&a=%FF&a=1").text == "2"
        assert client.get("/open?count=2&count=1").status_code == 422


def test_a_missing_parameter_is_named(user: User) -> None:
    assert faults(user, "/users") == [("ids", "required")]
    assert faults(user, "/users?utm=1&ids=1&ids=2") == [("utm", "unknown_parameter"), ("ids", "repeated")]
    assert faults(user, "/users?limit=1") == [("limit", "unknown_parameter"), ("ids", "required")]


def test_words_may_be_null(user: User) -> None:
    title = f"null {user.id}"
    user.create_event(title=title)
    assert [one["title"] for one in user.get("/events?q=null").json()["events"]] == [title]


def test_a_handler_keeps_what_is_done_before_it() -> None:
    seen: list[str] = []

    async def before(request: Request[Any, Any, Any]) -> None:
        seen.append(request.scope["path"])

    class Things(Controller):
        path = "/things"
        before_request = staticmethod(before)

        @get()
        async def get_things(self, several: Several, number: Number = 1) -> dict[str, Any]:
            return {"several": several, "number": number}

    with TestClient(Litestar([Things], plugins=[StrictRoutes()])) as client:
        assert client.get("/things?several=1&several=2&count=3").json() == {"several": [1, 2], "number": 3}
        assert seen == ["/things"]
        assert client.get("/things?several=1&count=3.0").status_code == 422
