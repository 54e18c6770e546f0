"""Merging two users loses no registration, and seats, waiting lists, roles and counters stay right."""

import asyncio
import itertools
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.users import User as Account
from eventorg.repositories.account_merge import AccountMerge
from eventorg.repositories.identities import IdentityRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, find_faults
from eventorg.storage.transactions import Transaction
from eventorg.testing import Bot, Server, User, check_problem, running
from tests.api.test_waiting_list import IDLE_SEATS, MISCOUNTED
from tests.factories import new_event
from tests.telegram import BOT_TOKEN, Person, init_data, link, user_field

BEST_FIRST = ("attended", "registered", "waitlisted", "cancelled")
STATUSES = (None, *reversed(BEST_FIRST))


@pytest.fixture(scope="module")
def bot(server: Server) -> Bot:
    return server.make_bot("act")


class Stage:
    """A full event with people waiting before and after a user and a Telegram account, whose statuses are given."""

    def __init__(self, server: Server, bot: Bot, before: dict[str, str | None]) -> None:
        self.server = server
        self.host, user, person = server.sign_up(), server.sign_up(), Person(server, bot)
        self.user, self.person = user, person
        self.ids = {"user": user.id, "person": person.id}
        self.callers: dict[str, Any] = {"user": user, "person": person.bot}
        seats = max(1, sum(status in ("registered", "attended") for status in before.values()))
        self.url = f"/events/{self.host.create_event(capacity=seats)['id']}"
        for who in before:
            if before[who] in ("registered", "attended", "cancelled"):
                self._join(who)
            if before[who] == "cancelled":
                assert self.callers[who].delete(f"{self.url}/register").status_code == 200
            if before[who] == "attended":
                at = f"{self.url}/participants/{self.ids[who]}"
                assert self.host.patch(at, json={"status": "attended"}).status_code == 200
        if not any(status in ("registered", "attended") for status in before.values()):
            self._join_another(bot, "sitting")
        first, second = before
        for who in (first, "between", second, "late"):
            if who in ("between", "late"):
                self._join_another(bot, who)
            elif before[who] == "waitlisted":
                self._join(who)

    def _join_another(self, bot: Bot, who: str) -> None:
        person = Person(self.server, bot)
        self.ids[who], self.callers[who] = person.id, person.bot
        self._join(who)

    def _join(self, who: str) -> None:
        assert self.callers[who].post(f"{self.url}/register").status_code == 201

    def listed(self, status: str) -> list[str]:
        """Returns the users with a status, in order. Positions on the waiting list are 1..n."""
        rows = self.host.get(f"{self.url}/participants?status={status}").json()["participants"]
        if status == "waitlisted":
            assert [row["waitlist_position"] for row in rows] == list(range(1, len(rows) + 1))
        names = {user_id: who for who, user_id in self.ids.items()}
        return [names[row["user_id"]] for row in rows]


def faults(server: Server) -> list[Any]:
    path = server.settings.database_path
    with closing(sqlite3.connect(path)) as file:
        wrong = [*file.execute(MISCOUNTED), *file.execute(IDLE_SEATS)]
    return wrong + find_faults(path, [core_component()]) + find_miscounts(path)


@pytest.mark.parametrize("first", ["user", "person"])
@pytest.mark.parametrize(
    ("own", "given"), [pair for pair in itertools.product(STATUSES, repeat=2) if pair != (None, None)]
)
def test_the_better_status_stays(server: Server, bot: Bot, own: str | None, given: str | None, first: str) -> None:
    before = {"user": own, "person": given} if first == "user" else {"person": given, "user": own}
    stage = Stage(server, bot, before)
    waiting = stage.listed("waitlisted")
    assert link(bot, stage.person.telegram_id, stage.user)["id"] == stage.user.id

    best = min(filter(None, (own, given)), key=BEST_FIRST.index)
    assert stage.user.get(f"{stage.url}/participants/me").json()["status"] == best
    assert stage.person.bot.get("/users/me").json()["id"] == stage.user.id
    check_problem(stage.host.get(f"/users/{stage.person.id}"), 404)
    check_problem(stage.host.get(f"{stage.url}/participants/{stage.person.id}"), 404)

    merged = list(dict.fromkeys("user" if who == "person" else who for who in waiting))
    if best != "waitlisted" and "user" in merged:
        merged.remove("user")
    promoted = merged.pop(0) if {own, given} <= {"registered", "attended"} else None
    assert stage.listed("waitlisted") == merged
    assert (promoted == "between") == ("between" in stage.listed("registered"))
    event = stage.host.get(stage.url).json()
    assert (event["registered_count"], event["waitlisted_count"]) == (event["capacity"], len(merged))
    assert faults(server) == []


ANSWERS = (None, "maybe", "declined", "going", "left", "left, maybe")


