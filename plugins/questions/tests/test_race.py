"""100 people register while their answers are withdrawn: who had no answer at that moment gets no place."""

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing

import httpx

from eventorg.testing import User

from .scene import PIZZA, Scene

PEOPLE = 100
WATCH = """
CREATE TABLE questions_watched (user_id TEXT NOT NULL, had_answered INTEGER NOT NULL);
CREATE TRIGGER questions_watch AFTER INSERT ON registrations
BEGIN
    INSERT INTO questions_watched
    SELECT
        new.user_id,
        EXISTS (
            SELECT 1
            FROM questions_answers
            WHERE event_id = new.event_id AND user_id = new.user_id AND answers <> '{}'
        );
END;
"""
"""Notes, in the transaction that gives a place, whether there was an answer."""


def race(scene: Scene, *, by_gate: bool) -> tuple[Counter[int], Counter[bool]]:
    """Returns the statuses of the registrations, and how many of those with a place had an answer.

    Without the gate, the same rule is asked in a transaction of its own, as a plugin without gates would do it.
    """
    (pizza,) = scene.ask(PIZZA | {"required": by_gate})
    people = [scene.server.sign_up() for _ in range(PEOPLE)]
    for user in people:
        scene.answer(user, **{pizza: "Funghi"})
    with closing(sqlite3.connect(scene.server.settings.database)) as connection:
        connection.executescript(WATCH)
        statuses = asyncio.run(_register_and_withdraw(scene, people, by_gate=by_gate))
        rows = connection.execute("SELECT had_answered FROM questions_watched").fetchall()
    return statuses, Counter(bool(had_answered) for (had_answered,) in rows)


async def _register_and_withdraw(scene: Scene, people: list[User], *, by_gate: bool) -> Counter[int]:
    answers, place = f"{scene.path}/answers", f"{scene.path}/register"
    asked, withdrawn = asyncio.Event(), asyncio.Event()
    if by_gate:
        asked.set()
        withdrawn.set()
    async with httpx.AsyncClient(base_url=scene.server.url, timeout=60) as client:

        async def register(user: User) -> int:
            if not by_gate:
                given = (await client.get(answers, headers=user.headers)).json()["answers"]
                asked.set()
                await withdrawn.wait()
                if not given:
                    return 409
            return (await client.post(place, headers=user.headers)).status_code

        async def withdraw(user: User) -> int:
            await asked.wait()
            (await client.put(answers, json={"answers": {}}, headers=user.headers)).raise_for_status()
            withdrawn.set()
            return 0

        both = [work(user) for user in people for work in (register, withdraw)]
        random.Random(1).shuffle(both)  # otherwise one of the two is always the first
        return Counter(status for status in await asyncio.gather(*both) if status)


def test_nobody_gets_a_place_without_an_answer(scene: Scene) -> None:
    statuses, places = race(scene, by_gate=True)
    assert statuses.keys() <= {201, 409}
    assert statuses.total() == PEOPLE
    assert statuses[201] > 0
    assert statuses[409] > 0, "both come first sometimes"
    assert places == Counter({True: statuses[201]})


def test_control_asked_before_the_transaction_the_rule_loses_the_race(scene: Scene) -> None:
    statuses, places = race(scene, by_gate=False)
    assert places[False] > 0
    assert places.total() == statuses[201]
