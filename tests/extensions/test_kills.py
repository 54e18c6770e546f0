"""The server is killed while a bot tells broadcasts and keeps cards current: nothing is lost, and cards end right.

The bot ends with the server each time. It acknowledges each message by itself, so at a crash one message at most is in
flight: told, without an answer to its acknowledgement. Only that one may be told again, once, with its `dedupe_key`.
"""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eventorg.testing import Bot
from tests.extensions.telling import Broadcast, Knowledge, Story, list_all
from tests.programs import PATIENCE, Program, run, serving

SETTINGS: dict[str, Any] = {"plugins": "broadcasts,placements"}
MOMENTS: list[tuple[str, ...]] = [(), ("tell",), ("show",), ("tell", "show")]
"""Where the bot is when the server is killed: anywhere, or between telling or showing something and saying so."""


@dataclass
class Ending:
    """What was found after the last start."""

    messages: int
    duplicates: int
    lost: set[tuple[str, str]]
    wrong_cards: set[str]


class House:
    """A file, and a server on it that is killed."""

    def __init__(self, folder: Path, *, is_hasty: bool = False) -> None:
        self.file = folder / "eventorg.db"
        self.known = Knowledge()
        self._is_hasty = is_hasty
        self.run("migrate")
        self._token = self.run("token", "create", "bot", "--scope", "act", "--scope", "deliver").strip()

    def run(self, *arguments: str) -> str:
        done = run(self.file, *arguments, **SETTINGS)
        assert done.returncode == 0, done
        return done.stdout

    def serving(self) -> AbstractContextManager[Program]:
        return serving(self.file, **SETTINGS)

    def story(self, server: Program) -> Story:
        return Story(Bot(server.client, "bot", self._token), self.known, is_hasty=self._is_hasty)

    def kill_under_load(self, moments: list[tuple[str, ...]], *, writes: range, crowd: int, seed: int) -> Ending:
        """Kills the server at each of these moments, and returns what is there after the last start.

        Each time it answers a number of writes first, which is drawn from a range.
        A crowd comes to one event. A broadcast to it takes several steps if it has more than a hundred people.
        """
        dice = random.Random(seed)
        with self.serving() as server:
            story = self.story(server)
            hosts = [story.add_person() for _ in range(2)]
            guests = [story.add_person() for _ in range(3)]
            regulars = [story.add_person() for _ in range(8)]
            with ThreadPoolExecutor(4) as threads:
                others = list(threads.map(lambda _: story.add_person(), range(crowd)))
            story.create_event(hosts[0], others + regulars, capacity=None)
        for number, moment in enumerate(moments):
            with self.serving() as server:
                self.check_shown(server)
                story = self.story(server)
                self.send_again(story)
                story.create_event(hosts[number % 2 - 1], regulars, capacity=len(regulars) + 1)
                with story.going_on(guests, hosts, seed=seed + number):
                    self.known.promises.wait_for(self.known.promises.answered + dice.choice(writes))
                    story.wait_between(*moment)
                    server.process.kill()
                    assert server.wait() == -signal.SIGKILL
            self.known.promises.check(self.file)
        with self.serving() as server:
            ending = self.finish(server)
        self.run("check")
        return ending

    def send_again(self, story: Story) -> None:
        """The hosts ask for the answers that they did not get. Each of these broadcasts is sent once."""
        for sent in self.known.broadcasts:
            if not sent.id:
                story.send(sent)

    def check_shown(self, server: Program) -> None:
        """Checks that each answered placement is there, with what was acknowledged last."""
        bot = self.story(server).bot
        there = {
            placed["id"]: placed["shown_etag"] or ""
            for event_id in {placed["event_id"] for placed in self.known.placements.values()}
            for placed in list_all(bot, f"/events/{event_id}/placements", "placements")
        }
        assert self.known.placements.keys() <= there.keys()
        wrong = {place: there[place] for place, etags in self.known.shown.items() if there[place] not in etags}
        assert not wrong, wrong

    def finish(self, server: Program) -> Ending:
        """Tells and shows what is left, and returns what is there then."""
        known, story = self.known, self.story(server)
        self.check_shown(server)
        self.send_again(story)
        dice = random.Random()

        def is_told() -> bool:
            before = known.told.total()
            story.tell(dice)
            return known.told.total() == before and not any(sent["waiting"] for sent in self.list_broadcasts(story))

        def is_shown() -> bool:
            story.show(dice)
            bot = story.bot
            events = {placed["event_id"] for placed in known.placements.values()}
            etags = {event_id: bot.get(f"/events/{event_id}/card").json()["card_etag"] for event_id in events}
            return all(known.shown[place] == {etags[placed["event_id"]]} for place, placed in known.placements.items())

        server.wait_for(is_told, seconds=PATIENCE)
        server.wait_for(is_shown, seconds=PATIENCE)
        self.check_shown(server)
        self.check_broadcasts(self.list_broadcasts(story))
        self.check_duplicates()
        wrong = {place for place, placed in known.placements.items() if not self.is_current(story.bot, placed)}
        return Ending(known.told.total(), known.duplicates.total(), known.owed - known.told.keys(), wrong)

    def list_broadcasts(self, story: Story) -> list[dict[str, Any]]:
        found = []
        for event_id, host in self.known.hosts.items():
            found += list_all(story.bot.acting_for(host), f"/events/{event_id}/broadcasts", "broadcasts")
        return found

    def check_broadcasts(self, found: list[dict[str, Any]]) -> None:
        """Checks that each broadcast is there once, as it was answered, and has reached whom it says."""
        sent = {(sent.id, sent.event_id, sent.text) for sent in self.known.broadcasts}
        assert sorted((one["id"], one["event_id"], one["text"]) for one in found) == sorted(sent)
        for one in found:
            people = sum(text == one["text"] for text, _ in self.known.keys)
            assert (one["waiting"], one["unreachable"], one["failed"]) == (0, 0, 0)
            assert self._is_hasty or one["sent"] <= people

    def check_duplicates(self) -> None:
        """Checks that only what was in flight at a crash was told again, once for each such crash, with its key."""
        assert self.known.duplicates <= self.known.repeatable
        assert {len(keys) for keys in self.known.keys.values()} <= {1}
        assert not self.known.told_after_leaving

    def is_current(self, bot: Bot, placed: dict[str, Any]) -> bool:
        """Returns true if a message shows the newest card, in the language and with the names of its placement."""
        wish = {name: placed[name] for name in ("locale", "names")}
        card = bot.get(f"/events/{placed['event_id']}/card", params=wish).json()
        return self.known.screens.get(placed["id"]) == (card["card_etag"], card["text"])


