"""Pages of the change log: those of each user, however the log is searched, and at the cost of their limit."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.facts import NewChange
from eventorg.package_data import data_folder
from eventorg.repositories import changes as changes_module
from eventorg.repositories.changes import ChangeRepository
from eventorg.storage.database import Database
from eventorg.storage.schema import core_component, prepare
from eventorg.storage.sqlite import connect_writer
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

NOW = datetime(2027, 1, 1, tzinfo=UTC)
SYSTEM = Caller(user_id="")
STATUSES = ("registered", "waitlisted", "cancelled", "attended")
VISIBILITIES = ("everyone", "participants", "hosts")
ADD_EVENT = """
    INSERT INTO events (
        id, code, title, start_time, end_time, timezone, organizer_id, waitlist, status, visibility, search_text,
        registered_count, waitlisted_count, version, created_at, updated_at, participants_visibility
    )
    VALUES (?1, ?1, 'Tea', '2100-01-01T10:00:00Z', '2100-01-01T12:00:00Z', 'UTC', ?2, 1, 'published', 'public', '',
        0, 0, 1, '2027-01-01T00:00:00Z', '2027-01-01T00:00:00Z', ?3)
"""


class Log:
    """A file with users, events and changes, without a server."""

    def __init__(self, file: sqlite3.Connection) -> None:
        self.file = file
        self.sql = Statements(data_folder("sql"))
        self.changes = ChangeRepository(cast("Database", None), self.sql)
        self.tx = Transaction(file, lambda: NOW)
        self.number = 0

    def add_user(self) -> str:
        self.number += 1
        self.file.execute(
            "INSERT INTO users (id, locale, timezone, token_version, version, created_at, updated_at)"
            " VALUES (?, 'en', 'UTC', 1, 1, '2027', '2027')",
            (f"user{self.number}",),
        )
        return f"user{self.number}"

    def add_event(self, organizer: str, visibility: str = "everyone") -> str:
        self.number += 1
        event = f"event{self.number}"
        self.file.execute(ADD_EVENT, (event, organizer, visibility))
        self.record("event.created", event, organizer)
        return event

    def record(self, kind: str, event: str | None, user: str | None = None, audience: Any = "event") -> int:
        return self.changes.record(self.tx, NewChange(kind, event, user, None, audience), SYSTEM)

    def register(self, event: str, user: str, status: str = "registered") -> None:
        self.file.execute(
            "INSERT INTO registrations (event_id, user_id, status, registration_date) VALUES (?, ?, ?, '2027')"
            " ON CONFLICT DO UPDATE SET status = excluded.status",
            (event, user, status),
        )
        self.record("registration.created", event, user)

    def add_host(self, event: str, user: str) -> None:
        self.tx.one(self.sql.add_host, event_id=event, user_id=user, now=self.tx.now)
        self.record("event.updated", event, user)

    def hand_over(self, event: str, user: str) -> None:
        self.tx.run(self.sql.reassign_event, event_id=event, user_id=user, now=self.tx.now)
        self.tx.run(self.sql.remove_host, event_id=event, user_id=user)
        self.record("event.updated", event, user)

    def delete(self, event: str) -> None:
        seq = self.record("event.deleted", event)
        self.tx.run(self.sql.keep_participants_told, event_id=event, change_seq=seq, last=2**40)
        self.tx.run(self.sql.delete_registrations_up_to, event_id=event, last=2**40)
        self.tx.run(self.sql.keep_others_told, event_id=event, change_seq=seq)
        self.tx.run(self.sql.delete_event, event_id=event)

    def head(self) -> int:
        return self.changes.load_last(self.tx)

    def find_one_by_one(self, user: str) -> list[int]:
        """Returns the numbers of a user's changes, each of which is looked at."""
        bounds = {"after": 0, "upto": self.head(), "limit": 1_000_000}
        return [row["seq"] for row in self.tx.all(self.sql.list_new_changes_for, user_id=user, **bounds)]

    def find_page(self, user: str, after: int | None, limit: int) -> tuple[list[int], int]:
        page = self.changes._find(self.tx, user, after, limit)
        return [change.seq for change in page.changes], page.next

    def work_of(self, user: str, after: int, limit: int) -> int:
        """Returns the hundreds of SQLite's steps that a page takes."""
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        self.file.set_progress_handler(count, 100)
        self.find_page(user, after, limit)
        self.file.set_progress_handler(None, 0)
        return steps


@pytest.fixture
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    path = tmp_path_factory.mktemp("log") / "eventorg.db"
    prepare(path, [core_component()], lambda: NOW)
    with closing(connect_writer(path, "normal")) as file:
        file.execute("BEGIN")
        yield Log(file)


