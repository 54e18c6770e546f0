"""A client that reads only the feed, from the beginning, knows the participants of every event."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.testing import Bot, Server, User, running
from tests.repositories.test_account_merge import STATUSES, Round, Stage
from tests.telegram import Person, link


class Follower:
    """A strict reader of the feed: a user joins only if absent, leaves only if present, and each step continues the
    one before it."""

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.places: dict[str, dict[str, str]] = {}
        """The status of everybody who ever registered for each event."""

    def follow(self, reader: Bot) -> None:
        """Reads all there is."""
        after: int | None = 0
        while (page := reader.get("/changes", params={"after": after, "limit": 1_000}).json())["changes"]:
            for change in page["changes"]:
                self.hear(change["type"], change["event_id"], change["user_id"], change["data"])
            after = page["next"]

    def hear(self, kind: str, event_id: str, user_id: str, data: dict[str, Any]) -> None:
        """One change."""
        places = self.places.setdefault(event_id, {})
        before = places.get(user_id)
        if kind.startswith("registration."):
            assert data["previous_status"] == before
            places[user_id] = data["status"]
        match kind:
            case "user.created":
                self.users.add(user_id)
            case "user.deleted":
                assert {there.get(user_id) for there in self.places.values()} <= {None, "cancelled"}
                self.users.remove(user_id)
            case "registration.created":
                assert before in (None, "cancelled")
                assert user_id in self.users
            case "registration.promoted":
                assert (before, data["status"]) == ("waitlisted", "registered")
            case "registration.attended":
                assert (before, data["status"]) == ("registered", "attended")
            case "registration.updated":
                assert before not in (None, "cancelled")
            case "registration.cancelled":
                assert before not in (None, "cancelled")
                assert data["status"] == "cancelled"
            case "event.deleted":
                del self.places[event_id]


def check(server: Server, host: User, url: str) -> None:
    """The follower knows what the tables have."""
    follower = Follower()
    follower.follow(server.make_bot("changes"))
    rows = host.get(f"{url}/participants").json()["participants"]
    known = follower.places[url.removeprefix("/events/")]
    assert {user: status for user, status in known.items() if status != "cancelled"} == {
        row["user_id"]: row["status"] for row in rows if row["status"] != "cancelled"
    }


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all of them."""
    database = tmp_path_factory.mktemp("replaying") / "eventorg.db"
    with running(Settings(plugins="none", database=str(database), log_level="error")) as server:
        yield server


@pytest.mark.parametrize("first", ["user", "person"])
@pytest.mark.parametrize("own", STATUSES)
def test_a_merge_is_told_step_by_step(stages: Server, own: str | None, first: str) -> None:
    bot = stages.make_bot("act")
    for given in STATUSES:
        before = {"user": own, "person": given} if first == "user" else {"person": given, "user": own}
        stage = Stage(stages, bot, before)
        link(bot, stage.person.telegram_id, stage.user)
        check(stages, stage.host, stage.url)


def test_merges_while_others_leave_and_join_are_told_step_by_step(fresh_server: Server) -> None:
    bot, chance = fresh_server.make_bot("act"), random.Random(7)
    crowd = [Person(fresh_server, bot) for _ in range(8)]
    for _ in range(8):
        merge = Round(fresh_server, bot, crowd, chance)
        merge.check(merge.run())
        check(fresh_server, merge.host, f"/events/{merge.event_id}")


def test_whatever_people_do_is_told_step_by_step(fresh_server: Server) -> None:
    chance, host = random.Random(11), fresh_server.sign_up()
    people = [fresh_server.sign_up() for _ in range(5)]
    urls = [f"/events/{host.create_event(capacity=2)['id']}" for _ in range(2)]
    for _ in range(80):
        url, person = chance.choice(urls), chance.choice(people)
        match chance.randrange(6):
            case 0 | 1 | 2:
                person.post(f"{url}/register")
            case 3:
                person.delete(f"{url}/register")
            case 4:
                status = chance.choice(["attended", "registered"])
                host.patch(f"{url}/participants/{person.id}", json={"status": status})
            case _:
                host.patch(url, json={"capacity": chance.choice([1, 2, 3, None])})
    people.pop().delete("/users/me")
    for url in urls:
        check(fresh_server, host, url)
