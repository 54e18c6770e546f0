"""The server and a simple model give the same answers to any sequence of requests."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eventorg.testing import Server, User
from tests.model import Event, Model

MAX_USERS, MAX_EVENTS = 6, 3
numbers = st.integers(0, MAX_USERS * MAX_EVENTS - 1)
actors = st.integers(-MAX_USERS, MAX_USERS - 1)
capacities = st.sampled_from([1, 2, 3, None])
statuses = st.sampled_from(["published", "published", "draft", "cancelled"])
visibilities = st.sampled_from(["public", "public", "unlisted", "private"])
new_events = st.fixed_dictionaries(
    {
        "capacity": capacities,
        "waitlist": st.booleans(),
        "status": st.sampled_from(["published", "draft"]),
        "visibility": visibilities,
    }
)
changes = st.one_of(
    st.tuples(st.just("capacity"), capacities),
    st.tuples(st.just("waitlist"), st.booleans()),
    st.tuples(st.just("status"), statuses),
    st.tuples(st.just("visibility"), visibilities),
)


def has_events(machine: "Machine") -> bool:
    return bool(machine.model.events)


class Machine(RuleBasedStateMachine):
    """Sends each step to both and compares them. Users and events are drawn as numbers."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.model = Model()
        self.people: dict[str, User] = {}

    @initialize()
    def begin(self) -> None:
        for _ in range(MAX_USERS - 2):
            self.sign_up()
        self.create(0, {"capacity": 1, "waitlist": True, "status": "published", "visibility": "public"})

    @precondition(lambda self: len(self.people) < MAX_USERS)
    @rule()
    def sign_up(self) -> None:
        user = self.server.sign_up()
        self.people[user.id] = user
        self.model.users.add(user.id)

    @precondition(lambda self: len(self.model.events) < MAX_EVENTS)
    @rule(user=numbers, fields=new_events)
    def create(self, user: int, fields: dict[str, Any]) -> None:
        organizer = self.user(user)
        event_id = str(organizer.create_event(**fields)["id"])
        self.model.events[event_id] = Event(organizer.id, **fields)

    @precondition(has_events)
    @rule(user=numbers, event=numbers)
    def read(self, user: int, event: int) -> None:
        reader, event_id = self.user(user), self.event(event)
        for path in ("", "/participants", "/card"):
            self.check(reader.get(f"/events/{event_id}{path}"), self.model.read(reader.id, event_id))

    @precondition(has_events)
    @rule(user=numbers, event=numbers)
    def register(self, user: int, event: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        self.check(guest.post(f"/events/{event_id}/register"), self.model.register(guest.id, event_id))

    @precondition(has_events)
    @rule(event=numbers)
    def register_all(self, event: int) -> None:
        for number in range(len(self.people)):
            self.register(number, event)

    @precondition(has_events)
    @rule(user=numbers, event=numbers)
    def leave(self, user: int, event: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        self.check(guest.delete(f"/events/{event_id}/register"), self.model.leave(guest.id, event_id))

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers)
    def remove(self, user: int, event: int, other: int) -> None:
        host, event_id, guest = self.user(user, event), self.event(event), self.user(other)
        response = host.delete(f"/events/{event_id}/participants/{guest.id}")
        self.check(response, self.model.remove(host.id, event_id, guest.id))

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers, status=st.sampled_from(["attended", "registered"]))
    def check_in(self, user: int, event: int, other: int, status: str) -> None:
        host, event_id, guest = self.user(user, event), self.event(event), self.user(other)
        response = host.patch(f"/events/{event_id}/participants/{guest.id}", json={"status": status})
        self.check(response, self.model.check_in(host.id, event_id, guest.id, status))

    @precondition(has_events)
    @rule(user=actors, event=numbers, change=changes)
    def change(self, user: int, event: int, change: tuple[str, Any]) -> None:
        host, event_id = self.user(user, event), self.event(event)
        response = host.patch(f"/events/{event_id}", json=dict([change]))
        self.check(response, self.model.change(host.id, event_id, *change))

    @precondition(lambda self: any(event.status != "cancelled" for event in self.model.events.values()))
    @rule(user=actors, event=numbers)
    def cancel(self, user: int, event: int) -> None:
        host, event_id = self.user(user, event), self.event(event)
        response = host.post(f"/events/{event_id}/cancel")
        self.check(response, self.model.change(host.id, event_id, "status", "cancelled"))

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers)
    def add_host(self, user: int, event: int, other: int) -> None:
        host, event_id, another = self.user(user, event), self.event(event), self.user(other)
        response = host.post(f"/events/{event_id}/hosts", json={"user_id": another.id})
        self.check(response, self.model.add_host(host.id, event_id, another.id))

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers)
    def remove_host(self, user: int, event: int, other: int) -> None:
        host, event_id, another = self.user(user, event), self.event(event), self.user(other)
        response = host.delete(f"/events/{event_id}/hosts/{another.id}")
        self.check(response, self.model.remove_host(host.id, event_id, another.id))

    @precondition(lambda self: len(self.model.events) > 1)
    @rule(user=actors, event=numbers)
    def delete(self, user: int, event: int) -> None:
        host, event_id = self.user(user, event), self.event(event)
        self.check(host.delete(f"/events/{event_id}"), self.model.delete(host.id, event_id))
        self.check(host.get(f"/events/{event_id}"), self.model.read(host.id, event_id))

    @precondition(lambda self: len(self.people) > MAX_USERS - 2)
    @rule(user=numbers)
    def delete_account(self, user: int) -> None:
        leaving = self.user(user)
        self.check(leaving.delete("/users/me"), self.model.delete_account(leaving.id))
        self.check(leaving.get("/users/me"), 401)
        del self.people[leaving.id]

    def user(self, number: int, event: int | None = None) -> User:
        """Returns the user of a number. Negative numbers mean the organizer, who may do more than random users."""
        if number < 0 and event is not None:
            return self.people[self.model.events[self.event(event)].organizer]
        return list(self.people.values())[number % len(self.people)]

    def event(self, number: int) -> str:
        return list(self.model.events)[number % len(self.model.events)]

    def check(self, response: httpx.Response, status: int) -> None:
        assert response.status_code == status, f"{response.status_code} {response.text}, the model says {status}"

    @invariant()
    def events_and_their_counters_are_the_models(self) -> None:
        for event_id, event in self.model.events.items():
            answer = self.people[event.organizer].get(f"/events/{event_id}").json()
            seen = {name: answer[name] for name in ("organizer_id", "capacity", "waitlist", "status", "visibility")}
            assert list(seen.values()) == [
                event.organizer,
                event.capacity,
                event.waitlist,
                event.status,
                event.visibility,
            ]
            assert (answer["registered_count"], answer["waitlisted_count"]) == (event.taken(), len(event.line()))

    @invariant()
    def participants_and_their_positions_are_the_models(self) -> None:
        for event_id, event in self.model.events.items():
            places = {user: place for place, user in enumerate(event.line(), start=1)}
            rows = [(user, status, places.get(user)) for user, status in event.registrations.items()]
            organizer = self.people[event.organizer]
            listed = organizer.get(f"/events/{event_id}/participants").json()["participants"]
            gone = organizer.get(f"/events/{event_id}/participants?status=cancelled").json()["participants"]
            seen = [
                [(row["user_id"], row["status"], row["waitlist_position"]) for row in part] for part in (listed, gone)
            ]
            assert seen == [
                [row for row in rows if row[1] != "cancelled"],
                [row for row in rows if row[1] == "cancelled"],
            ]

    def teardown(self) -> None:
        for user_id in self.model.users:
            mine = self.people[user_id].get("/users/me/events").json()
            roles = {event_id: event.role(user_id) for event_id, event in self.model.events.items()}
            organized = {event["id"] for event in mine["organized_events"]}
            assert organized == {event_id for event_id, role in roles.items() if role in ("organizer", "host")}
            assert {event["id"]: event["status"] for event in mine["participated_events"]} == {
                event_id: event.registrations[user_id]
                for event_id, event in self.model.events.items()
                if event.registrations.get(user_id, "cancelled") != "cancelled"
            }


def run(server: Server, examples: int, steps: int, *, repeatable: bool) -> None:
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(server)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=repeatable,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_server_agrees_with_the_model(server: Server) -> None:
    run(server, examples=12, steps=30, repeatable=True)


@pytest.mark.slow
def test_the_server_agrees_with_the_model_for_long(server: Server) -> None:
    run(server, examples=200, steps=50, repeatable=False)


def test_a_seat_that_is_not_passed_on_is_seen(fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.repositories.seats.Seats.fill", lambda *_: None)
    machine = Machine(fresh_server)
    machine.begin()
    machine.register_all(event=0)
    machine.participants_and_their_positions_are_the_models()
    machine.leave(user=0, event=0)
    with pytest.raises(AssertionError):
        machine.participants_and_their_positions_are_the_models()
