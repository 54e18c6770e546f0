"""People, hosts, and a bot that tells messages and shows cards, on a server that can end at any moment.

They use the plugins broadcasts and placements over HTTP only, and remember what they were answered.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import httpx

from eventorg.testing import Bot, User
from tests.programs import PATIENCE
from tests.serving.load import Promises

MOST_BROADCASTS: Final = 20
"""The largest number of broadcasts of an event within a day."""
Person = str
Body = dict[str, Any]
_numbers = count(1)


@dataclass
class Broadcast:
    """A broadcast that a host has sent: once, or again with the same key after a crash."""

    event_id: str
    host: Person
    text: str
    began: float
    """The time before the first request."""
    id: str = ""
    """Empty until a request was answered."""


@dataclass
class Knowledge:
    """What the clients know of the server over all its lives, and what people have in their chats."""

    promises: Promises = field(default_factory=Promises)
    hosts: dict[str, Person] = field(default_factory=dict)
    """The host of each event."""
    belongs: dict[tuple[str, Person], float] = field(default_factory=dict)
    """The event and the person who belongs to it for certain, and since when."""
    left: dict[tuple[str, Person], float] = field(default_factory=dict)
    """The event and the person who does not belong to it for certain, and since when."""
    broadcasts: list[Broadcast] = field(default_factory=list)
    told: Counter[tuple[str, Person]] = field(default_factory=Counter)
    """How often each text was told to each person."""
    keys: dict[tuple[str, Person], set[str]] = field(default_factory=dict)
    """The values of `dedupe_key` with which each text was told to each person."""
    in_flight: set[tuple[str, Person]] = field(default_factory=set)
    """What was told, without an answer to the acknowledgement yet."""
    repeatable: Counter[tuple[str, Person]] = field(default_factory=Counter)
    """At how many crashes each message was in flight."""
    told_after_leaving: list[tuple[str, Person]] = field(default_factory=list)
    placements: dict[str, Body] = field(default_factory=dict)
    """The placements by their IDs, as they were answered."""
    shown: dict[str, set[str]] = field(default_factory=dict)
    """The values that the `shown_etag` of each placement can have, by the answers so far."""
    screens: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The etag and the text that each message shows."""

    def crash(self) -> None:
        """Counts what was in flight when the server ended."""
        self.repeatable.update(self.in_flight)
        self.in_flight.clear()

    @property
    def owed(self) -> set[tuple[str, Person]]:
        """The text and the person of each message that must have been told: to those who belonged all the time."""
        return {
            (sent.text, person)
            for sent in self.broadcasts
            if sent.id
            for (event_id, person), since in list(self.belongs.items())
            if event_id == sent.event_id and since < sent.began
        }

    @property
    def duplicates(self) -> Counter[tuple[str, Person]]:
        return Counter({message: times - 1 for message, times in self.told.items() if times > 1})