@pytest.mark.parametrize(
    ("own", "given"), [pair for pair in itertools.product(ANSWERS, repeat=2) if pair != (None, None)]
)
def test_no_answer_is_lost(server: Server, bot: Bot, own: str | None, given: str | None) -> None:
    user, person = server.sign_up(), Person(server, bot)
    url = f"/events/{server.sign_up().create_event()['id']}"
    for caller, history in ((user, own), (person.bot, given)):
        for answer in (history or "").replace("left", "going").split(", "):
            assert not answer or caller.put(f"{url}/rsvp", json={"answer": answer}).status_code == 200
            if history and history.startswith("left") and answer == "going":
                assert caller.delete(f"{url}/register").status_code == 200
    link(bot, person.telegram_id, user)
    last = [answer.rpartition(", ")[2] for answer in (own, given) if answer not in (None, "left")]
    expected = "going" if "going" in last else next(iter(last), None)
    shown = user.get(f"{url}/rsvp")
    assert shown.json().get("answer") == expected, shown.text
    event = user.get(url).json()
    counters = [event[f"{name}_count"] for name in ("registered", "maybe", "declined")]
    assert counters == [int(expected == name) for name in ("going", "maybe", "declined")]
    assert faults(server) == []


def test_an_answer_that_moves_keeps_its_time(fresh_server: Server) -> None:
    bot = fresh_server.make_bot("act")
    user, person = fresh_server.sign_up(), Person(fresh_server, bot)
    url = f"/events/{user.create_event()['id']}/rsvp"
    answered_at = person.bot.put(url, json={"answer": "maybe"}).json()["answered_at"]
    fresh_server.clock.advance(minutes=5)
    link(bot, person.telegram_id, user)
    assert user.get(url).json()["answered_at"] == answered_at


ROLES = ("organizer", "host", None)


@pytest.mark.parametrize(
    ("own", "given"),
    [pair for pair in itertools.product(ROLES, repeat=2) if any(pair) and pair != ("organizer", "organizer")],
)
def test_the_better_role_stays(server: Server, bot: Bot, own: str | None, given: str | None) -> None:
    user, person, other = server.sign_up(), Person(server, bot), server.sign_up()
    acting = bot.acting_for(person.id)
    roles = {own: (user.id, user), given: (person.id, acting)} if own != given else {}
    organizer: Any = roles.get("organizer", (other.id, other))[1]
    url = f"/events/{organizer.post('/events', json=new_event(visibility='private')).json()['id']}"
    for role, user_id in ((own, user.id), (given, person.id)):
        if role == "host":
            assert organizer.post(f"{url}/hosts", json={"user_id": user_id}).status_code == 201
    link(bot, person.telegram_id, user)
    expected = [(user.id, "organizer")] if "organizer" in (own, given) else [(other.id, "organizer"), (user.id, "host")]
    hosts = user.get(f"{url}/hosts").json()["hosts"]
    assert [(host["user_id"], host["role"]) for host in hosts] == expected
    assert user.patch(url, json={"title": "Still a host"}).status_code == 200
    assert faults(server) == []


def test_each_event_of_both_is_kept(server: Server, bot: Bot) -> None:
    user, person = server.sign_up(), Person(server, bot)
    events = [server.sign_up().create_event()["id"] for _ in range(3)]
    for event_id in events[:2]:
        assert user.post(f"/events/{event_id}/register").status_code == 201
    for event_id in events[1:]:
        assert person.bot.post(f"/events/{event_id}/register").status_code == 201
    link(bot, person.telegram_id, user)
    own = user.get("/users/me/events").json()["participated_events"]
    assert sorted(event["id"] for event in own) == sorted(events)
    assert faults(server) == []


def test_the_feed_tells_what_became_of_each(server: Server, bot: Bot) -> None:
    reader = server.make_bot("changes")
    stage = Stage(server, bot, {"user": "waitlisted", "person": "registered"})
    start = reader.get("/changes", params={"limit": 1_000}).json()["next"]
    while (page := reader.get("/changes", params={"after": start, "limit": 1_000}).json())["changes"]:
        start = page["next"]
    link(bot, stage.person.telegram_id, stage.user)
    told = reader.get("/changes", params={"after": start}).json()["changes"]
    names = {user_id: who for who, user_id in stage.ids.items()}
    assert [(change["type"], names[change["user_id"]]) for change in told] == [
        ("registration.cancelled", "person"),
        ("registration.promoted", "user"),
        ("user.deleted", "person"),
        ("user.updated", "user"),
    ]


