"""After the upgrade, a file of the first release gives old clients the same answers, also with 50,000 registrations."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, prepare
from eventorg.storage.sqlite import connect_reader, connect_writer
from eventorg.testing import Clock, User, running
from tests.programs import run
from tests.test_upgrade import RELEASES, released

USERS, EVENTS, CAPACITY = 500, 100, 300
AT = "2027-01-01T12:00:00Z"
Row = tuple[int, str, str, str, str]


def test_answers_of_the_first_release_only_gain_keys(tmp_path: Path) -> None:
    """`0.1.0.json` has requests to the file of that release in this order, and the answers that it gave."""
    story = json.loads(RELEASES[0].with_suffix(".json").read_text(encoding="utf-8"))
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    made: dict[str, str] = {}
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        people = {name: User(server.client, {}, server.log_in(f"{name}@example.com")) for name in _callers(story)}
        for step in story:
            url = step["path"]
            for old_id, new_id in made.items():
                url = url.replace(old_id, new_id)
            headers = people[step["caller"]].headers if step["caller"] else {}
            response = server.client.request(step["method"], url, json=step["body"], headers=headers)
            assert response.status_code == step["status"], f"{step['method']} {url}: {response.text}"
            answer, before = response.json(), step["answer"]
            if step["method"] == "POST":
                made |= {before[name]: answer[name] for name in ("id", "code", "token") if name in before}
            if step["status"] >= 400:  # the texts and the addresses of problems may change
                before = {name: before[name] for name in ("status", "code")}
            before.pop("text", None)  # of the card: its wording may change too
            assert list(lost(before, answer, made, f"{step['method']} {url}")) == []


def _callers(story: list[dict[str, Any]]) -> set[str]:
    return {step["caller"] for step in story if step["caller"]}


def lost(before: Any, now: Any, made: dict[str, str], where: str) -> Iterator[str]:
    """Yields the places where an answer lacks a key, or has another value than before."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name, value in before.items():
            if name not in now:
                yield f"{where}.{name} is gone"
            else:
                yield from lost(value, now[name], made, f"{where}.{name}")
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for number, (one, other) in enumerate(zip(before, now, strict=True)):
            yield from lost(one, other, made, f"{where}[{number}]")
    elif (made.get(before, before) if isinstance(before, str) else before) != now:
        yield f"{where} is {now!r} and was {before!r}"


def test_a_lost_key_and_another_value_are_seen() -> None:
    before = {"a": 1, "list": [{"b": "old-id"}], "c": None}
    assert list(lost(before, {"a": 1, "list": [{"b": "new-id"}], "c": None, "d": 1}, {"old-id": "new-id"}, "x")) == []
    assert list(lost(before, {"a": 2, "list": []}, {}, "x")) == [
        "x.a is 2 and was 1",
        "x.list is [] and was [{'b': 'old-id'}]",
        "x.c is gone",
    ]


def fill(path: Path) -> list[Row]:
    """Registers 500 users for each of 100 events with the schema of the first release, and returns the rows.

    Three of four events have 300 seats and a waiting list. Of the people, every tenth left and every seventh of those
    with a seat was there.
    """
    users = [f"00000000-0000-4000-8000-{number:012x}" for number in range(USERS)]
    rows: list[Row] = []
    with closing(connect_writer(path)) as connection:
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO users (id, locale, timezone, token_version, version, created_at, updated_at) "
            f"VALUES (?, 'ru', 'UTC', 1, 1, '{AT}', '{AT}')",
            [(user,) for user in users],
        )
        organizer = connection.execute("SELECT id FROM users WHERE username = 'anna'").fetchone()[0]
        for number in range(EVENTS):
            event, capacity = f"00000000-0000-4000-9000-{number:012x}", CAPACITY if number % 4 else None
            people = list(_registered(event, users, capacity, first=3 + number * USERS))
            taken = sum(row[3] in ("registered", "attended") for row in people)
            waiting = sum(row[3] == "waitlisted" for row in people)
            connection.execute(
                "INSERT INTO events (id, code, title, start_time, end_time, timezone, organizer_id, capacity, "
                "waitlist, status, visibility, search_text, registered_count, waitlisted_count, version, created_at, "
                "updated_at) VALUES (?, ?, 'Event', '2100-01-01T10:00:00Z', '2100-01-01T12:00:00Z', 'UTC', ?, ?, 1, "
                "'published', 'public', 'event', ?, ?, 1, ?, ?)",
                (event, f"code{number:05}", organizer, capacity, taken, waiting, AT, AT),
            )
            connection.executemany("INSERT INTO registrations VALUES (?, ?, ?, ?, ?)", people)
            rows += people
        connection.execute("COMMIT")
    return rows


def _registered(event: str, users: list[str], capacity: int | None, first: int) -> Iterator[Row]:
    taken = 0
    for number, user in enumerate(users):
        status = "cancelled"
        if number % 10 != 9:
            status = "registered" if capacity is None or taken < capacity else "waitlisted"
        if status == "registered":
            taken += 1
            status = "registered" if taken % 7 else "attended"
        yield first + number, event, user, status, AT


@pytest.mark.slow
def test_a_full_file_of_the_first_release_keeps_its_counts_and_lists(tmp_path: Path) -> None:
    path = released(tmp_path / "eventorg.db", RELEASES[0])
    rows = fill(path)
    assert len(rows) == 50_000
    counters = "SELECT id, registered_count, waitlisted_count FROM events ORDER BY id"
    with closing(connect_reader(path)) as connection:
        before = [tuple(row) for row in connection.execute(counters)]
    prepare(path, [core_component()], Clock())
    with closing(connect_reader(path)) as connection:
        assert [tuple(row) for row in connection.execute(counters)] == before
        counted = connection.execute("SELECT sum(pending_count + maybe_count + declined_count) FROM events").fetchone()
        assert counted[0] == 0
        listing = "SELECT seq, event_id, user_id, status, registration_date FROM registrations WHERE seq > 2"
        assert [tuple(row) for row in connection.execute(f"{listing} ORDER BY seq")] == rows
        parties = connection.execute("SELECT DISTINCT guests, guest_names, approved FROM registrations").fetchall()
        assert [tuple(party) for party in parties] == [(0, "[]", 1)]
    assert find_miscounts(path) == []
    checked = run(path, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    event = rows[-1][1]
    with running(Settings(plugins="none", database=str(path), log_level="error")) as server:
        anna = User(server.client, {}, server.log_in("anna@example.com"))
        listed = anna.get(f"/events/{event}/participants").json()["participants"]
        mine = [row for row in rows if row[1] == event and row[3] != "cancelled"]
        assert [(row["user_id"], row["status"]) for row in listed] == [(user, status) for _, _, user, status, _ in mine]
        waiting = [row["waitlist_position"] for row in listed if row["status"] == "waitlisted"]
        assert waiting == list(range(1, len(waiting) + 1))
        first = next(row["user_id"] for row in listed if row["status"] == "registered")
        assert anna.delete(f"/events/{event}/participants/{first}").json()["status"] == "cancelled"
        promoted = next(row["user_id"] for row in listed if row["status"] == "waitlisted")
        assert anna.get(f"/events/{event}/participants/{promoted}").json()["status"] == "registered"
    assert find_miscounts(path) == []