def live(log: Log, dice: random.Random, users: list[str], steps: int) -> None:
    """Does what people do, at random."""
    events = [log.add_event(dice.choice(users))]
    for _ in range(steps):
        event, user = dice.choice(events), dice.choice(users)
        match dice.randrange(12):
            case 0 | 1:
                events.append(log.add_event(user, dice.choice(VISIBILITIES)))
            case 2 | 3 | 4:
                log.register(event, user, dice.choice(STATUSES))
            case 5:
                log.tx.run(log.sql.store_answer, event_id=event, user_id=user, answer="maybe", answered_at="2027")
                log.record("rsvp.updated", event, user)
            case 6:
                log.add_host(event, user)
            case 7:
                log.record("tea.poured", event, dice.choice((user, None)), dice.choice(("hosts", "event")))
                log.record("tea.drunk", event, user, "user")
            case 8:
                log.file.execute("UPDATE events SET participants_visibility = ? WHERE id = ?",
                                 (dice.choice(VISIBILITIES), event))  # fmt: skip
                log.record("event.updated", event)
            case 9:
                log.hand_over(event, user)
            case 10 if len(events) > 3:
                log.delete(event)
                events.remove(event)
            case 11:
                log.record("user.updated", None, user)
                log.file.execute("DELETE FROM event_hosts WHERE event_id = ? AND user_id = ?", (event, user))
    ending = {"user_id": None, "stays_id": None, "actor_id": None, "bot": None, "is_operator": 0}
    log.tx.run(log.sql.open_task, kind="delete_event", event_id=events[0], **ending)


@pytest.mark.parametrize("surplus", [1, 8])
@pytest.mark.parametrize("seed", range(4))
def test_pages_tell_each_user_what_concerns_the_user(
    log: Log, monkeypatch: pytest.MonkeyPatch, seed: int, surplus: int
) -> None:
    monkeypatch.setattr(changes_module, "SURPLUS", surplus)
    users = [log.add_user() for _ in range(6)]
    live(log, random.Random(seed), users, 300)
    stranger, head = log.add_user(), log.head()
    told = {user: log.find_one_by_one(user) for user in (*users, stranger)}
    assert all(20 < len(told[user]) < head for user in users)
    assert told[stranger] == []
    for user, expected in told.items():
        for limit in (1, 3, 50, 1_000):
            found: list[int] = []
            after = 0
            while after < head:
                page, after = log.find_page(user, after, limit)
                assert len(page) <= limit
                assert after == (page[-1] if len(page) == limit else head)
                found += page
            assert found == expected


def grow(log: Log, people: dict[str, str], organizers: list[str], events: int, rounds: int) -> None:
    """Adds events and changes of each: half of them of one organizer, with all the people at some of them."""
    own = [log.add_event(people["organizer"]) for _ in range(events)]
    others = [log.add_event(organizers[number % len(organizers)]) for number in range(events)]
    for number in range(rounds):
        for event in (*own, *others):
            log.record("event.updated", event)
            log.record("registration.created", event, organizers[number % len(organizers)])


@pytest.mark.parametrize(
    "who", ["organizer", "cohost", "participant", "participant without names", "maybe", "stranger", "heir", ""]
)
def test_a_page_costs_its_limit_however_long_the_log_is(log: Log, who: str) -> None:
    people = {name: log.add_user() for name in ("organizer", "cohost", "participant", "participant without names",
                                                "maybe", "stranger", "heir", "")}  # fmt: skip
    people[""] = ""  # a bot by itself
    organizers = [log.add_user() for _ in range(3)]
    shown, hidden = log.add_event(organizers[0]), log.add_event(organizers[1], "hosts")
    log.add_host(shown, people["cohost"])
    log.register(shown, people["participant"])
    log.register(hidden, people["participant without names"])
    log.tx.run(log.sql.store_answer, event_id=shown, user_id=people["maybe"], answer="maybe", answered_at="2027")
    for _ in range(60):
        for event in (shown, hidden):
            log.record("registration.created", event, organizers[2])
            log.record("event.updated", event)
    log.hand_over(shown, people["heir"])
    middle = log.head()
    pages = [(after, limit) for after in (0, middle // 2, middle) for limit in (10, 50)]
    grow(log, people, organizers, 10, 4)
    few, small = log.head(), [log.work_of(people[who], *page) for page in pages]
    grow(log, people, organizers, 300, 30)
    many, large = log.head(), [log.work_of(people[who], *page) for page in pages]
    assert many > 50 * few
    assert all(more <= 1.2 * less + 5 for more, less in zip(large, small, strict=True)), (small, large)
    assert max(large) < 60


def test_a_page_of_somebody_at_very_many_events_costs_the_same_however_long_the_log_is(log: Log) -> None:
    organizer, cohost, other = (log.add_user() for _ in range(3))
    events = [log.add_event(organizer) for _ in range(300)]
    for event in events:
        log.add_host(event, cohost)
    others = [log.add_event(other) for _ in range(300)]
    start, work = log.head(), []
    for rounds in (2, 40):
        for _ in range(rounds):
            for pair in zip(events, others, strict=True):
                for event in pair:
                    log.record("event.updated", event)
        work.append([log.work_of(cohost, start, limit) for limit in (10, 50)])
    for event in events:
        log.record("registration.created", event, other)  # so that few of the last changes are the co-host's
        log.hand_over(event, other)
    for event in events[:200]:
        log.add_host(event, cohost)
    rare = log.head()
    for _ in range(20):
        for event in others:
            log.record("event.updated", event)
    log.record("event.updated", events[0])
    assert all(more <= 1.2 * less + 5 for more, less in zip(work[1], work[0], strict=True)), work
    assert max(work[1]) < 400, work
    assert log.work_of(cohost, rare, 10) < 300
    assert log.find_page(cohost, rare, 10) == ([log.head()], log.head())
