"""Two users and a bot send requests that the OpenAPI description allows or forbids; the answers match the description.

The tests need the extra `fuzz`.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from eventorg.background.feed import Feed
from eventorg.extensions.context import PluginContext
from eventorg.settings import load
from eventorg.testing import Server, User, running

if TYPE_CHECKING:
    from tests.web.fuzzing import Findings

pytestmark = pytest.mark.fuzz


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins, without long polling and without limits on failed logins."""

    async def no_news(*_: object) -> bool:
        return False

    settings = {"DATABASE": tmp_path_factory.mktemp("fuzzing") / "eventorg.db", "LOG_LEVEL": "error"}
    settings |= {"LOGIN_ATTEMPTS": 100_000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feed, "wait", no_news)
        patch.setattr(PluginContext, "is_stopping", True)  # ends the waits of plugins, as if the server was stopping
        with running(load({f"EVENTORG_{name}": str(value) for name, value in settings.items()})) as server:
            yield server


def caller(make: Callable[[], User]) -> Callable[[bool], User]:
    """A user, replaced by another one when its account is deleted or it has logged out."""
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


def fuzzed(server: Server, caller: Callable[[bool], User], examples: int, *phases: str, seed: int = 0) -> "Findings":
    """Sends the requests. Imports Schemathesis only here: without the extra, the other tests can be collected."""
    from tests.web.fuzzing import fuzz

    return fuzz(server, caller, examples, phases, seed)


def check(findings: "Findings", least: int) -> None:
    assert findings.errors == []
    assert list(findings.failures) == [], "\n\n".join(findings.failures.values())
    assert findings.requests.total() >= least, "it has sent next to nothing"


def test_every_value_at_its_edges_is_answered_as_described(
    served: Server, callers: dict[str, Callable[[bool], User]]
) -> None:
    check(fuzzed(served, callers["one"], 1, "examples", "coverage"), 1_000)


@pytest.mark.parametrize("who", ["another", "bot"])
def test_what_is_drawn_at_random_is_answered_as_described(
    served: Server, callers: dict[str, Callable[[bool], User]], who: str
) -> None:
    check(fuzzed(served, callers[who], 1, "fuzzing", "stateful"), 40)


@pytest.mark.slow
@pytest.mark.parametrize("who", ["one", "another", "bot"])
def test_the_same_at_length(served: Server, callers: dict[str, Callable[[bool], User]], who: str) -> None:
    findings = fuzzed(served, callers[who], 100, "examples", "coverage", "fuzzing", "stateful", seed=len(who))
    print(f"{who}: {findings.requests.total()} requests, {dict(findings.requests)}")
    check(findings, 4_000)