def check(ending: Ending, crashes: int) -> None:
    assert (ending.lost, ending.wrong_cards) == (set(), set())
    assert ending.duplicates <= crashes
    assert ending.messages > 0


def test_messages_and_cards_outlive_the_server_and_the_bot(tmp_path: Path) -> None:
    ending = House(tmp_path).kill_under_load([("tell", "show"), ()], writes=range(20, 60), crowd=0, seed=1)
    check(ending, crashes=2)
    assert ending.duplicates >= 1  # the bot had told one, and had no answer yet


def test_a_bot_that_acknowledges_first_loses_a_message_and_shows_an_old_card(tmp_path: Path) -> None:
    """The control: the checks see both. Nobody else acts, because a later change would show the card again."""
    house = House(tmp_path, is_hasty=True)
    with house.serving() as server:
        story = house.story(server)
        host = story.add_person()
        event_id = story.create_event(host, [story.add_person() for _ in range(3)], capacity=None)
        sent = Broadcast(event_id, host, "Message", time.monotonic())
        house.known.broadcasts.append(sent)
        story.send(sent)
        with story.going_on([], [], seed=2):
            story.wait_between("tell", "show")
            server.process.kill()
            server.wait()
    with house.serving() as server:
        ending = house.finish(server)
    assert (len(ending.lost), len(ending.wrong_cards), ending.messages) == (1, 1, 2)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_messages_and_cards_outlive_twenty_kills(tmp_path: Path, seed: int) -> None:
    ending = House(tmp_path).kill_under_load(MOMENTS * 5, writes=range(40, 150), crowd=120, seed=seed)
    check(ending, crashes=20)
