"""Mixed load on a server that can end at any moment, and a check that the file keeps what each answer promised."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, find_faults
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Bot, Server, User
from tests.factories import new_user

Subject = tuple[str, ...]
STATES = {
    "user": "SELECT id, 'here' FROM users",
    "event": "SELECT id, title || ' ' || status FROM events",
    "registration": "SELECT event_id, user_id, status FROM registrations",
    "delivery": "SELECT id, state FROM deliveries",
}
RECORDED = {
    "user": "SELECT user_id FROM changes WHERE type = 'user.created'",
    "event": "SELECT event_id FROM changes WHERE type = 'event.created'",
    "registration": "SELECT event_id, user_id FROM changes WHERE type = 'registration.created'",
}
_ACCOUNTS = (1, 2, 3)
_numbers = count(1)


class Promises:
    """The states that each subject can have, by the answers so far. A request without an answer may be done or not."""

    def __init__(self) -> None:
        self.states: dict[Subject, set[str]] = {}
        self._changed = threading.Condition()
        self.answered = 0

    @contextmanager
    def changing(self, *subject: str, to: set[str]) -> Iterator[Callable[[str], None]]:
        """Yields a function that takes the answer. Until then, any of the old and new states is possible."""
        before = self.states.get(subject)
        if before is not None:
            self.states[subject] = before | to

        def told(*states: str) -> None:
            with self._changed:
                self.states[subject] = set(states)
                self.answered += 1
                self._changed.notify_all()

        yield told

    def wait_for(self, answers: int) -> None:
        """Waits until this many writes have an answer, some of each kind among them."""

        def is_enough() -> bool:
            return self.answered >= answers and {kind for kind, *_ in self.states} == set(STATES)

        with self._changed:
            assert self._changed.wait_for(is_enough, 60)

    def check(self, path: Path) -> None:
        """Checks that each answered write is in the file and in the change log, and that both are complete."""
        assert find_faults(path, [core_component()]) == find_miscounts(path) == []
        with closing(connect_reader(path)) as connection:
            assert [row[0] for row in connection.execute("PRAGMA integrity_check")] == ["ok"]
            kept = {(kind, *row[:-1]): row[-1] for kind, query in STATES.items() for row in connection.execute(query)}
            recorded = {(kind, *row) for kind, query in RECORDED.items() for row in connection.execute(query)}
            numbers = [row[0] for row in connection.execute("SELECT seq FROM changes ORDER BY seq")]
        lost = {subject: states for subject, states in self.states.items() if kept.get(subject) not in states}
        assert not lost, {subject: (kept.get(subject), states) for subject, states in lost.items()}
        assert {subject for subject in self.states if subject[0] in RECORDED} <= recorded
        assert numbers == list(range(1, len(numbers) + 1))


class Load:
    """Users who create, change, and cancel events, register, leave, and sign up, and a bot that follows the changes."""

    def __init__(self, server: Server, bot: Bot, promises: Promises, seed: int, users: int = 3) -> None:
        self._promises = promises
        self._events: list[str] = []
        self._dice = random.Random(seed)
        self.statuses: set[int] = set()
        people = [server.sign_up() for _ in range(users)]
        for number in _ACCOUNTS:
            bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"})
        self._threads = [threading.Thread(target=self._go_on, args=(self._live, user)) for user in people]
        self._threads.append(threading.Thread(target=self._go_on, args=(self._deliver, bot)))
        for thread in self._threads:
            thread.start()

    def wait_for_the_end(self) -> None:
        """Runs until the server no longer answers."""
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _go_on(self, act: Callable[[Any], None], actor: User) -> None:
        with httpx.Client(base_url=actor.client.base_url, timeout=30) as client:
            try:
                while True:
                    act(Bot(client, actor.name, actor.token) if isinstance(actor, Bot) else _with(client, actor))
            except httpx.TransportError:
                return  # the server is gone

    def _live(self, user: User) -> None:
        event_id = self._create(user)
        self._register(user, event_id)
        self._register(user, self._dice.choice(self._events))
        self._patch(user, event_id)
        if self._dice.random() < 0.5:
            self._leave(user, event_id)
        if self._dice.random() < 0.3:
            self._cancel(user, event_id)
        if self._dice.random() < 0.2:
            self._sign_up(user)

    def _deliver(self, bot: Bot) -> None:
        host, *guests = (bot.acting_for(f"telegram:{number}") for number in _ACCOUNTS)
        place = f"/events/{host.create_event(capacity=1)['id']}/register"
        for guest in guests:
            self._accepted(guest.post(place), 201)
        self._accepted(guests[0].delete(place), 200)  # the other one gets the seat, and is told so at once
        leased = self._accepted(bot.post("/deliveries/lease", json={"limit": 5, "lease_seconds": 60}), 200)
        for delivery in leased.json()["deliveries"]:
            with self._promises.changing("delivery", delivery["id"], to={"sent"}) as told:
                self._accepted(bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": "sent"}), 200)
                told("sent")

    def _create(self, user: User) -> str:
        event = user.create_event(title="new", capacity=2)
        with self._promises.changing("event", event["id"], to=set()) as told:
            told("new published")
        self._events.append(event["id"])
        return str(event["id"])

    def _patch(self, user: User, event_id: str) -> None:
        title = f"title {next(_numbers)}"
        with self._promises.changing("event", event_id, to={f"{title} published"}) as told:
            self._accepted(user.patch(f"/events/{event_id}", json={"title": title}), 200)
            told(f"{title} published")

    def _cancel(self, user: User, event_id: str) -> None:
        (state,) = self._promises.states["event", event_id]
        cancelled = state.replace("published", "cancelled")
        with self._promises.changing("event", event_id, to={cancelled}) as told:
            self._accepted(user.post(f"/events/{event_id}/cancel"), 200)
            told(cancelled)

    def _register(self, user: User, event_id: str) -> None:
        with self._promises.changing("registration", event_id, user.id, to={"registered", "waitlisted"}) as told:
            answer = self._accepted(user.post(f"/events/{event_id}/register"), 200, 201, 409)
            if answer.status_code == 409:  # the host cancelled it
                return
            waits = answer.json()["status"] == "waitlisted"
            told(*{"registered", "waitlisted"} if waits else {"registered"})  # a seat can become free

    def _leave(self, user: User, event_id: str) -> None:
        with self._promises.changing("registration", event_id, user.id, to={"cancelled"}) as told:
            self._accepted(user.delete(f"/events/{event_id}/register"), 200)
            told("cancelled")

    def _sign_up(self, user: User) -> None:
        made = self._accepted(user.client.post("/users", json=new_user()), 201)
        with self._promises.changing("user", made.json()["id"], to=set()) as told:
            told("here")

    def _accepted(self, answer: httpx.Response, *statuses: int) -> httpx.Response:
        assert answer.status_code in statuses, answer.text
        return answer


def _with(client: httpx.Client, user: User) -> User:
    return User(client, user.account, user.token)
