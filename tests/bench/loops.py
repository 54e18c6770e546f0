"""SQLite's limit: the statements of a request in a loop, with the sqlite3 module, in a separate process."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import msgspec

from eventorg.core import utc_now
from eventorg.domain.events import EventQuery
from eventorg.domain.values import rfc3339
from eventorg.package_data import data_folder
from eventorg.repositories.event_search import compose_search
from eventorg.storage.database import MAX_GROUP
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.storage.statements import Statement, Statements
from tests.bench import cores
from tests.bench.dataset import Dataset
from tests.bench.load import Failed, Measurement
from tests.bench.scenarios import LIST_LIMIT, LIST_STARTS

SQL: Final = Statements(data_folder("sql"))
Pair = tuple[str, str]
"""The id of an event, or the time at which a list begins, and the id of a user."""
_WRITING: Final = ("register", "rsvp")


def read_event(connection: sqlite3.Connection, pairs: Iterator[Pair]) -> int:
    event_id, user_id = next(pairs)
    _rows(connection, SQL.get_token_version, user_id=user_id)
    _rows(connection, SQL.get_event, event_id=event_id)
    return 1


def read_participants(connection: sqlite3.Connection, pairs: Iterator[Pair]) -> int:
    event_id, user_id = next(pairs)
    _rows(connection, SQL.get_token_version, user_id=user_id)
    _rows(connection, SQL.get_event, event_id=event_id)
    _rows(connection, SQL.list_participants, event_id=event_id, after=0, status=None, approved=None, limit=-1)
    return 1


def read_list(connection: sqlite3.Connection, pairs: Iterator[Pair]) -> int:
    start, user_id = next(pairs)
    _rows(connection, SQL.get_token_version, user_id=user_id)
    statement, values = compose_search(EventQuery(start_from=start), user_id, None, None, LIST_LIMIT + 1)
    found = connection.execute(statement.sql, values).fetchall()
    _rows(connection, SQL.list_roles, event_ids=json.dumps([row["id"] for row in found]), viewer_id=user_id)
    _rows(connection, SQL.get_last_change)
    return 1


def register(connection: sqlite3.Connection, pairs: Iterator[Pair]) -> int:
    """Makes as many registrations in one commit as eventorg does at most."""
    return _commit(connection, pairs, _register)


def rsvp(connection: sqlite3.Connection, pairs: Iterator[Pair]) -> int:
    """Stores as many answers in one commit, in turn "going" and "maybe"."""
    answers = cycle((_go, _say_maybe))
    return _commit(connection, pairs, lambda *of: next(answers)(*of))


def _commit(
    connection: sqlite3.Connection, pairs: Iterator[Pair], write: Callable[[sqlite3.Connection, str, str, str], None]
) -> int:
    now = rfc3339(utc_now())
    connection.execute("BEGIN IMMEDIATE")
    for event_id, user_id in islice(pairs, MAX_GROUP):
        _rows(connection, SQL.get_token_version, user_id=user_id)
        _rows(connection, SQL.get_admission, event_id=event_id, user_id=user_id)
        write(connection, event_id, user_id, now)
    connection.execute("COMMIT")
    return MAX_GROUP


def _register(connection: sqlite3.Connection, event_id: str, user_id: str, now: str) -> None:
    of = {"event_id": event_id, "user_id": user_id}
    _rows(connection, SQL.take_seats, event_id=event_id, people=1)
    place: dict[str, str | int] = {"status": "registered", "guests": 0, "guest_names": "[]", "approved": 1}
    _rows(connection, SQL.create_registration, **of, **place, now=now)
    _record(connection, of, "registration.created", now)


def _go(connection: sqlite3.Connection, event_id: str, user_id: str, now: str) -> None:
    of = {"event_id": event_id, "user_id": user_id}
    _rows(connection, SQL.get_rsvp, **of)
    _register(connection, event_id, user_id, now)
    _finish(connection, of, now)
    _rows(connection, SQL.get_registration, **of)


def _say_maybe(connection: sqlite3.Connection, event_id: str, user_id: str, now: str) -> None:
    of = {"event_id": event_id, "user_id": user_id}
    _rows(connection, SQL.get_rsvp, **of)
    _rows(connection, SQL.store_answer, **of, answer="maybe", answered_at=now)
    _rows(connection, SQL.count_answers, event_id=event_id, maybe=1, declined=0)
    _finish(connection, of, now)


def _finish(connection: sqlite3.Connection, of: dict[str, str], now: str) -> None:
    _record(connection, of, "rsvp.updated", now)
    _rows(connection, SQL.get_admission, **of)
    _rows(connection, SQL.get_rsvp, **of)


def _record(connection: sqlite3.Connection, of: dict[str, str], kind: str, now: str) -> None:
    by = {"actor_id": of["user_id"], "bot": None, "data": "{}", "audience": None, "about_event_id": None}
    _rows(connection, SQL.record_change, **of, **by, now=now, type=kind)


LOOPS: Final[dict[str, Callable[[sqlite3.Connection, Iterator[Pair]], int]]] = {
    "event": read_event,
    "participants": read_participants,
    "all-participants": read_participants,
    "list": read_list,
    "register": register,
    "rsvp": rsvp,
}


class Loop:
    """Runs the loop of a scenario on its own file."""

    def __init__(self, scenario: str, database: Path, data: Dataset) -> None:
        self._scenario = scenario
        self._database = database
        self._data = data
        self._place = 0

    def measure(self, seconds: int) -> Measurement:
        """Runs the loop and returns the measurement. Raises `Failed`."""
        events = {
            "register": self._data.empty[1:],
            "rsvp": self._data.answered[1:],
            "list": LIST_STARTS,
            "all-participants": [self._data.largest],
        }
        asked = {"events": events.get(self._scenario, self._data.hundreds), "users": self._data.callers}
        command = [sys.executable, "-m", "tests.bench.loops", self._scenario, self._database, seconds, self._place]
        with subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as loop:
            cores.pin(loop.pid, cores.SERVER_CORES)
            output, _ = loop.communicate(json.dumps(asked).encode())
        if loop.returncode:
            raise Failed(f"the loop ended with exit status {loop.returncode}.")
        measured = msgspec.json.decode(output, type=Measurement)
        self._place += measured.requests
        return measured


def _rows(connection: sqlite3.Connection, statement: Statement, **parameters: str | int | None) -> None:
    connection.execute(statement.sql, parameters).fetchall()


def _pairs(events: list[str], users: list[str], place: int) -> Iterator[Pair]:
    while True:
        yield events[place // len(users) % len(events)], users[place % len(users)]
        place += 1


def _run(scenario: str, database: Path, seconds: float, place: int) -> Measurement:
    asked = json.load(sys.stdin)
    pairs = _pairs(asked["events"], asked["users"], place)
    work = LOOPS[scenario]
    connect = connect_writer if scenario in _WRITING else connect_reader
    requests = 0
    took: list[float] = []
    with closing(connect(database)) as connection:
        used = time.process_time()
        began = now = time.perf_counter()
        while now - began < seconds:
            requests += work(connection, pairs)
            before, now = now, time.perf_counter()
            took.append((now - before) * 1000)
        used = time.process_time() - used
    took.sort()
    return Measurement(
        requests=requests,
        seconds=now - began,
        p50_ms=took[len(took) // 2],
        p99_ms=took[len(took) * 99 // 100],
        cpu_us=used / requests * 1e6,
    )


if __name__ == "__main__":
    scenario, database, seconds, place = sys.argv[1:]
    sys.stdout.buffer.write(msgspec.json.encode(_run(scenario, Path(database), float(seconds), int(place))))
