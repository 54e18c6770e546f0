"""A series outlives the server being killed while it makes events or registers regulars."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.testing import Bot
from tests.programs import PATIENCE, run, serving

SERIES = 6
EVENTS = 50
PEOPLE = 250


class Story:
    """A host, and a server that is killed."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "eventorg.db"
        self.kill: Callable[[], None] = lambda: None
        self.run("migrate")
        self.token = self.run("token", "create", "bot", "--scope", "act").strip()

    def run(self, *arguments: str) -> str:
        done = run(self.file, *arguments, plugins="series")
        assert done.returncode == 0, done
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Bot]:
        """The server once it serves, killed when the block ends."""
        with serving(self.file, plugins="series") as server:
            self.kill = server.process.kill
            try:
                yield Bot(server.client, "bot", self.token)
            finally:
                self.kill()

    def user(self, bot: Bot, number: int) -> Bot:
        made = bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"})
        assert made.status_code in (200, 201), made.text
        return bot.acting_for(made.json()["id"])

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.file, timeout=30)) as file:
            return file.execute(query).fetchall()

    def until(self, condition: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def made(self) -> list[int]:
        """Returns the number of events of each series."""
        return [row[0] for row in self.rows("SELECT count(event_id) FROM series_occurrences GROUP BY series_id")]


def times(begin: timedelta, length: timedelta = timedelta(hours=1)) -> dict[str, str]:
    start = datetime.now(UTC) + begin
    return {"start_time": start.isoformat(), "end_time": (start + length).isoformat()}


def test_a_series_outlives_the_server_being_killed_while_it_makes_events(tmp_path: Path) -> None:
    story = Story(tmp_path)
    with story.serving() as bot, ThreadPoolExecutor(SERIES) as threads:
        host = story.user(bot, 1)
        events = [host.create_event(**times(timedelta(days=1))) for _ in range(SERIES)]

        def repeat(event: dict[str, Any]) -> None:
            with suppress(httpx.HTTPError):  # the server is killed
                host.post("/series", json={"event_id": event["id"], "rrule": "FREQ=DAILY"})

        for event in events:
            threads.submit(repeat, event)
        story.until(lambda: sum(story.made()) > SERIES * EVENTS // 3)
        story.kill()
    before = story.made()
    assert 0 < sum(before) < SERIES * EVENTS, "it was killed in the middle"
    with story.serving() as bot:
        host = bot.acting_for(str(host.act_as))
        story.until(lambda: set(story.made()) == {EVENTS})
        for event in events:  # those that had not begun are created now
            host.post("/series", json={"event_id": event["id"], "rrule": "FREQ=DAILY"})
        assert story.made() == [EVENTS] * SERIES
    assert story.rows("SELECT count(*) FROM events") == [(EVENTS * SERIES,)]
    twice = "SELECT 1 FROM series_occurrences GROUP BY series_id, date HAVING count(*) > 1"
    assert story.rows(twice) == []


@pytest.mark.slow
def test_a_series_outlives_the_server_being_killed_while_it_registers_regulars(tmp_path: Path) -> None:
    story = Story(tmp_path)
    with story.serving() as bot, ThreadPoolExecutor(4) as threads:
        host = story.user(bot, 1)
        event = host.create_event(**times(timedelta(days=1)))
        users = list(threads.map(lambda number: story.user(bot, number), range(2, PEOPLE + 2)))
        for user in users:
            assert user.post(f"/events/{event['id']}/register").status_code == 201
        over = times(timedelta(days=-2))
        assert host.patch(f"/events/{event['id']}", json=over).status_code == 200

        def repeat() -> None:
            body = {"event_id": event["id"], "rrule": "FREQ=WEEKLY", "carry_over": True}
            with suppress(httpx.HTTPError):
                host.post("/series", json=body)

        threads.submit(repeat)
        story.until(lambda: story.rows("SELECT 1 FROM series_occurrences WHERE carry_from IS NOT NULL"))
        story.kill()
    _, later = [row[0] for row in story.rows("SELECT event_id FROM series_occurrences ORDER BY date")]
    query = f"SELECT user_id FROM registrations WHERE event_id = '{later}' ORDER BY seq"
    assert 0 < len(story.rows(query)) < PEOPLE, "it was killed in the middle"
    with story.serving():
        story.until(lambda: not story.rows("SELECT 1 FROM series_occurrences WHERE carry_from IS NOT NULL"))
    assert [row[0] for row in story.rows(query)] == [str(user.act_as) for user in users]
    assert story.rows(f"SELECT registered_count FROM events WHERE id = '{later}'") == [(PEOPLE,)]
