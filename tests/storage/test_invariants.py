"""`eventorg check` finds each event that breaks a rule, and `--repair` corrects it, also while the server runs."""

import sqlite3
from contextlib import closing

import pytest

from eventorg.domain.values import rfc3339
from eventorg.storage.invariants import broken_rules, find_miscounts, repair
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Server, User

COUNTERS = ("registered_count", "waitlisted_count", "pending_count", "maybe_count", "declined_count")


class Scene:
    """An event with a seat for one of two people."""

    def __init__(self, server: Server) -> None:
        self.server, self.path = server, server.settings.database_path
        self.host, self.first, self.second = (server.sign_up() for _ in range(3))
        self.id = str(self.host.create_event(capacity=1)["id"])
        for user in (self.first, self.second):
            assert user.post(f"/events/{self.id}/register").status_code == 201

    def change(self, sql: str, *values: str) -> None:
        with closing(sqlite3.connect(self.path)) as file, file:
            file.execute(sql, values)

    def faults(self) -> list[str]:
        with closing(connect_reader(self.path)) as file:
            return find_miscounts(self.path) + list(broken_rules(file, rfc3339(self.server.clock())))

    def status(self, user: User) -> str:
        return str(user.get(f"/events/{self.id}/participants/me").json()["status"])


@pytest.mark.parametrize("counter", COUNTERS)
def test_a_wrong_counter_is_named_and_counted_again(fresh_server: Server, counter: str) -> None:
    scene = Scene(fresh_server)
    before = scene.host.get(f"/events/{scene.id}").json()
    assert scene.faults() == []
    scene.change(f"UPDATE events SET {counter} = {counter} + 1")
    (fault,) = scene.faults()
    assert fault.startswith(f"event {scene.id}: {counter} is {before[counter] + 1} and should be {before[counter]}.")
    assert repair(scene.path, fresh_server.clock) == [f"event {scene.id}: counted again"]
    assert scene.faults() == []
    assert scene.host.get(f"/events/{scene.id}").json() == before


def test_somebody_who_waits_beside_a_free_seat_is_seated(fresh_server: Server) -> None:
    scene = Scene(fresh_server)
    scene.change("UPDATE events SET capacity = 2")
    (fault,) = scene.faults()
    assert fault.startswith(f"event {scene.id}: somebody waits although there are seats.")
    assert len(repair(scene.path, fresh_server.clock)) == 1
    fresh_server.wait_for(lambda: scene.status(scene.second) == "registered")
    assert scene.faults() == []


def test_an_answer_beside_a_registration_is_deleted(fresh_server: Server) -> None:
    scene = Scene(fresh_server)
    now = rfc3339(fresh_server.clock())
    scene.change("INSERT INTO rsvps VALUES (?, ?, 'maybe', ?)", scene.id, scene.first.id, now)
    scene.change("UPDATE events SET maybe_count = 1")
    (fault,) = scene.faults()
    assert fault.startswith(f"event {scene.id}: somebody is registered and has another answer too.")
    assert len(repair(scene.path, fresh_server.clock)) == 2
    assert scene.faults() == []
    assert scene.status(scene.first) == "registered"


def test_a_sound_file_is_left_as_it_is(fresh_server: Server) -> None:
    scene = Scene(fresh_server)
    tag = scene.host.get(f"/events/{scene.id}").headers["etag"]
    assert repair(scene.path, fresh_server.clock) == []
    assert scene.host.get(f"/events/{scene.id}").headers["etag"] == tag
