"""The events of the model: registrations, answers, seats and the waiting list, as dictionaries."""

from collections.abc import Callable
from dataclasses import dataclass, field

SEATED = ("registered", "attended")


@dataclass
class Place:
    """The registration of a party."""

    status: str
    guests: int = 0
    names: list[str] = field(default_factory=list)
    approved: bool = True
    is_removed: bool = False

    @property
    def people(self) -> int:
        return 1 + self.guests

    @property
    def is_live(self) -> bool:
        return self.status != "cancelled"

    @property
    def is_waiting(self) -> bool:
        return self.status == "waitlisted" and self.approved

    @property
    def is_pending(self) -> bool:
        return self.status == "waitlisted" and not self.approved


@dataclass
class Event:
    """An event with its registrations in the order in which they were made."""

    organizer: str
    capacity: int | None
    waitlist: bool
    status: str
    visibility: str
    max_guests: int = 0
    approval_required: bool = False
    participants_visibility: str = "everyone"
    window: str = "open"
    hosts: set[str] = field(default_factory=set)
    places: dict[str, Place] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    acted: set[str] = field(default_factory=set)
    by_name: set[str] = field(default_factory=set)

    def live(self, user: str) -> Place | None:
        place = self.places.get(user)
        return place if place is not None and place.is_live else None

    def role(self, user: str) -> str | None:
        if user == self.organizer:
            return "organizer"
        if user in self.hosts:
            return "host"
        return "participant" if self.live(user) else None

    def knows(self, user: str) -> bool:
        has_left = user in self.places and not self.places[user].is_removed
        return has_left or user in self.answers or self.role(user) is not None

    def is_hidden_from(self, user: str) -> bool:
        return not self.knows(user) and (self.status == "draft" or self.visibility == "private")

    def hides_names_from(self, user: str) -> bool:
        role = self.role(user)
        if role in ("organizer", "host"):
            return False
        return self.participants_visibility not in (("everyone", "participants") if role else ("everyone",))

    def is_run_by(self, user: str) -> bool:
        return self.role(user) in ("organizer", "host")

    def count(self, chosen: Callable[[Place], bool]) -> int:
        return sum(place.people for place in self.places.values() if chosen(place))

    def taken(self) -> int:
        return self.count(lambda place: place.status in SEATED)

    def counters(self) -> list[int]:
        answers = list(self.answers.values())
        people = [self.count(lambda place: place.is_waiting), self.count(lambda place: place.is_pending)]
        return [self.taken(), *people, answers.count("maybe"), answers.count("declined")]

    def line(self) -> list[str]:
        return [user for user, place in self.places.items() if place.is_waiting]

    def has_seats(self, people: int) -> bool:
        return self.capacity is None or self.taken() + people <= self.capacity

    def fill(self) -> None:
        """Gives free seats to the first parties that fit, and approves everybody if approval is not required."""
        is_open = self.status == "published"
        for place in self.places.values():
            if is_open and place.is_waiting and self.has_seats(place.people):
                place.status = "registered"
        for place in self.places.values():
            if place.is_pending and not self.approval_required:
                place.approved = True
                place.status = "registered" if is_open and self.has_seats(place.people) else "waitlisted"


@dataclass
class Invitation:
    """An invitation to an event."""

    event_id: str
    max_uses: int | None
    uses: int = 0
