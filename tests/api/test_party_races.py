"""Races for the seats of parties and at the end of registration, each with a control that fails without the guard."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from eventorg import core
from eventorg.domain.callers import Caller
from eventorg.domain.events import Event, EventPatch
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import NewRegistration, Registration
from eventorg.domain.values import rfc3339
from eventorg.repositories.events import EventRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.statements import Statements
from eventorg.testing import Server, User, running
from tests.api.test_host_races import Call, at_once

SEATS, SEATED, NEWCOMERS = 20, 6, 24
GUESTS = (0, 1, 2)
PEOPLE = SEATED * (1 + max(GUESTS)) + NEWCOMERS // len(GUESTS) * sum(1 + guests for guests in GUESTS)


def run_for_seats(server: Server) -> int:
    """Lets 24 parties of one to three register while six people with seats each bring two guests along.

    Returns the number of seats taken of the 20.
    """
    host = server.sign_up()
    url = f"/events/{host.create_event(capacity=SEATS, max_guests=max(GUESTS))['id']}"
    seated, newcomers = ([server.sign_up() for _ in range(number)] for number in (SEATED, NEWCOMERS))
    for user in seated:
        assert user.post(f"{url}/register").json()["status"] == "registered"
    calls: list[Call] = []
    for number, user in enumerate(newcomers):
        calls.append((user, "POST", f"{url}/register", {"guests": GUESTS[number % len(GUESTS)]}))
        if number < SEATED:
            calls.append((seated[number], "PATCH", f"{url}/register", {"guests": max(GUESTS)}))
    answers = at_once(server, calls)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    event, rows = host.get(url).json(), host.get(f"{url}/participants").json()["participants"]
    people = Counter[str]()
    for row in rows:
        people[row["status"]] += 1 + row["guests"]
    assert (event["registered_count"], event["waitlisted_count"]) == (people["registered"], people["waitlisted"])
    free = SEATS - event["registered_count"]
    assert not [row for row in rows if row["status"] == "waitlisted" and 1 + row["guests"] <= free]
    assert find_miscounts(server.settings.database_path) == []
    return people["registered"]


def test_parties_take_no_more_seats_than_there_are(server: Server) -> None:
    assert run_for_seats(server) <= SEATS


def test_control_without_the_guard_seats_are_oversold_to_parties(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unguarded(Statements):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            sql, found, _ = self.take_seats.sql.partition("\n    AND (capacity")
            assert found
            self._by_name["take_seats"] = structs.replace(self.take_seats, sql=sql)

    monkeypatch.setattr(core, "Statements", Unguarded)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        assert run_for_seats(server) == PEOPLE


def close_beside_register(server: Server) -> tuple[int, int]:
    """Closes the registration while 24 people register.

    Returns the number of registrations that the log has before the closing, and after it.
    """
    host, people = server.sign_up(), [server.sign_up() for _ in range(NEWCOMERS)]
    event_id = host.create_event()["id"]
    url = f"/events/{event_id}"
    half = NEWCOMERS // 2
    calls: list[Call] = [(user, "POST", f"{url}/register", None) for user in people]
    calls.insert(half, (host, "PATCH", url, {"registration_closes_at": rfc3339(server.clock())}))
    answers = at_once(server, calls)
    assert answers.pop(half).status_code == 200
    made = sum(answer.status_code == 201 for answer in answers)
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} <= {(409, "registration_closed")}
    assert server.sign_up().post(f"{url}/register").json()["code"] == "registration_closed"
    told = _changes_of(host, event_id)
    closing = told.index("event.updated")
    before, after = told[:closing], told[closing:]
    counted = before.count("registration.created"), after.count("registration.created")
    assert sum(counted) == made
    return counted


def _changes_of(user: User, event_id: str) -> list[str]:
    changes: list[dict[str, Any]] = user.get("/changes?after=0&limit=1000").json()["changes"]
    return [change["type"] for change in changes if change["event_id"] == event_id]


def test_nobody_registers_after_the_closing(server: Server) -> None:
    _, after = close_beside_register(server)
    assert after == 0


def test_control_without_the_guard_people_register_after_the_closing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, looked, closed = EventRepository.update, asyncio.Barrier(NEWCOMERS + 1), asyncio.Event()

    async def late_update(
        self: EventRepository,
        event_id: str,
        patch: EventPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None,
    ) -> Event:
        await looked.wait()
        event = await update(self, event_id, patch, expected, caller, once)
        closed.set()
        return event

    async def naive(
        self: RegistrationRepository, event_id: str, new: NewRegistration, caller: Caller, once: Once | None
    ) -> tuple[Registration, bool]:
        asked = await self._database.read(lambda tx: self._places.ask(tx, event_id, caller.user_id))
        if not closed.is_set():
            await looked.wait()
            await closed.wait()
        return await self._database.write(lambda tx: self._places.enter(tx, asked, new.party, caller, "self")), True

    monkeypatch.setattr(EventRepository, "update", late_update)
    monkeypatch.setattr(RegistrationRepository, "register", naive)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        assert close_beside_register(server) == (0, NEWCOMERS)
