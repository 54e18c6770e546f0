"""Requests that the description allows or forbids get the described answers, for two users and a bot."""

from collections.abc import Callable, Iterator

import pytest

from eventorg.background.feed import Feed
from eventorg.settings import load
from eventorg.testing import Server, User, check_problem, running
from tests.web.fuzzing import PHASES, Findings, fuzz


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins, without long polling and without limits on failed logins."""

    async def no_news(*_: object) -> bool:
        return False

    settings = {"DATABASE": tmp_path_factory.mktemp("fuzzing") / "eventorg.db", "LOG_LEVEL": "error"}
    settings |= {"LOGIN_ATTEMPTS": 100_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feed, "wait", no_news)
        with running(load({f"EVENTORG_{name}": str(value) for name, value in settings.items()})) as server:
            yield server


def caller(make: Callable[[], User]) -> Callable[[bool], User]:
    """A user, replaced by another one when its account is deleted."""
    made = [make()]

    def current(is_gone: bool) -> User:
        if is_gone:
            made.append(make())
        return made[-1]

    return current


@pytest.fixture(scope="module")
def callers(served: Server) -> dict[str, Callable[[bool], User]]:
    """Two users, and a bot that acts for a third."""
    bot = served.make_bot("act", "changes", "deliver")
    return {
        "one": caller(served.sign_up),
        "another": caller(served.sign_up),
        "bot": caller(lambda: bot.acting_for(served.sign_up().id)),
    }


def check(findings: Findings, least: int) -> None:
    assert findings.errors == []
    assert list(findings.failures) == [], "\n\n".join(findings.failures.values())
    assert findings.requests.total() >= least, "it has sent next to nothing"


def test_every_value_at_its_edges_is_answered_as_described(
    served: Server, callers: dict[str, Callable[[bool], User]]
) -> None:
    check(fuzz(served, callers["one"], 1, ("examples", "coverage")), 1_000)


@pytest.mark.parametrize("who", ["another", "bot"])
def test_what_is_drawn_at_random_is_answered_as_described(
    served: Server, callers: dict[str, Callable[[bool], User]], who: str
) -> None:
    check(fuzz(served, callers[who], 1, ("fuzzing", "stateful")), 40)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["one", "another", "bot"])
def test_the_same_at_length(served: Server, callers: dict[str, Callable[[bool], User]], who: str) -> None:
    findings = fuzz(served, callers[who], 100, PHASES, seed=len(who))
    print(f"{who}: {findings.requests.total()} requests, {dict(findings.requests)}")
    check(findings, 4_000)


@pytest.mark.parametrize("query", ["after=null", "limit=null", "timeout=nan", "timeout=NaN&after=0", "limit=nan"])
def test_null_and_nan_are_no_values_of_a_parameter(server: Server, query: str) -> None:
    problem = check_problem(server.sign_up().get(f"/changes?{query}"), 422, "validation_failed")
    assert problem["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("path", "methods"), [("/events", "GET, HEAD, OPTIONS, POST"), ("/users/me", "DELETE, GET, HEAD, OPTIONS, PATCH")]
)
def test_options_tells_all_methods(server: Server, path: str, methods: str) -> None:
    response = server.client.options(path)
    assert (response.status_code, response.headers["allow"]) == (204, methods)


def test_a_body_that_may_be_left_out_is_not_null(server: Server) -> None:
    user = server.sign_up()
    url = f"/events/{user.create_event()['id']}/register"
    check_problem(user.post(url, json=None, content="null", headers={"Content-Type": "application/json"}), 422)
    assert user.post(url).status_code == 201