def test_logins_of_the_account_that_went_are_refused(server: Server, bot: Bot) -> None:
    person, user = Person(server, bot), server.sign_up()
    body = {"init_data": init_data(server.clock, bot_token=BOT_TOKEN, user=user_field(person.telegram_id))}
    token = server.client.post("/login/telegram", json=body).json()["token"]
    link(bot, person.telegram_id, user)
    check_problem(server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"}), 401, "token_revoked")
    again = server.client.post("/login/telegram", json=body).json()
    assert (again["user"]["id"], again["created"]) == (user.id, False)


class Round:
    """A merge while others, and the two users themselves, leave and join."""

    def __init__(self, server: Server, bot: Bot, crowd: list[Person], chance: random.Random) -> None:
        self.server = server
        self.bot, self.crowd, self.chance = bot, crowd, chance
        self.host, self.user, self.person = server.sign_up(), server.sign_up(), Person(server, bot)
        self.event_id = self.host.create_event(capacity=2)["id"]
        self.pair = [(self.event_id, self.user.id), (self.event_id, self.person.id)]

    def run(self) -> list[httpx.Response]:
        """Returns the answers, the link's first."""
        register = f"/events/{self.event_id}/register"
        staying: list[User | Bot] = [self.user, self.person.bot, *(person.bot for person in self.crowd[:4])]
        self.chance.shuffle(staying)
        for caller in staying:
            assert caller.post(register).status_code == 201
        code = self.user.post("/users/me/link-codes").json()["code"]
        leaving, joining = staying[:3], [*(person.bot for person in self.crowd[4:]), self.person.bot]
        requests: list[tuple[str, User | Bot, str, Any]] = [("DELETE", caller, register, None) for caller in leaving]
        requests += [("POST", caller, register, None) for caller in joining]
        self.chance.shuffle(requests)
        path = f"/identities/telegram/{self.person.telegram_id}/link"
        requests.insert(self.chance.randrange(len(requests)), ("POST", self.bot, path, {"code": code}))
        answers = asyncio.run(self._send(requests))
        return sorted(answers, key=lambda answer: answer.request.url.path != path)

    async def _send(self, requests: list[tuple[str, User | Bot, str, Any]]) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=self.server.url, timeout=30) as client:
            await asyncio.gather(*(client.get("/health") for _ in requests))
            return await asyncio.gather(
                *(
                    client.request(how, path, headers=who.headers | {"Idempotency-Key": self.event_id}, json=body)
                    for how, who, path, body in requests
                )
            )

    def check(self, answers: list[httpx.Response]) -> None:
        """Checks that everybody got a valid answer and that the event is consistent."""
        assert answers[0].status_code == 200, answers[0].text
        for answer in answers[1:]:
            assert answer.status_code in (200, 201, 401, 404), answer.text
        rows = self.host.get(f"/events/{self.event_id}/participants").json()["participants"]
        line = [row["waitlist_position"] for row in rows if row["status"] == "waitlisted"]
        assert line == list(range(1, len(line) + 1))
        assert self.person.id not in {row["user_id"] for row in rows}
        assert faults(self.server) == []


def race(server: Server, rounds: int) -> None:
    bot, chance = server.make_bot("act"), random.Random(4)
    crowd = [Person(server, bot) for _ in range(8)]
    for _ in range(rounds):
        merge = Round(server, bot, crowd, chance)
        merge.check(merge.run())


def test_merging_while_others_leave_and_join_keeps_all_in_order(fresh_server: Server) -> None:
    race(fresh_server, 10)


@pytest.mark.slow
def test_a_hundred_merges_while_others_leave_and_join(fresh_server: Server) -> None:
    race(fresh_server, 100)


def test_control_a_merge_of_what_was_read_before_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads first and writes later, as a program without transactions would."""
    seen: dict[tuple[str, str], Any] = {}
    pair: list[tuple[str, str]] = []
    merge, link_account = AccountMerge.merge, IdentityRepository.link

    class Stale:
        def __init__(self, tx: Transaction, statement: Any) -> None:
            self.tx, self.statement = tx, statement

        def one(self, statement: Any, **values: Any) -> Any:
            if statement is self.statement:
                return seen[values["event_id"], values["user_id"]]
            return self.tx.one(statement, **values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.tx, name)

    def merge_stale(self: AccountMerge, tx: Any, user_id: str, stays_id: str, by: Caller) -> None:
        merge(self, Stale(tx, self._sql.get_place), user_id, stays_id, by)  # type: ignore[arg-type]

    async def look_and_link(self: IdentityRepository, telegram_id: int, code: str, by: Caller) -> Account:
        for event_id, user_id in pair:
            seen[event_id, user_id] = await self._database.read(
                lambda tx, e=event_id, u=user_id: tx.one(self._sql.get_place, event_id=e, user_id=u)  # type: ignore[misc]
            )
        await asyncio.sleep(0.05)  # others are quick enough to come between on any machine
        return await link_account(self, telegram_id, code, by)

    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        monkeypatch.setattr(AccountMerge, "merge", merge_stale)
        monkeypatch.setattr(IdentityRepository, "link", look_and_link)
        bot, chance = server.make_bot("act"), random.Random(4)
        crowd = [Person(server, bot) for _ in range(8)]
        for _ in range(50):
            one = Round(server, bot, crowd, chance)
            pair[:] = one.pair
            answers = one.run()
            if answers[0].status_code == 500 or faults(server):
                return
    pytest.fail("fifty merges of what had been read before went well")
