"""Races between hosts and participants, each with a control that fails without the guard."""

import asyncio
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.guest_lists import ParticipantPatch
from eventorg.domain.idempotency import Once
from eventorg.domain.registrations import Registration
from eventorg.repositories.guest_lists import GuestListRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.settings import Settings
from eventorg.testing import Server, User, running

ROUNDS, WAITING, NEWCOMERS = 20, 8, 8
Call = tuple[User, str, str, Any]


def at_once(server: Server, calls: list[Call]) -> list[httpx.Response]:
    """Sends all calls at once, on connections that are already open, and returns the answers."""

    async def race() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=len(calls))
        async with httpx.AsyncClient(base_url=server.url, timeout=30, limits=limits) as client:
            await asyncio.gather(*(client.get("/health") for _ in calls))
            return await asyncio.gather(
                *(client.request(method, url, json=body, headers=user.headers) for user, method, url, body in calls)
            )

    return asyncio.run(race())


def approve_beside_leave(server: Server) -> tuple[Counter[tuple[str, int]], Counter[int]]:
    """Approves 20 registrations while the person leaves.

    Counts the states afterwards, which are the status and the number of seats taken, and the answers to the host.
    """
    host, guest = server.sign_up(), server.sign_up()
    urls = [f"/events/{host.create_event(approval_required=True, capacity=1)['id']}" for _ in range(ROUNDS)]
    for url in urls:
        assert guest.post(f"{url}/register").json()["approved"] is False
    calls: list[Call] = []
    for url in urls:
        calls.append((host, "PATCH", f"{url}/participants/{guest.id}", {"approved": True}))
        calls.append((guest, "DELETE", f"{url}/register", None))
    answers = at_once(server, calls)
    assert {answer.status_code for answer in answers[1::2]} == {200}
    states = Counter(
        (guest.get(f"{url}/participants/me").json()["status"], host.get(url).json()["registered_count"]) for url in urls
    )
    return states, Counter(answer.status_code for answer in answers[::2])


def let_in_beside_register(server: Server) -> tuple[int, int, int]:
    """Lets eight people in who wait in the middle, with a larger capacity, while others register.

    Returns how many of them have seats, how many others have, and the capacity. One seat was taken before.
    """
    host = server.sign_up()
    url = f"/events/{host.create_event(capacity=1)['id']}"
    host.post(f"{url}/register")
    waiting = [server.sign_up() for _ in range(2 * WAITING)]
    for user in waiting:
        assert user.post(f"{url}/register").json()["status"] == "waitlisted"
    chosen, newcomers = waiting[WAITING:], [server.sign_up() for _ in range(NEWCOMERS)]
    body = {"status": "registered", "raise_capacity": True}
    calls: list[Call] = [(host, "PATCH", f"{url}/participants/{user.id}", body) for user in chosen]
    calls += [(user, "POST", f"{url}/register", None) for user in newcomers]
    at_once(server, calls)
    seated = host.get(f"{url}/participants?status=registered").json()["participants"]
    ids = {row["user_id"] for row in seated}
    of_chosen = len(ids & {user.id for user in chosen})
    return of_chosen, len(ids) - of_chosen, host.get(url).json()["capacity"]


def test_who_leaves_is_not_kept_by_an_approval(server: Server) -> None:
    states, answers = approve_beside_leave(server)
    assert states == {("cancelled", 0): ROUNDS}
    assert answers.keys() <= {200, 409}


def test_control_without_the_guard_an_approval_counts_who_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leave, looked, left = (
        RegistrationRepository.leave,
        asyncio.Barrier(2 * ROUNDS),
        defaultdict[str, Any](asyncio.Event),
    )

    async def late_leave(
        self: RegistrationRepository, event_id: str, expected: frozenset[str] | None, caller: Caller
    ) -> Registration:
        await looked.wait()
        cancelled = await leave(self, event_id, expected, caller)
        left[event_id].set()
        return cancelled

    async def naive(
        self: GuestListRepository,
        event_id: str,
        user_id: str,
        patch: ParticipantPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None,
    ) -> Registration:
        before = await self._database.read(lambda tx: self._participants.load(tx, event_id, user_id))
        await looked.wait()
        await left[event_id].wait()
        return await self._database.write(
            lambda tx: self._places.let_in(tx, self._places.ask(tx, event_id, user_id), before, caller)
        )

    monkeypatch.setattr(RegistrationRepository, "leave", late_leave)
    monkeypatch.setattr(GuestListRepository, "update", naive)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        _, answers = approve_beside_leave(server)
    assert answers == {500: ROUNDS}, "the last guard is a constraint"
    assert "pending_count >= 0" in capsys.readouterr().err


def test_seats_of_a_raised_capacity_go_to_whom_the_host_chose(server: Server) -> None:
    assert let_in_beside_register(server) == (WAITING, 1, 1 + WAITING)


def test_control_in_two_steps_the_seats_go_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    update = GuestListRepository.update

    async def naive(
        self: GuestListRepository,
        event_id: str,
        user_id: str,
        patch: ParticipantPatch,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None,
    ) -> Registration:
        def make_room(tx: Any) -> None:
            self._places._seats.raise_capacity(tx, event_id, 1)
            self._places._seats.fill(tx, event_id, caller)

        await self._database.write(make_room)
        return await update(self, event_id, user_id, ParticipantPatch(status="registered"), expected, caller)

    monkeypatch.setattr(GuestListRepository, "update", naive)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        of_chosen, others, capacity = let_in_beside_register(server)
        assert (of_chosen < WAITING, others > 1, capacity) == (True, True, 1 + WAITING)
