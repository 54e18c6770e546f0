"""Killed before and after the send: a server in a process of its own, ended by kill -9 again and again."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from eventorg.testing import PASSWORD, Bot, User
from tests.mailbox import TAKEN, Mailbox
from tests.programs import PATIENCE, run, serving, started

from .scene import Told, rfc3339

MOMENTS = ("leased", "mail not taken", "sent", "mail taken", "acknowledged")
BEFORE = MOMENTS[:2]
"""The moments at which a reminder could be lost."""


class Story:
    """Two guests on Telegram and two with mail, events that come and events that are cancelled, and a server that is
    killed; what was delivered, and when."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.dice = random.Random(seed)
        self.mailbox = Mailbox()
        self.file = folder / "eventorg.db"
        self.settings: dict[str, Any] = {
            "plugins": "reminders",
            "smtp_url": f"smtp://127.0.0.1:{self.mailbox.port}",
            "smtp_from": "meetings@example.org",
        }
        self.run("migrate")
        self.token = self.run("token", "create", "bot", "--scope", "act", "--scope", "deliver").strip()
        self.people: list[str] = []
        self.expected: set[tuple[str, str]] = set()
        """The event and the user of each reminder that is wanted."""
        self.doomed = ""
        self.cancelled: dict[str, float] = {}
        self.later: set[str] = set()
        self.sent: Counter[tuple[str, str]] = Counter()

    def run(self, *arguments: str) -> str:
        done = run(self.file, *arguments, **self.settings)
        assert done.returncode == 0, done
        return done.stdout

    @contextmanager
    def serving(self) -> Iterator[Bot]:
        """The server once it serves, killed when the block ends."""
        with serving(self.file, **self.settings) as server:
            try:
                yield Bot(server.client, "bot", self.token)
            finally:
                server.process.kill()

    def gather(self, bot: Bot) -> None:
        """The people sign up."""
        for number in (1, 2):
            found = bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"})
            name = f"guest-{number}"
            account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
            self.people += [found.json()["id"], bot.client.post("/users", json=account).json()["id"]]
            self.run("user", "verify", name)

    def plan(self, bot: Bot) -> None:
        """One event whose reminder is due now, one that will be cancelled by the time its reminders wait, and one for
        later; what was to be cancelled is cancelled."""
        host = bot.acting_for(self.people[0])
        if self.doomed:
            assert host.post(f"/events/{self.doomed}/cancel").status_code == 200
            self.cancelled[self.doomed] = time.monotonic()
        event_id = self._create(bot, host, timedelta(hours=1))
        self.expected |= {(event_id, user_id) for user_id in self.people}
        self.doomed = self._create(bot, host, timedelta(hours=1))
        self.later.add(self._create(bot, host, timedelta(hours=3)))

    def _create(self, bot: Bot, host: User, ahead: timedelta) -> str:
        start = datetime.now(UTC) + ahead
        times = {"start_time": rfc3339(start), "end_time": rfc3339(start + timedelta(hours=1))}
        event_id = str(host.create_event(**times)["id"])
        for user_id in self.people:
            assert bot.acting_for(user_id).post(f"/events/{event_id}/register").status_code == 201
        return event_id

    def send(self, delivery: Told) -> None:
        """Sends the message, as a bot does between the lease and the acknowledgement."""
        assert delivery["due_at"] <= rfc3339(datetime.now(UTC))
        if delivery["kind"] == "reminder":
            assert delivery["event_id"] not in self.cancelled
            self._count(delivery["event_id"], delivery["user_id"])

    def take(self, mail: EmailMessage) -> str:
        """The same, of a mail; one that is under way by then is not called back by a cancel."""
        kind, event_id, user_id = mail["Message-ID"][1:].split(".")[:3]
        if kind == "reminder":
            assert time.monotonic() - self.cancelled.get(event_id, time.monotonic()) < 5
            self._count(event_id, user_id)
        return TAKEN

    def _count(self, event_id: str, user_id: str) -> None:
        assert event_id not in self.later
        if event_id != self.doomed and event_id not in self.cancelled:
            self.sent[event_id, user_id] += 1

    def deliver_until_killed(self, bot: Bot, moment: str) -> None:
        """Delivers a few; to be killed just after a lease, a send or an acknowledgement."""
        few = self.dice.randrange(3)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for delivery in self._lease(bot):
                last, few = few == 0, few - 1
                if last and moment == "leased":
                    return
                self.send(delivery)
                if last and moment == "sent":
                    return
                assert bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": "sent"}).status_code == 200
                if last:
                    return

    @contextmanager
    def holding_mail(self) -> Iterator[None]:
        """The mailbox answers no mail until the block ends, so that there is mail for the next round."""
        ended = threading.Event()

        def hold(_: EmailMessage) -> str:
            ended.wait(PATIENCE)
            return TAKEN  # the server that would hear it was killed

        self.mailbox.answer = hold
        try:
            yield
        finally:
            self.mailbox.answer = self.take
            ended.set()

    def send_mail_until_killed(self, moment: str) -> None:
        """The server, killed while a mail is under way: before it is taken, or after that and before it knows."""
        with started(self.file, **self.settings) as (process, _):

            def answer(mail: EmailMessage) -> str:
                if moment == "mail taken":
                    self.take(mail)
                process.kill()
                return TAKEN

            self.mailbox.answer = answer
            process.wait(PATIENCE)
        self.mailbox.answer = self.take

    def finish(self, bot: Bot) -> None:
        """Delivers until there is nothing left."""
        deadline = time.monotonic() + PATIENCE
        while not self.expected <= self.sent.keys():
            assert time.monotonic() < deadline, self.expected - self.sent.keys()
            for delivery in self._lease(bot):
                self.send(delivery)
                assert bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": "sent"}).status_code == 200

    def _lease(self, bot: Bot) -> list[Told]:
        response = bot.post("/deliveries/lease", json={"limit": 1, "lease_seconds": 1})
        found: list[Told] = response.json()["deliveries"]
        if not found:
            time.sleep(0.02)  # asking all the time would keep the server from making some
        return found


def crash(folder: Path, moments: tuple[str, ...], seed: int) -> None:
    story = Story(folder, seed)
    story.mailbox.answer = story.take
    with story.mailbox.open():
        with story.serving() as bot:
            story.gather(bot)
            story.plan(bot)
        for moment, next_moment in zip(moments, (*moments[1:], ""), strict=True):
            if moment.startswith("mail"):
                story.send_mail_until_killed(moment)
                continue
            with story.holding_mail() if next_moment.startswith("mail") else nullcontext(), story.serving() as bot:
                story.plan(bot)
                story.deliver_until_killed(bot, moment)
        with story.serving() as bot:
            story.finish(bot)
    assert story.sent.keys() == story.expected
    assert story.sent.total() - len(story.expected) <= len(moments)  # one more for each crash at most


def test_each_reminder_outlives_the_server_being_killed(tmp_path: Path) -> None:
    crash(tmp_path, BEFORE, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))  # ten stories, because nobody gets more than 20 mails a day
def test_each_reminder_outlives_the_server_being_killed_fifty_times(tmp_path: Path, seed: int) -> None:
    crash(tmp_path, MOMENTS, seed=seed)
