"""A broadcast to many people outlives the server being killed between its steps, and reaches each of them once."""

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from eventorg.testing import Bot
from tests.programs import PATIENCE, run, serving

PEOPLE = 250


class Story:
    """An event with many people, and a server that is killed."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "eventorg.db"
        self.run("migrate")
        self.token = self.run("token", "create", "bot", "--scope", "act", "--scope", "deliver").strip()

    def run(self, *arguments: str) -> str:
        done = run(self.file, *arguments, plugins="broadcasts")
        assert done.returncode == 0, done
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Bot]:
        """The server once it serves, killed when the block ends."""
        with serving(self.file, plugins="broadcasts") as server:
            try:
                yield Bot(server.client, "bot", self.token)
            finally:
                server.process.kill()

    def gather(self, bot: Bot) -> tuple[Bot, str, set[str]]:
        """Returns the host, the event and its people."""

        def come(number: int) -> str:
            user_id = str(bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"}).json()["id"])
            assert bot.acting_for(user_id).post(f"/events/{event_id}/register").status_code == 201
            return user_id

        host = bot.acting_for(bot.put("/identities/telegram/1", json={"first_name": "Host"}).json()["id"])
        event_id = str(host.create_event()["id"])
        with ThreadPoolExecutor(4) as threads:
            return host, event_id, set(threads.map(come, range(2, PEOPLE + 2)))

    def made(self) -> int:
        """Returns the number of messages in the outbox."""
        with closing(sqlite3.connect(self.file)) as file:
            return int(file.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    def is_finished(self) -> bool:
        with closing(sqlite3.connect(self.file)) as file:
            return file.execute("SELECT 1 FROM broadcasts_messages WHERE finished_at IS NULL").fetchone() is None


def test_a_broadcast_outlives_the_server_being_killed_between_its_steps(tmp_path: Path) -> None:
    story = Story(tmp_path)
    with story.serving() as bot:
        host, event_id, people = story.gather(bot)
        sent = host.post(f"/events/{event_id}/broadcasts", json={"text": "Hello"}).json()
        assert (sent["recipients"], sent["waiting"]) == (100, 100)  # the first step
    path = f"/events/{event_id}/broadcasts/{sent['id']}"
    before = story.made()
    assert before < PEOPLE
    for _ in range(2):
        deadline = time.monotonic() + PATIENCE
        with story.serving():
            while story.made() == before and not story.is_finished():
                assert time.monotonic() < deadline
                time.sleep(0.001)
        before = story.made()
    told: Counter[str] = Counter()
    with story.serving() as bot:
        deadline = time.monotonic() + PATIENCE
        while len(told) < PEOPLE or not story.is_finished():
            assert time.monotonic() < deadline
            leased = bot.post("/deliveries/lease", json={"limit": 100, "lease_seconds": 3600}).json()["deliveries"]
            told.update(delivery["user_id"] for delivery in leased)
            results = [{"id": delivery["id"], "result": "sent"} for delivery in leased]
            bot.post("/deliveries/ack", json={"results": results}).raise_for_status()
        assert bot.post("/deliveries/lease", json={"limit": 100}).json()["deliveries"] == []
        counts = bot.acting_for(str(host.act_as)).get(path).json()
    assert (set(told), set(told.values())) == (people, {1})
    assert (counts["recipients"], counts["sent"]) == (PEOPLE, PEOPLE)
