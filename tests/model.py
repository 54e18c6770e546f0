"""The expected behavior of the server, as a model of a few dictionaries, for `test_model`."""

from dataclasses import dataclass, field


@dataclass
class Event:
    """An event with its registrations in the order in which they were made."""

    organizer: str
    capacity: int | None
    waitlist: bool
    status: str
    visibility: str
    hosts: set[str] = field(default_factory=set)
    registrations: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    acted: set[str] = field(default_factory=set)

    def role(self, user: str) -> str | None:
        if user == self.organizer:
            return "organizer"
        if user in self.hosts:
            return "host"
        return "participant" if self.registrations.get(user, "cancelled") != "cancelled" else None

    def is_hidden_from(self, user: str) -> bool:
        has_left = user in self.registrations and user not in self.removed
        return not has_left and self.role(user) is None and (self.status == "draft" or self.visibility == "private")

    def is_run_by(self, user: str) -> bool:
        return self.role(user) in ("organizer", "host")

    def taken(self) -> int:
        return sum(status in ("registered", "attended") for status in self.registrations.values())

    def line(self) -> list[str]:
        return [user for user, status in self.registrations.items() if status == "waitlisted"]

    def has_seat(self) -> bool:
        return self.capacity is None or self.taken() < self.capacity

    def fill(self) -> None:
        while self.status == "published" and self.has_seat() and self.line():
            self.registrations[self.line()[0]] = "registered"


class Model:
    """Each method does a request as `user` and returns the expected status of the answer."""

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.events: dict[str, Event] = {}

    def read(self, user: str, event_id: str) -> int:
        event = self.events.get(event_id)
        return 404 if event is None or event.is_hidden_from(user) else 200

    def register(self, user: str, event_id: str) -> int:
        if self.read(user, event_id) == 404:
            return 404
        event = self.events[event_id]
        if event.registrations.get(user, "cancelled") != "cancelled":
            return 200
        if event.status != "published" or not (event.has_seat() or event.waitlist):
            return 409
        status = "registered" if event.has_seat() else "waitlisted"
        event.registrations.pop(user, None)
        event.removed.discard(user)
        event.registrations[user] = status
        return 201

    def leave(self, user: str, event_id: str) -> int:
        if self.read(user, event_id) == 404:
            return 404
        event = self.events[event_id]
        return 409 if event.registrations.get(user) == "attended" else self._end(event, user)

    def remove(self, user: str, event_id: str, other: str) -> int:
        refused = self._refused_to_run(user, event_id)
        if refused:
            return refused
        event = self.events[event_id]
        status = self._end(event, other)
        if status == 200:
            event.removed.add(other)
            event.acted.add(user)
        return status

    def check_in(self, user: str, event_id: str, other: str, status: str) -> int:
        if refused := self._refused_to_run(user, event_id):
            return refused
        registrations = self.events[event_id].registrations
        if other not in registrations:
            return 404
        if registrations[other] in ("waitlisted", "cancelled"):
            return 409
        if registrations[other] != status:
            self.events[event_id].acted.add(user)
        registrations[other] = status
        return 200

    def change(self, user: str, event_id: str, name: str, value: object) -> int:
        if refused := self._refused_to_run(user, event_id):
            return refused
        event = self.events[event_id]
        if name == "status" and value == "draft" and event.status != "draft" and (event.taken() or event.line()):
            return 409
        if getattr(event, name) != value:
            event.acted.add(user)
        setattr(event, name, value)
        event.fill()
        return 200

    def add_host(self, user: str, event_id: str, other: str) -> int:
        if refused := self._refused_to_own(user, event_id):
            return refused
        event = self.events[event_id]
        if other == event.organizer:
            return 409
        if other in event.hosts:
            return 200
        event.hosts.add(other)
        event.acted.discard(other)
        return 201

    def remove_host(self, user: str, event_id: str, other: str) -> int:
        refused = self._refused_to_run(user, event_id) if user == other else self._refused_to_own(user, event_id)
        if refused:
            return refused
        event = self.events[event_id]
        if other not in event.hosts:
            return 404
        event.hosts.remove(other)
        event.acted.discard(other)
        return 200

    def delete(self, user: str, event_id: str) -> int:
        if refused := self._refused_to_own(user, event_id):
            return refused
        del self.events[event_id]
        return 200

    def delete_account(self, user: str) -> int:
        """Passes each event to a co-host who has acted, or deletes it. All were added at the same time, so the lowest
        id wins."""
        self.users.remove(user)
        for event_id, event in list(self.events.items()):
            heirs = event.hosts & event.acted
            if event.organizer == user and not heirs:
                del self.events[event_id]
            elif event.organizer == user:
                event.organizer = min(heirs)
                event.hosts.remove(event.organizer)
        for event in self.events.values():
            event.hosts.discard(user)
            if event.registrations.pop(user, "cancelled") != "cancelled":
                event.fill()
        return 200

    def _end(self, event: Event, user: str) -> int:
        if user not in event.registrations:
            return 404
        event.registrations[user] = "cancelled"
        event.fill()
        return 200

    def _refused_to_run(self, user: str, event_id: str) -> int:
        if self.read(user, event_id) == 404:
            return 404
        return 0 if self.events[event_id].is_run_by(user) else 403

    def _refused_to_own(self, user: str, event_id: str) -> int:
        if self.read(user, event_id) == 404:
            return 404
        return 0 if self.events[event_id].role(user) == "organizer" else 403
