"""Races between clients, each with a control that fails without the guard."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from eventorg import core
from eventorg.domain.callers import Caller
from eventorg.domain.events import Event, EventPatch
from eventorg.domain.idempotency import Once
from eventorg.domain.parties import ALONE
from eventorg.domain.registrations import NewRegistration, Registration
from eventorg.domain.values import check_version
from eventorg.repositories.events import EventRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.settings import Settings
from eventorg.storage.statements import Statements
from eventorg.testing import Server, User, running

SEATS, CLIENTS, CHANGES = 3, 50, 10


def at_once(server: Server, users: list[User], method: str, path: str, **arguments: Any) -> list[httpx.Response]:
    """Sends one request as all users at once, on connections that are already open, and returns the answers."""
    headers = arguments.pop("headers", {})

    async def race() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=len(users))
        async with httpx.AsyncClient(base_url=server.url, timeout=30, limits=limits) as client:
            await asyncio.gather(*(client.get("/health") for _ in users))
            return await asyncio.gather(
                *(client.request(method, path, headers=user.headers | headers, **arguments) for user in users)
            )

    return asyncio.run(race())


def run_for_seats(server: Server) -> list[Registration]:
    """Returns the registrations of 50 clients that compete for three seats."""
    event = server.sign_up().create_event(capacity=SEATS)
    users = [server.sign_up() for _ in range(CLIENTS)]
    answers = at_once(server, users, "POST", f"/events/{event['id']}/register")
    assert {answer.status_code for answer in answers} == {201}
    return [Registration(**answer.json()) for answer in answers]


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the guards by reading first and writing later, without a transaction. All read before any writes."""
    looked = asyncio.Barrier(CLIENTS)

    class LoadedPlugin(Statements):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            sql, _, _ = self.take_seats.sql.partition("\n    AND (capacity")
            assert sql != self.take_seats.sql
            self._by_name["take_seats"] = structs.replace(self.take_seats, sql=sql)

    async def register(
        self: RegistrationRepository, event_id: str, new: NewRegistration, caller: Caller, once: Once | None
    ) -> tuple[Registration, bool]:
        event = await self._events.get(event_id, caller.user_id)
        is_free = event.capacity is None or event.registered_count < event.capacity
        asked = await self._database.read(lambda tx: self._places.ask(tx, event_id, caller.user_id))
        await looked.wait()
        full = structs.replace(asked, waitlist=not is_free)
        return await self._database.write(lambda tx: self._places.enter(tx, full, ALONE, caller, "self")), True

    monkeypatch.setattr(core, "Statements", LoadedPlugin)
    monkeypatch.setattr(RegistrationRepository, "register", register)


def test_fifty_clients_get_three_seats(server: Server) -> None:
    made = run_for_seats(server)
    assert Counter(registration.status for registration in made) == {"registered": SEATS, "waitlisted": CLIENTS - SEATS}
    positions = sorted(one.waitlist_position for one in made if one.waitlist_position is not None)
    assert positions == list(range(1, CLIENTS - SEATS + 1))
    event = server.client.get(f"/events/{made[0].event_id}").json()
    assert (event["registered_count"], event["waitlisted_count"]) == (SEATS, CLIENTS - SEATS)


def test_control_without_the_guard_seats_are_oversold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unguarded(monkeypatch)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        made = run_for_seats(server)
    assert sum(registration.status == "registered" for registration in made) == CLIENTS


def test_fifty_taps_of_one_user_are_one_registration(server: Server) -> None:
    event, user = server.sign_up().create_event(), server.sign_up()
    answers = at_once(server, [user] * CLIENTS, "POST", f"/events/{event['id']}/register")
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: CLIENTS - 1}
    assert len({answer.text for answer in answers}) == 1
    assert len(user.get(f"/events/{event['id']}/participants").json()["participants"]) == 1


def test_control_without_the_guard_a_double_tap_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unguarded(monkeypatch)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        event, user = server.sign_up().create_event(), server.sign_up()
        answers = at_once(server, [user] * CLIENTS, "POST", f"/events/{event['id']}/register")
    assert Counter(answer.status_code for answer in answers) == {201: 1, 500: CLIENTS - 1}
    assert "IntegrityError" in capsys.readouterr().err


def change_at_once(server: Server) -> Counter[int]:
    """Counts the statuses of ten changes to the same version of an event."""
    user = server.sign_up()
    path = f"/events/{user.create_event()['id']}"
    tag = {"If-Match": user.get(path).headers["ETag"]}
    answers = at_once(server, [user] * CHANGES, "PATCH", path, headers=tag, json={"title": "Another"})
    return Counter(answer.status_code for answer in answers)


def test_of_ten_changes_to_one_version_one_is_made(server: Server) -> None:
    assert change_at_once(server) == {200: 1, 412: CHANGES - 1}


def test_control_without_the_guard_changes_are_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update, looked = EventRepository.update, asyncio.Barrier(CHANGES)

    async def naive(
        self: EventRepository,
        event_id: str,
        patch: EventPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None,
    ) -> Event:
        event = await self.get(event_id, caller.user_id)
        check_version(event.version, expected)
        await looked.wait()
        return await update(self, event_id, patch, None, caller)

    monkeypatch.setattr(EventRepository, "update", naive)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        assert change_at_once(server) == {200: CHANGES}
