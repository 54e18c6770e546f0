"""Compares each variant's answers with eventorg's before the measurement. Wrong answers are not timed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx

from eventorg.domain.events import Event
from tests.bench.dataset import Dataset
from tests.bench.load import Failed, Load
from tests.bench.scenarios import Scenario
from tests.bench.servers import Server

_NEWER: Final = frozenset(
    (*Event.__struct_fields__[Event.__struct_fields__.index("version") + 1 :], "guests", "guest_names", "approved")
)


class Reference:
    """eventorg's answers, which the other variants must give too."""

    def __init__(self, eventorg: Server, data: Dataset) -> None:
        self._eventorg = eventorg
        self._data = data

    def check(self, server: Server, scenario: Scenario, load: Load) -> None:
        """Raises `Failed` if a variant answers differently."""
        if scenario.writes:
            self._check_register(server)
        elif load.method == "GET":
            self._check_read(server, load)

    def _check_read(self, server: Server, load: Load) -> None:
        for path in (load.paths[0], load.paths[-1]):
            token, _ = load.callers[0]
            wanted, answer = _ask(self._eventorg, "GET", path, token), _ask(server, "GET", path, token)
            _expect(path, *_comparable(answer, wanted))
            if server.variant.is_limit:
                continue
            if token:
                _expect_refusal(server, path, token)

    def _check_register(self, server: Server) -> None:
        """Checks that a seat is given once, that a full event has a waiting list, and that both are in the file."""
        token, caller = self._data.tokens[0], self._data.callers[0]
        wanted = {"event_id": self._data.empty[0], "user_id": caller, "status": "registered", "waitlist_position": None}
        path = f"/events/{self._data.empty[0]}/register"
        before = count_registrations(server.database)
        first = _ask(server, "POST", path, token)
        _expect(f"the status of {path}", first.status_code, 201)
        if server.variant.is_limit:
            return
        again = _ask(server, "POST", path, token)
        _expect(path, _without_date(first), wanted)
        _expect(f"the status of {path}, again", again.status_code, 200)
        _expect(f"{path}, again", again.json(), first.json())
        _expect_refusal(server, f"/events/{self._data.empty[0]}/participants", token)
        line = _ask(server, "POST", f"/events/{self._data.full}/register", token)
        waiting = {"event_id": self._data.full, "status": "waitlisted", "waitlist_position": 1}
        _expect("a full event", _without_date(line), wanted | waiting)
        _expect("the file", count_registrations(server.database), before + 2)


def count_registrations(database: Path) -> int:
    """Returns the number of registrations in a file."""
    with closing(sqlite3.connect(database)) as connection:
        count: int = connection.execute("SELECT count(*) FROM registrations").fetchone()[0]
        return count


def _ask(server: Server, method: str, path: str, token: str) -> httpx.Response:
    return server.client.request(method, path, headers={"Authorization": f"Bearer {token}"} if token else {})


def _comparable(answer: httpx.Response, wanted: httpx.Response) -> tuple[Any, Any]:
    """Returns what is compared. Of an object, those are the fields of 0.1.0, which every variant has: the others are
    newer, and the role depends on the caller, whom a limit does not know."""
    if "json" not in wanted.headers["content-type"]:
        return (answer.status_code, answer.content), (wanted.status_code, wanted.content)
    return (answer.status_code, _released(answer.json())), (wanted.status_code, _released(wanted.json()))


def _released(content: Any) -> Any:
    """Returns a document without the fields that are newer than 0.1.0."""
    if isinstance(content, list):
        return [_released(each) for each in content]
    if isinstance(content, dict):
        return {name: _released(value) for name, value in content.items() if name not in _NEWER}
    return content


def _without_date(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in _released(answer.json()).items() if name != "registration_date"}


def _expect_refusal(server: Server, path: str, token: str) -> None:
    """Checks that a token with a forged signature is refused."""
    forged = token[:-6] + ("aaaaaa" if token[-6:] != "aaaaaa" else "bbbbbb")
    _expect(f"{path} with a forged token", _ask(server, "GET", path, forged).status_code, 401)


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Failed(f"{what}: it answers {str(found)[:200]!r} where eventorg answers {str(wanted)[:200]!r}.")
