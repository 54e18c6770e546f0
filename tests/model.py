"""The expected behavior of the server, as a model of a few dictionaries, for `test_model`."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from tests.model_events import SEATED, Event, Invitation, Place

BEST_FIRST = ("attended", "registered", "waitlisted", "cancelled")


class Refused(Exception):
    """A refusal, with the code of the problem."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Model:
    """Each method does a request as `user`. It returns the expected status of the answer, or raises `Refused`, after
    which `attempt` undoes what the method has changed."""

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.events: dict[str, Event] = {}
        self.invitations: dict[str, Invitation] = {}
        self.blocks: set[tuple[str, str]] = set()

    def attempt(self, act: Callable[..., int], *arguments: Any, **options: Any) -> int | str:
        """Returns the expected status, or the code of the refusal."""
        before = deepcopy((self.events, self.invitations, self.blocks))
        try:
            return act(*arguments, **options)
        except Refused as refusal:
            self.events, self.invitations, self.blocks = before
            return refusal.code

    def read(self, user: str, event_id: str) -> int:
        self._seen(user, event_id)
        return 200

    def read_names(self, user: str, event_id: str) -> int:
        if self._seen(user, event_id).hides_names_from(user):
            raise Refused("participants_hidden")
        return 200

    def register(self, user: str, event_id: str, guests: int = 0, names: list[str] | None = None) -> int:
        event = self._seen(user, event_id)
        if event.live(user):
            return 200
        self._enter(event, user, guests, names or [])
        return 201

    def change_party(self, user: str, event_id: str, guests: int) -> int:
        event = self._seen(user, event_id)
        place = event.live(user)
        if place is None:
            raise Refused("registration_not_found")
        self._change_party(event, user, place, guests)
        return 200

    def leave(self, user: str, event_id: str) -> int:
        event = self._seen(user, event_id)
        if user not in event.places:
            raise Refused("registration_not_found")
        self._withdraw(event, user)
        return 200

    def answer(self, user: str, event_id: str, answer: str, guests: int | None) -> int:
        event = self._seen(user, event_id)
        if answer != "going":
            self._stay_away(event, user, answer)
        elif (place := event.live(user)) is None:
            self._enter(event, user, guests or 0, [])
        elif guests is not None:
            self._change_party(event, user, place, guests)
        return 200

    def add_guest(self, user: str, event_id: str, delta: int) -> int:
        event = self._seen(user, event_id)
        place = event.live(user)
        guests = place.guests if place else 0
        wanted = max(0, guests + delta)
        if wanted == guests:
            return 200
        return self.answer(user, event_id, "going", wanted)

    def withdraw(self, user: str, event_id: str) -> int:
        event = self._seen(user, event_id)
        if not event.live(user) and user not in event.answers:
            raise Refused("rsvp_not_found")
        self._withdraw(event, user)
        return 200

    def remove(self, user: str, event_id: str, other: str, *, block: bool) -> int:
        event = self._run_by(user, event_id)
        if other not in event.places:
            raise Refused("registration_not_found")
        if block and user == other:
            raise Refused("is_caller")
        if block and other not in event.by_name:
            self.blocks.add((user, other))
        self._end(event, other, is_removed=True)
        event.answers.pop(other, None)
        event.acted.add(user)
        if other in event.by_name:
            event.by_name.remove(other)
            del event.places[other]
        return 200

    def update(self, user: str, event_id: str, other: str, patch: dict[str, Any]) -> int:
        """A host changes the party, the approval, or the status of a participant."""
        event = self._run_by(user, event_id)
        place = event.places.get(other)
        if place is None:
            raise Refused("registration_not_found")
        if not patch.keys() & {"guests", "status", "approved"}:
            return 200
        if not place.is_live:
            raise Refused("registration_cancelled")
        before = (place.status, place.guests, place.names, place.approved)
        raises, status = patch.get("raise_capacity", False), patch.get("status")
        if "guests" in patch:
            self._change_party(event, other, place, patch["guests"], by_host=True, raises=raises)
        if place.status == "waitlisted":
            is_approval = "approved" in patch and not place.approved
            if status == "registered" or (is_approval and raises):
                self._let_in(event, place, raises=raises)
            elif is_approval:
                self._approve(event, place)
        if status is not None:
            if place.status not in SEATED:
                raise Refused(f"registration_{place.status}")
            place.status = status
        if before != (place.status, place.guests, place.names, place.approved):
            event.acted.add(user)
        return 200

    def add(self, user: str, event_id: str, other: str, guests: int) -> int:
        """A host adds a user."""
        event = self._run_by(user, event_id)
        place = event.live(other)
        if place is not None and place.approved:
            return 200
        if (other, user) in self.blocks:
            raise Refused("blocked")
        if place is not None:
            self._approve(event, place)
        else:
            self._enter(event, other, guests, [], by_host=True)
        event.acted.add(user)
        return 201 if place is None else 200

    def add_by_name(self, user: str, event_id: str, person: str, guests: int) -> int:
        """A host adds somebody who has no account, and gets this ID."""
        event = self._run_by(user, event_id)
        self._enter(event, person, guests, [], by_host=True)
        event.by_name.add(person)
        event.acted.add(user)
        return 201

    def claim(self, user: str, event_id: str, person: str) -> int:
        """Somebody takes over the place of a person by name. The better status stays, or the earlier of two equals."""
        event = self.events[event_id]
        order = list(event.places)

        def rank(owner: str) -> tuple[int, bool, int]:
            place = event.places[owner]
            return BEST_FIRST.index(place.status), not place.approved, order.index(owner)

        event.by_name.remove(person)
        if user in event.places and rank(user) <= rank(person):
            del event.places[person]
        else:
            event.answers.pop(user, None)
            event.places = {
                user if owner == person else owner: place for owner, place in event.places.items() if owner != user
            }
        event.fill()
        return 200

    def change(self, user: str, event_id: str, name: str, value: object) -> int:
        event = self._run_by(user, event_id)
        if name == "status" and value == "draft" != event.status and any(event.counters()):
            raise Refused("event_has_participants")
        if getattr(event, name) != value:
            event.acted.add(user)
        setattr(event, name, value)
        event.fill()
        return 200

    def invite(self, user: str, event_id: str, code: str, max_uses: int | None) -> int:
        self._run_by(user, event_id)
        self.invitations[code] = Invitation(event_id, max_uses)
        return 201

    def accept(self, user: str, code: str, guests: int, answer: str | None) -> int:
        if code not in self.invitations:
            raise Refused("invitation_not_found")
        invitation = self.invitations[code]
        event = self.events[invitation.event_id]
        place, is_known, is_host = event.live(user), event.knows(user), event.is_run_by(user)
        if answer is not None:
            self._check_answer(event, user, answer)
            if event.answers.get(user) != answer:
                self._use(invitation, is_needed=not is_known)
                self._stay_away(event, user, answer)
            return 200
        if place is None:
            needs_code = not is_host and (event.approval_required or not is_known)
            self._use(invitation, is_needed=needs_code)
            self._enter(event, user, guests, [], is_invited=True)
        elif not place.approved:
            self._use(invitation, is_needed=True)
            self._check_open(event)
            self._check_own_act(event, user, 0)
            self._approve(event, place)
        return 201 if place is None else 200

    def block(self, user: str, other: str) -> int:
        if user == other:
            raise Refused("is_caller")
        is_new = (user, other) not in self.blocks
        self.blocks.add((user, other))
        return 201 if is_new else 200

    def unblock(self, user: str, other: str) -> int:
        if (user, other) not in self.blocks:
            raise Refused("block_not_found")
        self.blocks.remove((user, other))
        return 200

    def add_host(self, user: str, event_id: str, other: str) -> int:
        event = self._owned_by(user, event_id)
        if other == event.organizer:
            raise Refused("already_organizer")
        if other in event.hosts:
            return 200
        if {(user, other), (other, user)} & self.blocks:
            raise Refused("blocked")
        event.hosts.add(other)
        event.acted.discard(other)
        return 201

    def remove_host(self, user: str, event_id: str, other: str) -> int:
        event = self._run_by(user, event_id) if user == other else self._owned_by(user, event_id)
        if other not in event.hosts:
            raise Refused("host_not_found")
        event.hosts.remove(other)
        event.acted.discard(other)
        return 200

    def delete(self, user: str, event_id: str) -> int:
        self._owned_by(user, event_id)
        self._delete(event_id)
        return 200

    def delete_account(self, user: str) -> int:
        """Passes each event to a co-host who has acted, or deletes it. All were added at the same time, so the lowest
        id wins."""
        self.users.remove(user)
        for event_id, event in list(self.events.items()):
            heirs = event.hosts & event.acted
            if event.organizer == user and not heirs:
                self._delete(event_id)
            elif event.organizer == user:
                event.organizer = min(heirs)
                event.hosts.remove(event.organizer)
        for event in self.events.values():
            event.hosts.discard(user)
            event.answers.pop(user, None)
            event.places.pop(user, None)
            event.fill()
        self.blocks = {pair for pair in self.blocks if user not in pair}
        return 200

    def _enter(
        self,
        event: Event,
        user: str,
        guests: int,
        names: list[str],
        *,
        by_host: bool = False,
        is_invited: bool = False,
    ) -> None:
        self._check_open(event)
        if not by_host:
            self._check_own_act(event, user, guests)
        place = Place("registered", guests, names)
        if event.approval_required and not (by_host or is_invited or event.is_run_by(user)):
            place.status, place.approved = "waitlisted", False
        elif not event.has_seats(place.people):
            if not event.waitlist:
                raise Refused("event_full")
            place.status = "waitlisted"
        event.places.pop(user, None)
        event.answers.pop(user, None)
        event.places[user] = place

    def _change_party(
        self, event: Event, user: str, place: Place, guests: int, *, by_host: bool = False, raises: bool = False
    ) -> None:
        more = guests - place.guests
        if more > 0:
            self._check_open(event)
            if not by_host:
                self._check_own_act(event, user, guests)
            if place.status in SEATED:
                self._make_room(event, more, raises=raises)
        place.guests, place.names = guests, place.names[:guests]
        event.fill()

    def _approve(self, event: Event, place: Place) -> None:
        self._check_open(event)
        if event.has_seats(place.people):
            place.status = "registered"
        elif not event.waitlist:
            raise Refused("event_full")
        place.approved = True

    def _let_in(self, event: Event, place: Place, *, raises: bool) -> None:
        self._check_open(event)
        self._make_room(event, place.people, raises=raises)
        place.status, place.approved = "registered", True

    def _make_room(self, event: Event, people: int, *, raises: bool) -> None:
        if event.has_seats(people):
            return
        if not raises:
            raise Refused("event_full")
        event.capacity = event.taken() + people

    def _stay_away(self, event: Event, user: str, answer: str) -> None:
        self._check_answer(event, user, answer)
        if event.live(user):
            self._end(event, user)
        event.answers[user] = answer

    def _withdraw(self, event: Event, user: str) -> None:
        place = event.live(user)
        if place is not None and place.status == "attended":
            raise Refused("already_attended")
        event.answers.pop(user, None)
        if place is not None:
            self._end(event, user)

    def _end(self, event: Event, user: str, *, is_removed: bool = False) -> None:
        place = event.places[user]
        place.status, place.is_removed = "cancelled", is_removed
        event.fill()

    def _use(self, invitation: Invitation, *, is_needed: bool) -> None:
        if invitation.max_uses is None or invitation.uses < invitation.max_uses:
            invitation.uses += 1
        elif is_needed:
            raise Refused("invitation_not_found")

    def _delete(self, event_id: str) -> None:
        del self.events[event_id]
        self.invitations = {code: one for code, one in self.invitations.items() if one.event_id != event_id}

    def _check_open(self, event: Event) -> None:
        if event.status != "published":
            raise Refused("event_cancelled" if event.status == "cancelled" else "event_not_open")

    def _check_own_act(self, event: Event, user: str, guests: int) -> None:
        if event.window != "open":
            raise Refused("registration_not_open" if event.window == "early" else "registration_closed")
        self._check_not_blocked(event, user)
        if guests > event.max_guests:
            raise Refused("too_many_guests")

    def _check_answer(self, event: Event, user: str, answer: str) -> None:
        if user in event.places and event.places[user].status == "attended":
            raise Refused("already_attended")
        self._check_open(event)
        if answer != "declined":
            self._check_not_blocked(event, user)

    def _check_not_blocked(self, event: Event, user: str) -> None:
        if any((host, user) in self.blocks for host in {event.organizer, *event.hosts}):
            raise Refused("blocked")

    def _seen(self, user: str, event_id: str) -> Event:
        event = self.events.get(event_id)
        if event is None or event.is_hidden_from(user):
            raise Refused("event_not_found")
        return event

    def _run_by(self, user: str, event_id: str) -> Event:
        event = self._seen(user, event_id)
        if not event.is_run_by(user):
            raise Refused("forbidden")
        return event

    def _owned_by(self, user: str, event_id: str) -> Event:
        event = self._seen(user, event_id)
        if event.role(user) != "organizer":
            raise Refused("forbidden")
        return event
