"""Plays the README's recipes for bots, from top to bottom, against a server with the plugin reminders."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from eventorg.settings import Settings
from eventorg.testing import Bot, Server, check_problem, running
from tests.readme import README

HOST, GUEST, VERA, DANA = range(1001, 1005)
ROW = re.compile(
    r"\| (?P<wish>[^|]+) \| (?P<actor>host|guest|–) "
    r"\| `(?P<method>[A-Z]+) (?P<path>[^` ]+)`(?: `(?P<body>[{\[][^`]*)`)?"
    r"(?: with `(?P<header>[\w-]+): (?P<value>[^`]+)`)? "
    r"\| (?P<status>\d{3})(?: `(?P<answer>[^`]+)`)? \|"
)


class Recipe(NamedTuple):
    """A row of the table."""

    wish: str
    actor: str
    method: str
    path: str
    body: str | None
    header: str | None
    value: str | None
    status: str
    answer: str | None


def recipes() -> Iterator[Recipe]:
    """Returns the rows of the table. Fails at a row that is not understood."""
    table = README.read_text(encoding="utf-8").split("<!-- recipes -->\n")[1].split("<!-- /recipes -->")[0]
    for line in table.splitlines()[2:]:
        row = ROW.fullmatch(line)
        assert row, line
        yield Recipe(**row.groupdict())


def contains(actual: Any, expected: Any) -> bool:
    """Returns true if the response has these members, and its lists have these items among others."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and contains(actual[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return isinstance(actual, list) and all(any(contains(item, part) for item in actual) for part in expected)
    return bool(actual == expected)


class Kitchen:
    """A bot, the people who write to it, and the names in braces that the rows so far have given a value."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.bot = server.make_bot("act", "changes", "deliver")
        self.known = {"tap": "tap-1", "now": "2027-01-01T12:00:00Z"}
        for number, name in ((HOST, "anna"), (GUEST, "boris"), (VERA, "vera"), (DANA, "dana")):
            made = self.bot.put(f"/identities/telegram/{number}", json={"first_name": name.title()})
            self.known[name] = made.json()["id"]

    def acting(self, telegram_id: int) -> Bot:
        return self.bot.acting_for(f"telegram:{telegram_id}")

    def fill(self, text: str) -> str:
        """Returns a text with the values of its names in braces."""
        return re.sub(r"\{([a-z]+)\}", lambda name: self.known[name[1]], text)

    def follow(self, recipe: Recipe) -> httpx.Response:
        """Returns the response to the recipe's request."""
        caller = {"host": self.acting(HOST), "guest": self.acting(GUEST), "–": self.bot}[recipe.actor]
        headers = {recipe.header: self.fill(recipe.value)} if recipe.header and recipe.value else {}
        arguments = {"json": json.loads(self.fill(recipe.body))} if recipe.body else {}
        response: httpx.Response = getattr(caller, recipe.method.lower())(
            self.fill(recipe.path), headers=headers, **arguments
        )
        return response

    def follow_until_a_reminder_comes(self, recipe: Recipe) -> httpx.Response:
        """Returns the response that has a reminder. The plugin makes messages some time after the response."""
        responses: list[httpx.Response] = []

        def comes() -> bool:
            responses.append(self.follow(recipe))
            return '"reminder"' in responses[-1].text

        self.server.wait_for(comes)
        return responses[-1]

    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = self.acting(HOST).get(self.fill("/events/{event}")).json()
        return event

    def tap(self, telegram_id: int, answer: str = "going") -> httpx.Response:
        response: httpx.Response = self.acting(telegram_id).put(
            self.fill("/events/{event}/rsvp"), json={"answer": answer}
        )
        return response

    def change(self, **fields: Any) -> None:
        assert self.acting(HOST).patch(self.fill("/events/{event}"), json=fields).status_code == 200


def vera_waits(kitchen: Kitchen) -> None:
    assert kitchen.tap(VERA).json()["registration"]["waitlist_position"] == 1


def dana_asks(kitchen: Kitchen) -> None:
    assert kitchen.event()["capacity"] == 4
    assert kitchen.tap(DANA).json()["registration"]["approved"] is False


def a_guest_leaves_and_the_event_becomes_private(kitchen: Kitchen) -> None:
    assert kitchen.tap(GUEST, "declined").status_code == 200
    assert kitchen.tap(VERA).status_code == 200  # she is no longer blocked
    kitchen.change(visibility="private")


def the_event_becomes_public(kitchen: Kitchen) -> None:
    kitchen.change(visibility="public")


