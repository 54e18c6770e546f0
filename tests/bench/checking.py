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
    (
        *Event.__struct_fields__[Event.__struct_fields__.index("version") + 1 :],
        *("guests", "guest_names", "approved", "card_etag"),
    )
)
_TIMES: Final = frozenset(("registration_date", "answered_at"))
_ANSWERS: Final = ((0, "going"), (1, "maybe"), (1, "going"))
"""Callers and their answers: the second one changes its mind."""


class Reference:
    """eventorg's answers, which the other variants must give too."""

    def __init__(self, eventorg: Server, data: Dataset) -> None:
        self._eventorg = eventorg
        self._data = data
        self._rsvps: list[Any] = []

    def check(self, server: Server, scenario: Scenario, load: Load) -> None:
        """Raises `Failed` if a variant answers differently."""
        if scenario.name == "rsvp":
            self._check_rsvp(server)
        elif scenario.writes:
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
        before = count_answers(server.database)
        first = _ask(server, "POST", path, token)
        _expect(f"the status of {path}", first.status_code, 201)
        if server.variant.is_limit:
            return
        again = _ask(server, "POST", path, token)
        _expect(path, _without_times(first), wanted)
        _expect(f"the status of {path}, again", again.status_code, 200)
        _expect(f"{path}, again", again.json(), first.json())
        _expect_refusal(server, f"/events/{self._data.empty[0]}/participants", token)
        line = _ask(server, "POST", f"/events/{self._data.full}/register", token)
        waiting = {"event_id": self._data.full, "status": "waitlisted", "waitlist_position": 1}
        _expect("a full event", _without_times(line), wanted | waiting)
        _expect("the file", count_answers(server.database), before + 2)

    def _check_rsvp(self, server: Server) -> None:
        """Checks that answers are stored and counted, and that a seat ends a "maybe"."""
        path = f"/events/{self._data.answered[0]}/rsvp"
        before = count_answers(server.database)
        for number, (caller, answer) in enumerate(_ANSWERS):
            found = _ask(server, "PUT", path, self._data.tokens[caller], {"answer": answer})
            _expect(f"the status of {path}", found.status_code, 200)
            if server.variant.is_limit:
                return
            if server is self._eventorg:
                self._rsvps.append(_without_times(found))
            _expect(path, _without_times(found), self._rsvps[number])
        _expect("the file", count_answers(server.database), before + 2)


def count_answers(database: Path) -> int:
    """Returns the number of registrations and of other answers in a file."""
    with closing(sqlite3.connect(database)) as connection:
        count: int = connection.execute(
            "SELECT (SELECT count(*) FROM registrations) + (SELECT count(*) FROM rsvps)"
        ).fetchone()[0]
        return count


def _ask(server: Server, method: str, path: str, token: str, body: object = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return server.client.request(method, path, headers=headers, json=body)


def _comparable(answer: httpx.Response, wanted: httpx.Response) -> tuple[Any, Any]:
    """Returns what is compared. Of an object, those are the fields of 0.1.0, which every variant has: the others are
    newer, and the role depends on the caller, whom a limit does not know."""
    if "json" not in wanted.headers["content-type"]:
        return (answer.status_code, answer.content), (wanted.status_code, wanted.content)
    return (answer.status_code, _released(answer.json())), (wanted.status_code, _released(wanted.json()))


def _released(content: Any, left_out: frozenset[str] = _NEWER) -> Any:
    """Returns a document without the fields that are newer than 0.1.0. Of a cursor, whose form is each variant's own,
    it tells whether there is one."""
    if isinstance(content, list):
        return [_released(each, left_out) for each in content]
    if isinstance(content, dict):
        kept = {name: _released(value, left_out) for name, value in content.items() if name not in left_out}
        return kept | ({"next": kept["next"] is not None} if "next" in kept else {})
    return content


def _without_times(answer: httpx.Response) -> Any:
    return _released(answer.json(), _NEWER | _TIMES)


def _expect_refusal(server: Server, path: str, token: str) -> None:
    """Checks that a token with a forged signature is refused."""
    forged = token[:-6] + ("aaaaaa" if token[-6:] != "aaaaaa" else "bbbbbb")
    _expect(f"{path} with a forged token", _ask(server, "GET", path, forged).status_code, 401)


def _expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise Failed(f"{what}: it answers {str(found)[:200]!r} where eventorg answers {str(wanted)[:200]!r}.")
