"""The card's etag: it changes with everything that a card can show, and with little else."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from eventorg.testing import Bot, Server, User
from tests.telegram import Person, link

QUERIES = ("?locale=en&names=100", "?locale=ru&names=1", "?locale=en&names=0")


class Stage:
    """An event with a host, three guests, and a Telegram account."""

    def __init__(self, server: Server, bot: Bot) -> None:
        self.server, self.bot = server, bot
        self.host = server.sign_up()
        self.people = [server.sign_up(first_name=f"Guest {number}") for number in range(3)]
        self.anna, self.boris, self.vera = self.people
        self.url = f"/events/{self.host.create_event(capacity=3, max_guests=3)['id']}"

    def put(self, user: User, answer: str, **fields: Any) -> str:
        """Answers, and returns the `card_etag`."""
        response = user.put(f"{self.url}/rsvp", json={"answer": answer} | fields)
        assert response.status_code == 200, response.text
        return str(response.json()["card_etag"])

    def patch(self, **fields: Any) -> None:
        assert self.host.patch(self.url, json=fields).status_code == 200

    def mark(self, user: User, status: str) -> None:
        response = self.host.patch(f"{self.url}/participants/{user.id}", json={"status": status})
        assert response.status_code == 200

    def remove(self, user: User) -> None:
        assert self.host.delete(f"{self.url}/participants/{user.id}").status_code == 200

    def shown(self) -> tuple[list[Any], str]:
        """Returns the cards in several languages and lengths, and their common etag."""
        cards = [self.host.get(f"{self.url}/card{query}").json() for query in QUERIES]
        (etag,) = {card.pop("card_etag") for card in cards}
        return cards, etag


@pytest.fixture(scope="module")
def bot(server: Server) -> Bot:
    return server.make_bot("act")


@pytest.fixture
def stage(server: Server, bot: Bot) -> Stage:
    stage = Stage(server, bot)
    stage.put(stage.anna, "going", guests=1)
    stage.put(stage.boris, "going", guests=1)
    stage.put(stage.vera, "maybe")
    return stage


def merge(stage: Stage) -> None:
    person = Person(stage.server, stage.bot)
    assert person.bot.post(f"{stage.url}/register").status_code == 201
    link(stage.bot, person.telegram_id, stage.vera)


def leave_and_return(stage: Stage) -> None:
    for answer in ("declined", "going"):
        stage.put(stage.anna, answer)


def withdraw(stage: Stage) -> None:
    assert stage.vera.delete(f"{stage.url}/rsvp").status_code == 200


def add_guest(stage: Stage) -> None:
    response = stage.boris.patch(f"{stage.url}/rsvp", json={"guests_delta": 1})  # who waits
    assert response.status_code == 200


CHANGES: dict[str, Callable[[Stage], object]] = {
    "somebody comes": lambda stage: stage.put(stage.vera, "going"),
    "somebody leaves": lambda stage: stage.anna.delete(f"{stage.url}/register"),
    "somebody leaves the line": lambda stage: stage.boris.delete(f"{stage.url}/register"),
    "a maybe declines": lambda stage: stage.put(stage.vera, "declined"),
    "a maybe is withdrawn": withdraw,
    "a party shrinks": lambda stage: stage.put(stage.anna, "going", guests=0),
    "a party in the line grows": add_guest,
    "a check-in": lambda stage: stage.mark(stage.anna, "attended"),
    "a removal": lambda stage: stage.remove(stage.anna),
    "a promotion": lambda stage: stage.patch(capacity=10),
    "less capacity": lambda stage: stage.patch(capacity=2),
    "an account goes": lambda stage: stage.anna.delete("/users/me"),
    "an account that answered goes": lambda stage: stage.vera.delete("/users/me"),
    "a merge": merge,
    "another order": leave_and_return,
    "a title": lambda stage: stage.patch(title="Another"),
    "a description": lambda stage: stage.patch(description="Tea."),
    "a place": lambda stage: stage.patch(location="Here"),
    "a start": lambda stage: stage.patch(start_time="2099-01-01T10:00:00Z"),
    "an end": lambda stage: stage.patch(end_time="2100-01-01T11:00:00Z"),
    "a zone": lambda stage: stage.patch(timezone="Asia/Tokyo"),
    "a cancellation": lambda stage: stage.host.post(f"{stage.url}/cancel"),
    "an opening": lambda stage: stage.patch(registration_opens_at="2099-01-01T10:00:00Z"),
    "a closing": lambda stage: stage.patch(registration_closes_at="2099-01-01T10:00:00Z"),
    "names for participants": lambda stage: stage.patch(participants_visibility="participants"),
}
NO_CHANGES: dict[str, Callable[[Stage], object]] = {
    "the same answer": lambda stage: stage.put(stage.vera, "maybe"),
    "the same party": lambda stage: stage.put(stage.anna, "going", guests=1),
    "names of guests": lambda stage: stage.put(stage.anna, "going", guest_names=["Gleb"]),
    "the same edit": lambda stage: stage.patch(capacity=3),
    "a setting": lambda stage: stage.patch(waitlist=False, max_guests=4, visibility="unlisted", approval_required=True),
    "a host": lambda stage: stage.host.post(f"{stage.url}/hosts", json={"user_id": stage.vera.id}),
    "an undone removal": lambda stage: stage.mark(stage.anna, "registered"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_etag_changes_with_what_the_card_shows(stage: Stage, change: str) -> None:
    cards, etag = stage.shown()
    CHANGES[change](stage)
    after = stage.shown()
    assert (after[0] != cards, after[1] != etag) == (True, True)


@pytest.mark.parametrize("change", NO_CHANGES)
def test_the_etag_stays_if_the_card_does(stage: Stage, change: str) -> None:
    before = stage.shown()
    NO_CHANGES[change](stage)
    assert stage.shown() == before


def test_undoing_a_check_in_and_removing_somebody_who_left(stage: Stage) -> None:
    stage.mark(stage.anna, "attended")
    before = stage.shown()
    stage.mark(stage.anna, "registered")
    undone = stage.shown()
    assert (undone[0] != before[0], undone[1] != before[1]) == (True, True)
    assert stage.boris.delete(f"{stage.url}/register").status_code == 200
    before = stage.shown()
    stage.remove(stage.boris)
    assert stage.shown() == before
    assert stage.boris.delete("/users/me").status_code == 200  # the card counted a cancelled registration
    gone = stage.shown()
    assert (gone[0] != before[0], gone[1] != before[1]) == (True, True)


def test_each_call_tells_the_etag_of_the_card(stage: Stage) -> None:
    stage.patch(capacity=10)
    path = f"{stage.url}/rsvp"
    calls: list[tuple[str, Any]] = [("PUT", {"answer": "going"}), ("GET", None), ("PATCH", {"guests_delta": 1})]
    calls += [("PATCH", {"guests_delta": -1}), ("DELETE", None)]
    for method, body in calls:
        response = stage.vera.client.request(method, path, json=body, headers=stage.vera.headers)
        assert response.status_code == 200
        assert response.json()["card_etag"] == stage.shown()[1]


def test_a_new_name_changes_the_tag_of_the_response_alone(stage: Stage) -> None:
    before = stage.host.get(f"{stage.url}/card")
    assert stage.anna.patch("/users/me", json={"first_name": "Another"}).status_code == 200
    after = stage.host.get(f"{stage.url}/card")
    assert after.json()["card_etag"] == before.json()["card_etag"]
    assert after.headers["etag"] != before.headers["etag"]


def test_what_one_has_is_not_sent_again(stage: Stage) -> None:
    tags = set()
    for query in QUERIES:
        tag = stage.host.get(f"{stage.url}/card{query}").headers["etag"]
        tags.add(tag)
        again = stage.host.get(f"{stage.url}/card{query}", headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        stage.put(stage.vera, "declined" if len(tags) % 2 else "maybe")
        assert stage.host.get(f"{stage.url}/card{query}", headers={"If-None-Match": tag}).status_code == 200
    assert len(tags) == len(QUERIES)


@pytest.mark.parametrize("visibility", ["participants", "hosts"])
def test_names_are_on_the_card_only_if_everyone_may_read_them(stage: Stage, visibility: str) -> None:
    assert (card := stage.shown()[0][0])["names"] == ["Guest 0"]
    assert "1. Guest 0 +1" in card["text"].splitlines()
    stage.patch(participants_visibility=visibility)
    for viewer in (stage.host, stage.anna, stage.vera):
        shown = viewer.get(f"{stage.url}/card?locale=en").json()
        assert (shown["names"], shown["more"]) == ([], 0)
        assert "Guest 0" not in shown["text"]
        assert shown["counts"] == card["counts"]


def test_counts_are_people_and_answers(stage: Stage) -> None:
    stage.mark(stage.anna, "attended")
    stage.put(stage.server.sign_up(), "declined")
    stage.patch(approval_required=True)
    stage.put(stage.server.sign_up(), "going", guests=2)
    left = stage.server.sign_up()
    stage.put(left, "going", guests=1)
    stage.put(left, "declined")
    card = stage.host.get(f"{stage.url}/card?locale=en").json()
    assert card["counts"] == {
        "registered": 0,
        "waitlisted": 2,
        "attended": 2,
        "cancelled": 2,
        "guests": 1,
        "pending": 3,
        "maybe": 1,
        "declined": 2,
    }
    assert "2 of 3 seats, 2 waiting, 3 awaiting approval, 1 maybe" in card["text"].splitlines()
    assert (card["names"], card["more"]) == (["Guest 0"], 0)


@pytest.mark.parametrize("seed", range(3))
def test_no_change_of_the_card_is_missed(server: Server, bot: Bot, seed: int) -> None:
    """A random walk. The etag may change more often than the card, but never less often."""
    stage, chance = Stage(server, bot), random.Random(seed)
    edits = [{"capacity": 1}, {"capacity": 9}, {"approval_required": True}, {"approval_required": False},
             {"participants_visibility": "hosts"}, {"participants_visibility": "everyone"}, {"waitlist": False},
             {"title": "T"}, {"status": "cancelled"}, {"status": "published"}]  # fmt: skip

    def step() -> None:
        user = chance.choice([*stage.people, stage.host])
        match chance.randrange(7):
            case 0 | 1:
                body = {"answer": chance.choice(["going", "maybe", "declined"])}
                user.put(f"{stage.url}/rsvp", json=body)
            case 2:
                user.patch(f"{stage.url}/rsvp", json={"guests_delta": chance.choice([1, -1])})
            case 3:
                user.delete(f"{stage.url}/{chance.choice(['rsvp', 'register'])}")
            case 4:
                body = {"status": chance.choice(["attended", "registered"])}
                stage.host.patch(f"{stage.url}/participants/{user.id}", json=body)
            case 5:
                stage.host.delete(f"{stage.url}/participants/{user.id}")
            case 6:
                stage.host.patch(stage.url, json=chance.choice(edits))

    before = stage.shown()
    for number in range(60):
        step()
        after = stage.shown()
        assert after[0] == before[0] or after[1] != before[1], number
        before = after
