"""The steps that `test_model` takes with the server and the model, and what it compares after each of them."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from eventorg.domain.values import rfc3339
from eventorg.storage.invariants import broken_rules, find_miscounts
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Clock, Server, User
from tests.model import Model
from tests.model_events import Event

MAX_USERS, MAX_EVENTS, MAX_BY_NAME = 6, 3, 4
NEXT_DAY, NOW = "2027-01-02T12:00:00Z", rfc3339(Clock()())
PRIVATE_NAMES = ("Zoe", "Boris")
WINDOWS = {"open": (None, None), "early": (NEXT_DAY, None), "closed": (None, NOW)}
numbers = st.integers(0, MAX_USERS * MAX_EVENTS - 1)
actors = st.integers(-MAX_USERS, MAX_USERS - 1)
parties = st.sampled_from([0, 0, 1, 2, 3])
capacities = st.sampled_from([1, 2, 3, 5, None])
answers = st.sampled_from(["going", "maybe", "declined"])
some_settings = {
    "capacity": capacities,
    "waitlist": st.sampled_from([True, True, False]),
    "visibility": st.sampled_from(["public", "public", "unlisted", "private"]),
    "max_guests": st.sampled_from([0, 2, 2, 3]),
    "approval_required": st.sampled_from([False, False, True]),
    "participants_visibility": st.sampled_from(["everyone", "everyone", "participants", "hosts"]),
}
new_events = st.fixed_dictionaries(some_settings | {"status": st.sampled_from(["published", "published", "draft"])})
statuses = st.sampled_from(["published", "published", "draft", "cancelled"])
windows = st.sampled_from(["open", "open", "early", "closed"])
changes = st.one_of(
    *(st.tuples(st.just(name), values) for name, values in some_settings.items()),
    st.tuples(st.just("status"), statuses),
    st.tuples(st.just("window"), windows),
)
participant_patches = st.fixed_dictionaries(
    {},
    optional={
        "guests": parties,
        "status": st.sampled_from(["attended", "registered"]),
        "approved": st.just(True),
        "raise_capacity": st.booleans(),
    },
)


def has_events(machine: "Machine") -> bool:
    return bool(machine.model.events)


def has_invitations(machine: "Machine") -> bool:
    return bool(machine.codes)


class Machine(RuleBasedStateMachine):
    """Sends each step to both and compares them. Users and events are drawn as numbers."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self.server = server
        self.model = Model()
        self.people: dict[str, User] = {}
        self.codes: list[str] = []

    @initialize()
    def begin(self) -> None:
        for _ in range(MAX_USERS - 2):
            self.sign_up()
        fields = {"capacity": 3, "waitlist": True, "status": "published", "visibility": "public", "max_guests": 2}
        self.create(0, fields)

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
        for path in ("", "/card"):
            self.check(reader.get(f"/events/{event_id}{path}"), self.model.read, reader.id, event_id)
        for path in ("/participants", "/rsvps"):
            self.check(reader.get(f"/events/{event_id}{path}"), self.model.read_names, reader.id, event_id)

    @precondition(has_events)
    @rule(user=numbers, event=numbers, guests=parties)
    def register(self, user: int, event: int, guests: int = 0) -> None:
        guest, event_id = self.user(user), self.event(event)
        names = ["Zoe"] * min(guests, 2)
        response = guest.post(f"/events/{event_id}/register", json={"guests": guests, "guest_names": names})
        self.check(response, self.model.register, guest.id, event_id, guests, names)

    @precondition(has_events)
    @rule(event=numbers, guests=parties)
    def register_all(self, event: int, guests: int = 0) -> None:
        for number in range(len(self.people)):
            self.register(number, event, guests)

    @precondition(has_events)
    @rule(user=numbers, event=numbers, guests=parties)
    def change_party(self, user: int, event: int, guests: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        response = guest.patch(f"/events/{event_id}/register", json={"guests": guests})
        self.check(response, self.model.change_party, guest.id, event_id, guests)

    @precondition(has_events)
    @rule(user=numbers, event=numbers)
    def leave(self, user: int, event: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        self.check(guest.delete(f"/events/{event_id}/register"), self.model.leave, guest.id, event_id)

    @precondition(has_events)
    @rule(user=numbers, event=numbers, answer=answers, guests=st.none() | parties)
    def answer(self, user: int, event: int, answer: str, guests: int | None) -> None:
        guest, event_id = self.user(user), self.event(event)
        party = {"guests": guests} if answer == "going" and guests is not None else {}
        response = guest.put(f"/events/{event_id}/rsvp", json={"answer": answer} | party)
        self.check(response, self.model.answer, guest.id, event_id, answer, guests)
        if response.is_success:
            assert guest.get(f"/events/{event_id}/rsvp").json() == response.json()
            assert self.counts_of(response) == self.model.events[event_id].counters()

    @precondition(has_events)
    @rule(user=numbers, event=numbers, delta=st.sampled_from([1, -1]))
    def add_guest(self, user: int, event: int, delta: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        response = guest.patch(f"/events/{event_id}/rsvp", json={"guests_delta": delta})
        self.check(response, self.model.add_guest, guest.id, event_id, delta)

    @precondition(has_events)
    @rule(user=numbers, event=numbers)
    def withdraw(self, user: int, event: int) -> None:
        guest, event_id = self.user(user), self.event(event)
        response = guest.delete(f"/events/{event_id}/rsvp")
        self.check(response, self.model.withdraw, guest.id, event_id)

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers, block=st.sampled_from([False, False, True]))
    def remove(self, user: int, event: int, other: int, *, block: bool) -> None:
        host, event_id, guest = self.user(user, event), self.event(event), self.participant(other, event)
        is_by_name = guest in self.model.events[event_id].by_name
        query = "?block=true" if block else ""
        response = host.delete(f"/events/{event_id}/participants/{guest}{query}")
        self.check(response, self.model.remove, host.id, event_id, guest, block=block)
        if response.is_success:
            assert (host.get(f"/users/{guest}").status_code == 404) == is_by_name

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers, patch=participant_patches)
    def update_participant(self, user: int, event: int, other: int, patch: dict[str, Any]) -> None:
        host, event_id, guest = self.user(user, event), self.event(event), self.participant(other, event)
        response = host.patch(f"/events/{event_id}/participants/{guest}", json=patch)
        self.check(response, self.model.update, host.id, event_id, guest, patch)

    @precondition(has_events)
    @rule(event=numbers)
    def approve_all(self, event: int) -> None:
        host, event_id = self.user(-1, event), self.event(event)
        for guest in list(self.model.events[event_id].places):
            response = host.patch(f"/events/{event_id}/participants/{guest}", json={"approved": True})
            self.check(response, self.model.update, host.id, event_id, guest, {"approved": True})

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers, guests=parties)
    def add(self, user: int, event: int, other: int, guests: int) -> None:
        host, event_id, guest = self.user(user, event), self.event(event), self.user(other)
        response = host.post(f"/events/{event_id}/participants", json={"user_id": guest.id, "guests": guests})
        self.check(response, self.model.add, host.id, event_id, guest.id, guests)

    @precondition(lambda self: sum(len(event.by_name) for event in self.model.events.values()) < MAX_BY_NAME)
    @precondition(has_events)
    @rule(user=actors, event=numbers, guests=parties)
    def add_by_name(self, user: int, event: int, guests: int) -> None:
        host, event_id = self.user(user, event), self.event(event)
        response = host.post(f"/events/{event_id}/participants", json={"first_name": "Boris", "guests": guests})
        person = response.json().get("user_id", "")
        self.check(response, self.model.add_by_name, host.id, event_id, person, guests)

    @precondition(lambda self: any(event.by_name for event in self.model.events.values()))
    @rule(user=numbers, person=numbers)
    def claim(self, user: int, person: int) -> None:
        everybody = sorted((one, event_id) for event_id, event in self.model.events.items() for one in event.by_name)
        named, event_id = everybody[person % len(everybody)]
        organizer, guest = self.people[self.model.events[event_id].organizer], self.user(user)
        code = organizer.post(f"/events/{event_id}/participants/{named}/link-codes").json()["code"]
        response = guest.post("/users/me/claims", json={"code": code})
        self.check(response, self.model.claim, guest.id, event_id, named)
        assert guest.get(f"/users/{named}").status_code == 404

    @precondition(has_events)
    @rule(user=actors, event=numbers, change=changes)
    def change(self, user: int, event: int, change: tuple[str, Any]) -> None:
        host, event_id = self.user(user, event), self.event(event)
        fields = dict([change])
        if change[0] == "window":
            fields = dict(zip(("registration_opens_at", "registration_closes_at"), WINDOWS[change[1]], strict=True))
        response = host.patch(f"/events/{event_id}", json=fields)
        self.check(response, self.model.change, host.id, event_id, *change)

    @precondition(lambda self: any(event.status != "cancelled" for event in self.model.events.values()))
    @rule(user=actors, event=numbers)
    def cancel(self, user: int, event: int) -> None:
        host, event_id = self.user(user, event), self.event(event)
        response = host.post(f"/events/{event_id}/cancel")
        self.check(response, self.model.change, host.id, event_id, "status", "cancelled")

    @precondition(lambda self: self.model.events and len(self.codes) < MAX_EVENTS)
    @rule(user=actors, event=numbers, max_uses=st.sampled_from([1, 2, None]))
    def invite(self, user: int, event: int, max_uses: int | None) -> None:
        host, event_id = self.user(user, event), self.event(event)
        response = host.post(f"/events/{event_id}/invitations", json={"max_uses": max_uses})
        code = response.json()["code"]
        self.check(response, self.model.invite, host.id, event_id, code, max_uses)
        if response.is_success:
            self.codes.append(code)

    @precondition(has_invitations)
    @rule(user=numbers, code=numbers, guests=parties, answer=st.sampled_from([None, None, "maybe", "declined"]))
    def accept(self, user: int, code: int, guests: int, answer: str | None) -> None:
        guest, used = self.user(user), self.codes[code % len(self.codes)]
        body = {"guests": guests} if answer is None else {"answer": answer}
        response = guest.post(f"/invitations/{used}/accept", json=body)
        self.check(response, self.model.accept, guest.id, used, guests, answer)

    @rule(user=numbers, other=numbers)
    def block(self, user: int, other: int) -> None:
        host, guest = self.user(user), self.user(other)
        self.check(host.put(f"/users/me/blocks/{guest.id}"), self.model.block, host.id, guest.id)

    @precondition(lambda self: self.model.blocks)
    @rule(number=numbers)
    def unblock(self, number: int) -> None:
        host, guest = sorted(self.model.blocks)[number % len(self.model.blocks)]
        self.check(self.people[host].delete(f"/users/me/blocks/{guest}"), self.model.unblock, host, guest)

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers)
    def add_host(self, user: int, event: int, other: int) -> None:
        host, event_id, another = self.user(user, event), self.event(event), self.user(other)
        response = host.post(f"/events/{event_id}/hosts", json={"user_id": another.id})
        self.check(response, self.model.add_host, host.id, event_id, another.id)

    @precondition(has_events)
    @rule(user=actors, event=numbers, other=numbers)
    def remove_host(self, user: int, event: int, other: int) -> None:
        host, event_id, another = self.user(user, event), self.event(event), self.user(other)
        response = host.delete(f"/events/{event_id}/hosts/{another.id}")
        self.check(response, self.model.remove_host, host.id, event_id, another.id)

    @precondition(lambda self: len(self.model.events) > 1)
    @rule(user=actors, event=numbers)
    def delete(self, user: int, event: int) -> None:
        host, event_id = self.user(user, event), self.event(event)
        by_name = self.model.events[event_id].by_name
        response = host.delete(f"/events/{event_id}")
        self.check(response, self.model.delete, host.id, event_id)
        self.check(host.get(f"/events/{event_id}"), self.model.read, host.id, event_id)
        for person in by_name:
            assert host.get(f"/users/{person}").status_code == (404 if response.is_success else 200)

    @precondition(lambda self: len(self.people) > MAX_USERS - 2)
    @rule(user=numbers)
    def delete_account(self, user: int) -> None:
        leaving = self.user(user)
        self.check(leaving.delete("/users/me"), self.model.delete_account, leaving.id)
        assert leaving.get("/users/me").status_code == 401
        del self.people[leaving.id]

    def user(self, number: int, event: int | None = None) -> User:
        """Returns the user of a number. Negative numbers mean the organizer, who may do more than random users."""
        if number < 0 and event is not None:
            return self.people[self.model.events[self.event(event)].organizer]
        return list(self.people.values())[number % len(self.people)]

    def participant(self, number: int, event: int) -> str:
        """Returns the ID of a participant, or of a user who is none."""
        ids = [*dict.fromkeys([*self.model.events[self.event(event)].places, *self.people])]
        return ids[number % len(ids)]

    def event(self, number: int) -> str:
        return list(self.model.events)[number % len(self.model.events)]

    def check(self, response: httpx.Response, act: Callable[..., int], *arguments: Any, **options: Any) -> None:
        expected = self.model.attempt(act, *arguments, **options)
        seen: Any = response.status_code
        if response.is_error:
            problem = response.json()
            seen = problem["errors"][0]["code"] if "errors" in problem else problem["code"]
        assert seen == expected, f"{act.__name__}: {response.status_code} {response.text}, the model says {expected}"

    def counts_of(self, response: httpx.Response) -> list[int]:
        counts, pending = response.json()["counts"], self.model.events[response.json()["event_id"]].counters()[2]
        return [counts["registered"], counts["waitlisted"], pending, counts["maybe"], counts["declined"]]

    @invariant()
    def events_and_their_counters_are_the_models(self) -> None:
        for event_id, event in self.model.events.items():
            answer = self.people[event.organizer].get(f"/events/{event_id}").json()
            names = [*some_settings, "status"]
            expected = {name: getattr(event, name) for name in names} | {"organizer_id": event.organizer}
            assert {name: answer[name] for name in expected} == expected
            assert (answer["registration_opens_at"], answer["registration_closes_at"]) == WINDOWS[event.window]
            kinds = ("registered", "waitlisted", "pending", "maybe", "declined")
            assert [answer[f"{kind}_count"] for kind in kinds] == event.counters()

    @invariant()
    def participants_and_their_positions_are_the_models(self) -> None:
        for event_id, event in self.model.events.items():
            positions = {user: position for position, user in enumerate(event.line(), start=1)}
            rows = [
                (user, place.status, positions.get(user), place.guests, place.names, place.approved)
                for user, place in event.places.items()
            ]
            organizer = self.people[event.organizer]
            listed = organizer.get(f"/events/{event_id}/participants").json()["participants"]
            gone = organizer.get(f"/events/{event_id}/participants?status=cancelled").json()["participants"]
            fields = ("user_id", "status", "waitlist_position", "guests", "guest_names", "approved")
            assert [tuple(row[name] for name in fields) for row in listed] == [
                row for row in rows if row[1] != "cancelled"
            ]
            assert [tuple(row[name] for name in fields[:4]) for row in gone] == [
                row[:4] for row in rows if row[1] == "cancelled"
            ]

    @invariant()
    def answers_are_the_models(self) -> None:
        for event_id, event in self.model.events.items():
            listed = self.people[event.organizer].get(f"/events/{event_id}/rsvps").json()["rsvps"]
            going = [(user, "going") for user, place in event.places.items() if place.is_live]
            stored = sorted(event.answers.items(), key=lambda given: (given[1] != "maybe", given[0]))
            assert [(row["user_id"], row["answer"]) for row in listed] == going + stored

    @invariant()
    def uses_of_invitations_are_the_models(self) -> None:
        for event_id in {one.event_id for one in self.model.invitations.values()}:
            listed = self.people[self.model.events[event_id].organizer].get(f"/events/{event_id}/invitations").json()
            assert {one["code"]: one["uses"] for one in listed["invitations"]} == {
                code: one.uses for code, one in self.model.invitations.items() if one.event_id == event_id
            }

    @invariant()
    def the_file_keeps_its_rules(self) -> None:
        path = self.server.settings.database_path
        assert find_miscounts(path) == []
        with closing(connect_reader(path)) as connection:
            assert list(broken_rules(connection, NOW)) == []

    def teardown(self) -> None:
        for user_id in self.model.users:
            mine = self.people[user_id].get("/users/me/events").json()
            roles = {event_id: event.role(user_id) for event_id, event in self.model.events.items()}
            organized = {event["id"] for event in mine["organized_events"]}
            assert organized == {event_id for event_id, role in roles.items() if role in ("organizer", "host")}
            assert {event["id"]: event["status"] for event in mine["participated_events"]} == {
                event_id: event.places[user_id].status
                for event_id, event in self.model.events.items()
                if event.live(user_id)
            }
            told = self.people[user_id].get("/changes?after=0&limit=1000").text
            assert not [name for name in PRIVATE_NAMES if name in told]
