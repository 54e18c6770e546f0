"""The role in an event's answer, and the right to see it, are those of the moment, however often it was read before."""

import sqlite3
from contextlib import closing

from eventorg.testing import Server, User, check_problem


def read_twice(reader: User, url: str) -> object:
    """Returns the role that the event shows to the reader, as read and as cached."""
    roles = [reader.get(url).json()["role"] for _ in range(2)]
    assert roles[0] == roles[1]
    return roles[0]


def execute(server: Server, statement: str, *values: str) -> None:
    """Commits a statement as another process does."""
    with closing(sqlite3.connect(server.settings.database_path)) as file, file:
        assert file.execute(statement, values).rowcount == 1


def test_each_step_of_a_participant_is_seen_at_once(server: Server) -> None:
    maker, guest = server.sign_up(), server.sign_up()
    url = f"/events/{maker.create_event()['id']}"
    assert read_twice(guest, url) is None
    guest.post(f"{url}/register")
    assert read_twice(guest, url) == "participant"
    guest.delete(f"{url}/register")
    assert read_twice(guest, url) is None
    maker.post(f"{url}/hosts", json={"user_id": guest.id})
    assert read_twice(guest, url) == "host"
    maker.delete(f"{url}/hosts/{guest.id}")
    assert read_twice(guest, url) is None


def test_a_private_event_hides_at_once_from_those_who_are_removed(server: Server) -> None:
    maker, guest, stranger = (server.sign_up() for _ in range(3))
    url = f"/events/{maker.create_event()['id']}"
    guest.post(f"{url}/register")
    for reader in (guest, stranger):
        read_twice(reader, url)
    maker.patch(url, json={"visibility": "private"})
    assert read_twice(guest, url) == "participant"
    check_problem(stranger.get(url), 404, "event_not_found")
    maker.delete(f"{url}/participants/{guest.id}")
    check_problem(guest.get(url), 404, "event_not_found")
    check_problem(guest.get(f"{url}/participants"), 404, "event_not_found")


def test_an_answer_shows_a_private_event_at_once_and_its_end_hides_it(server: Server) -> None:
    maker, guest = server.sign_up(), server.sign_up()
    url = f"/events/{maker.create_event()['id']}"
    read_twice(guest, url)
    guest.put(f"{url}/rsvp", json={"answer": "maybe"})
    maker.patch(url, json={"visibility": "private"})
    assert read_twice(guest, url) is None
    guest.delete(f"{url}/rsvp")
    check_problem(guest.get(url), 404, "event_not_found")


def test_the_commits_of_another_process_are_seen_at_once(server: Server) -> None:
    maker, guest = server.sign_up(), server.sign_up()
    event_id = maker.create_event(visibility="private")["id"]
    url = f"/events/{event_id}"
    check_problem(guest.get(url), 404, "event_not_found")
    execute(
        server, "INSERT INTO event_hosts (event_id, user_id, added_at) VALUES (?, ?, ?)", event_id, guest.id, "2026"
    )
    assert read_twice(guest, url) == "host"
    execute(server, "DELETE FROM event_hosts WHERE event_id = ? AND user_id = ?", event_id, guest.id)
    check_problem(guest.get(url), 404, "event_not_found")