def the_place_changes(kitchen: Kitchen) -> None:
    kitchen.known["next"] = str(kitchen.bot.get("/changes?after=latest").json()["next"])
    kitchen.change(location="Library")


def the_bot_edits_the_card(kitchen: Kitchen) -> None:
    card = kitchen.fill("/events/{event}/card?locale=en")
    changed = kitchen.bot.get(card, headers={"If-None-Match": kitchen.known["etag"]})
    assert "Library" in changed.json()["text"]
    kitchen.known["etag"] = changed.headers["ETag"]


def two_hours_remain(kitchen: Kitchen) -> None:
    kitchen.server.clock.advance(days=59, hours=2, seconds=1)


BEFORE: dict[str, Callable[[Kitchen], None]] = {
    "let somebody in who waits, out of turn": vera_waits,
    "list who waits for approval": dana_asks,
    "invite people to a private event": a_guest_leaves_and_the_event_becomes_private,
    "send the chat a card": the_event_becomes_public,
    "wait until something changes": the_place_changes,
    "edit the card only if it is new": the_bot_edits_the_card,
    "fetch the messages that are due": two_hours_remain,
}


def a_repeated_tap_counts_once(kitchen: Kitchen, recipe: Recipe) -> None:
    assert kitchen.follow(recipe).headers["Idempotency-Replayed"] == "true"
    assert kitchen.event()["registered_count"] == 2


def nobody_gets_in(kitchen: Kitchen, recipe: Recipe) -> None:
    check_problem(kitchen.tap(GUEST), 409, "registration_closed")


def the_waiting_list_is_empty(kitchen: Kitchen, recipe: Recipe) -> None:
    event = kitchen.event()
    assert (event["registered_count"], event["waitlisted_count"], event["capacity"]) == (4, 0, 4)


def vera_is_blocked(kitchen: Kitchen, recipe: Recipe) -> None:
    check_problem(kitchen.tap(VERA), 403, "blocked")


def nothing_is_left_to_send(kitchen: Kitchen, recipe: Recipe) -> None:
    kitchen.server.clock.advance(minutes=2)  # the lease has ended
    leased = kitchen.bot.post("/deliveries/lease", json={"limit": 100}).json()["deliveries"]
    assert kitchen.known["delivery"] not in {each["id"] for each in leased}


AFTER: dict[str, Callable[[Kitchen, Recipe], None]] = {
    'handle a tap on "+1"': a_repeated_tap_counts_once,
    "close registration now": nobody_gets_in,
    "let somebody in who waits, out of turn": the_waiting_list_is_empty,
    "remove somebody and block the way back": vera_is_blocked,
    "report what you sent": nothing_is_left_to_send,
}


def remember(kitchen: Kitchen, recipe: Recipe, response: httpx.Response) -> None:
    """Keeps what later rows name in braces."""
    if recipe.path == "/events":
        kitchen.known.setdefault("event", response.json().get("code", ""))
    if recipe.path.endswith("/invitations"):
        kitchen.known["code"] = response.json()["code"]
    if "/card" in recipe.path:
        kitchen.known["etag"] = response.headers["ETag"]
    if recipe.path == "/deliveries/lease":
        deliveries = response.json()["deliveries"]
        kitchen.known["delivery"] = next(each["id"] for each in deliveries if each["kind"] == "reminder")


@pytest.mark.skipif(not (README.parent / "plugins" / "reminders").is_dir(), reason="the plugin was removed")
def test_the_recipes_work(tmp_path: Path) -> None:
    settings = Settings(database=str(tmp_path / "eventorg.db"), plugins="reminders", log_level="error")
    known = list(recipes())
    assert BEFORE.keys() | AFTER.keys() <= {recipe.wish for recipe in known}
    with running(settings) as server:
        kitchen = Kitchen(server)
        for recipe in known:
            if prepare := BEFORE.get(recipe.wish):
                prepare(kitchen)
            is_lease = recipe.path == "/deliveries/lease"
            response = kitchen.follow_until_a_reminder_comes(recipe) if is_lease else kitchen.follow(recipe)
            assert response.status_code == int(recipe.status), f"{recipe.wish}: {response.text}"
            if recipe.answer:
                expected = json.loads(kitchen.fill(recipe.answer))
                assert contains(response.json(), expected), f"{recipe.wish}: {response.text}"
            remember(kitchen, recipe, response)
            if check := AFTER.get(recipe.wish):
                check(kitchen, recipe)
