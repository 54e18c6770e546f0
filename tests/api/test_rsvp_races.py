"""Races between taps, with a control that fails without the guard."""

import asyncio
from pathlib import Path

import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.idempotency import Once
from eventorg.domain.rsvps import NewRsvp, Rsvp, RsvpStep
from eventorg.repositories.rsvps import RsvpRepository
from eventorg.settings import Settings
from eventorg.storage.invariants import find_miscounts
from eventorg.testing import Server, running
from tests.api.test_races import at_once

TAPS = 10


def add_at_once(server: Server) -> int:
    """Returns the number of guests after ten taps at once on "+1" by somebody who is going."""
    host, guest = server.sign_up(), server.sign_up()
    path = f"/events/{host.create_event(max_guests=20)['id']}/rsvp"
    assert guest.put(path, json={"answer": "going"}).status_code == 200
    answers = at_once(server, [guest] * TAPS, "PATCH", path, json={"guests_delta": 1})
    assert {answer.status_code for answer in answers} == {200}
    return int(guest.get(path).json()["registration"]["guests"])


def test_each_of_ten_taps_at_once_counts(server: Server) -> None:
    assert add_at_once(server) == TAPS


def test_control_a_number_that_was_read_before_loses_taps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = asyncio.Barrier(TAPS)

    async def naive(
        self: RsvpRepository,
        event_id: str,
        step: RsvpStep,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None,
    ) -> Rsvp:
        found = await self.get(event_id, caller)
        await looked.wait()
        assert found.registration is not None
        new = NewRsvp(answer="going", guests=found.registration.guests + step.guests_delta)
        return await self.put(event_id, new, None, caller)

    monkeypatch.setattr(RsvpRepository, "change_guests", naive)
    with running(Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error")) as server:
        assert add_at_once(server) == 1


def test_the_last_seats_are_not_given_twice(server: Server) -> None:
    """Each party of two takes both seats or waits."""
    path = f"/events/{server.sign_up().create_event(capacity=5, max_guests=1)['id']}"
    users = [server.sign_up() for _ in range(TAPS)]
    body = {"answer": "going", "guests": 1}
    answers = at_once(server, users, "PUT", f"{path}/rsvp", json=body)
    assert sorted(answer.json()["registration"]["status"] for answer in answers) == (
        ["registered"] * 2 + ["waitlisted"] * (TAPS - 2)
    )
    event = users[0].get(path).json()
    assert (event["registered_count"], event["waitlisted_count"]) == (4, 2 * (TAPS - 2))


def test_one_tap_many_times_at_once_is_one_answer(server: Server) -> None:
    host, guest = server.sign_up(), server.sign_up()
    path = f"/events/{host.create_event()['id']}"
    answers = at_once(server, [guest] * TAPS, "PUT", f"{path}/rsvp", json={"answer": "maybe"})
    assert len({answer.text for answer in answers}) == 1
    assert guest.get(path).json()["maybe_count"] == 1
    assert find_miscounts(server.settings.database_path) == []