class Story:
    """The clients of one life of the server."""

    def __init__(self, bot: Bot, known: Knowledge, *, is_hasty: bool = False) -> None:
        self.bot = bot
        self.known = known
        self._is_hasty = is_hasty
        self._ending: Counter[str] = Counter()
        self._halves = threading.Semaphore(0)
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor()
        self._futures: list[Future[None]] = []

    @contextmanager
    def going_on(self, people: list[Person], hosts: list[Person], seed: int) -> Iterator[None]:
        """Everybody acts. In the block, the server must end; after it, everybody has noticed."""
        acts: list[Callable[[random.Random], None]] = [self.tell, self.show]
        acts += [self._as_host(host) for host in hosts]
        acts += [self._as_guest(person) for person in people]
        self._futures = [
            self._threads.submit(self._repeat, act, random.Random(f"{seed} {number}"))
            for number, act in enumerate(acts)
        ]
        try:
            yield
        finally:
            self._over.set()
            self._threads.shutdown()
        for future in self._futures:
            future.result()
        self.known.crash()

    def wait_between(self, *what: str) -> None:
        """Waits until the bot is between the two halves of telling or showing, and keeps it there for ever."""
        self._ending.update(what)
        for _ in what:
            assert self._halves.acquire(timeout=PATIENCE), [one for one in self._futures if one.done()]

    def tell(self, _: random.Random) -> None:
        """Tells what is due: first what the bot holds since before a crash. Each message is acknowledged by itself."""
        asked = time.monotonic()
        wish = {"limit": 10, "lease_seconds": 600, "resume": True}
        leased = _of(self.bot.post("/deliveries/lease", json=wish), 200)["deliveries"]
        for delivery in leased:
            self._check_leased(delivery, asked)
        for delivery in leased:
            self._do("tell", delivery, self._tell, self._acknowledge)
        if not leased:
            time.sleep(0.02)  # to ask all the time would keep the server busy

    def show(self, _: random.Random) -> None:
        """Shows the newest cards."""
        leased = _of(self.bot.post("/placements/lease", json={"limit": 10, "lease_seconds": 1}), 200)["placements"]
        for placed in leased:
            self._do("show", placed, self._show, self._acknowledge_card)
        if not leased:
            time.sleep(0.02)

    def send(self, sent: Broadcast) -> None:
        """Sends a broadcast, or asks again for the answer."""
        answer = self.bot.acting_for(sent.host).post(
            f"/events/{sent.event_id}/broadcasts",
            json={"text": sent.text},
            headers={"Idempotency-Key": f"key of {sent.text}"},
        )
        sent.id = _of(answer, 202)["id"]

    def create_event(self, host: Person, people: list[Person], capacity: int | None) -> str:
        """Creates an event to which these people come, and posts its card in two chats."""
        event = self.bot.acting_for(host).create_event(
            title="new", capacity=capacity, participants_visibility="everyone"
        )
        event_id = str(event["id"])
        with self.known.promises.changing("event", event_id, to=set()) as told:
            told("new published")
        for locale in ("en", "ru"):
            place = {"chat_id": f"chat {locale}", "message_id": next(_numbers), "locale": locale, "names": 5}
            placed = _of(self.bot.put(f"/events/{event_id}/placements", json=place), 201)
            self.known.placements[placed["id"]] = placed
            self.known.shown[placed["id"]] = {""}
        for person in people:
            self.register(event_id, person)
        self.known.hosts[event_id] = host
        return event_id

    def add_person(self) -> Person:
        """Returns a new user with a Telegram account."""
        answer = self.bot.put(f"/identities/telegram/{next(_numbers)}", json={"first_name": "Guest"})
        person = str(_of(answer, 201)["id"])
        with self.known.promises.changing("user", person, to=set()) as told:
            told("here")
        return person

    def register(self, event_id: str, person: Person) -> None:
        self.known.left.pop((event_id, person), None)
        with self.known.promises.changing("registration", event_id, person, to={"registered", "waitlisted"}) as told:
            answer = self.bot.acting_for(person).post(f"/events/{event_id}/register")
            waits = _of(answer, 200, 201)["status"] == "waitlisted"
            told(*{"registered", "waitlisted"} if waits else {"registered"})  # a seat can become free
        self.known.belongs.setdefault((event_id, person), time.monotonic())

    def leave(self, event_id: str, person: Person) -> None:
        self.known.belongs.pop((event_id, person), None)
        with self.known.promises.changing("registration", event_id, person, to={"cancelled"}) as told:
            _of(self.bot.acting_for(person).delete(f"/events/{event_id}/register"), 200)
            told("cancelled")
        self.known.left[event_id, person] = time.monotonic()

    def _repeat(self, act: Callable[[random.Random], None], dice: random.Random) -> None:
        try:
            while not self._over.is_set():
                act(dice)
        except httpx.TransportError:
            return  # the server is gone

    def _as_host(self, host: Person) -> Callable[[random.Random], None]:
        def act(dice: random.Random) -> None:
            event_id = dice.choice([event_id for event_id, its_host in self.known.hosts.items() if its_host == host])
            title = f"title {next(_numbers)}"
            with self.known.promises.changing("event", event_id, to={f"{title} published"}) as told:
                _of(self.bot.acting_for(host).patch(f"/events/{event_id}", json={"title": title}), 200)
                told(f"{title} published")
            earlier = sum(sent.event_id == event_id for sent in self.known.broadcasts)
            if earlier < MOST_BROADCASTS and dice.random() < 0.3:
                sent = Broadcast(event_id, host, f"Message {next(_numbers)}", time.monotonic())
                self.known.broadcasts.append(sent)
                self.send(sent)

        return act

    def _as_guest(self, person: Person) -> Callable[[random.Random], None]:
        def act(dice: random.Random) -> None:
            event_id = dice.choice(list(self.known.hosts))
            self.register(event_id, person)
            if dice.random() < 0.7:
                self.leave(event_id, person)
            if dice.random() < 0.1:
                self.add_person()

        return act

    def _do(self, what: str, leased: Body, act: Callable[[Body], None], acknowledge: Callable[[Body], None]) -> None:
        """Acts and then acknowledges, or the other way round if the bot is hasty. It can end between the two."""
        first, second = (acknowledge, act) if self._is_hasty else (act, acknowledge)
        first(leased)
        if self._ending[what]:
            self._halves.release()
            self._over.wait(PATIENCE)
            raise httpx.TransportError("The bot has ended with the server.")
        second(leased)

    def _check_leased(self, delivery: Body, asked: float) -> None:
        """Notes a message to somebody who had left before the lease was asked for, and has not come back."""
        left = self.known.left.get((delivery["event_id"], delivery["user_id"]))
        if left is not None and left < asked:
            self.known.told_after_leaving.append((delivery["text"], delivery["user_id"]))

    def _tell(self, delivery: Body) -> None:
        message = (delivery["text"], delivery["user_id"])
        self.known.in_flight.add(message)
        self.known.told[message] += 1
        self.known.keys.setdefault(message, set()).add(delivery["dedupe_key"])

    def _acknowledge(self, delivery: Body) -> None:
        with self.known.promises.changing("delivery", delivery["id"], to={"sent"}) as told:
            _of(self.bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": "sent"}), 200)
            told("sent")
        self.known.in_flight.discard((delivery["text"], delivery["user_id"]))

    def _show(self, placed: Body) -> None:
        self.known.screens[placed["id"]] = (placed["etag"], placed["text"])

    def _acknowledge_card(self, placed: Body) -> None:
        self.known.shown[placed["id"]] |= {placed["etag"]}
        result = {"id": placed["id"], "etag": placed["etag"], "result": "shown"}
        (answer,) = _of(self.bot.post("/placements/ack", json={"results": [result]}), 200)["results"]
        assert (answer["state"], answer["shown_etag"]) == ("shown", placed["etag"])
        self.known.shown[placed["id"]] = {placed["etag"]}


def _of(answer: httpx.Response, *statuses: int) -> Any:
    """Returns the body of an answer that must have one of these statuses."""
    assert answer.status_code in statuses, answer.text
    return answer.json()


def list_all(user: User, path: str, name: str) -> list[Body]:
    """Returns all objects of a list, page by page."""
    found: list[Body] = []
    cursor: dict[str, str] = {}
    while True:
        page = _of(user.get(path, params=cursor), 200)
        found += page[name]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
