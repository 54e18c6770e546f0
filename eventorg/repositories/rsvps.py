"""Answers to events. `going` is a registration, and the other two are stored."""

from typing import Final

from msgspec import Raw, structs
from msgspec.json import encode

from eventorg.domain.admission import Admission, check_answer
from eventorg.domain.callers import Caller
from eventorg.domain.cards import card_etag
from eventorg.domain.errors import Invalid, NotFound
from eventorg.domain.events import check_sees_names
from eventorg.domain.facts import OwnActor
from eventorg.domain.idempotency import Once
from eventorg.domain.parties import ALONE, Party, PartyPatch
from eventorg.domain.registrations import Registration, check_leaving
from eventorg.domain.rsvps import Answer, AnswerCounts, ListedAnswer, NewRsvp, Rsvp, RsvpPage, RsvpStep, StoredAnswer
from eventorg.domain.values import check_version
from eventorg.repositories.answers import Answers
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.repositories.user_expansion import UserExpansion
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

_STORED: Final[tuple[StoredAnswer, ...]] = ("maybe", "declined")
Position = tuple[int, str, str, str]
"""The position of a row in the list of answers: of a registration, or 0 with the answer, its time, and the user."""


class RsvpRepository:
    """Gives, changes, withdraws and lists answers. `Places` and `Answers` have the rules."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        places: Places,
        answers: Answers,
        events: EventRepository,
        participants: ParticipantRepository,
        idempotency: IdempotencyRepository,
        expansion: UserExpansion,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._places = places
        self._answers = answers
        self._events = events
        self._participants = participants
        self._idempotency = idempotency
        self._expansion = expansion

    async def get(self, event_id: str, caller: Caller) -> Rsvp:
        """Returns the caller's answer. Raises `NotFound`."""

        def work(tx: Transaction) -> Rsvp:
            found = self.load(tx, self._ask(tx, event_id, caller.user_id))
            if found.answer is None:
                raise NotFound("rsvp_not_found")
            return found

        return await self._database.read(work)

    async def put(self, event_id: str, new: NewRsvp, expected: frozenset[str] | None, caller: Caller) -> Rsvp:
        """Gives the caller's answer, and returns it. The same answer again changes and records nothing.

        Raises `NotFound`, `VersionMismatch`, `Forbidden` (`blocked`), `Invalid` (too many guests or names) and
        `Conflict` (`event_full`, `event_over`, …).
        """

        return await self._idempotency.write_for(
            caller, lambda tx: self.give(tx, event_id, caller.user_id, new, expected, caller, "self")
        )

    def give(
        self,
        tx: Transaction,
        event_id: str,
        user_id: str,
        new: NewRsvp,
        expected: frozenset[str] | None,
        by: Caller,
        actor: OwnActor,
    ) -> Rsvp:
        """Does what `put` does, in the given transaction. The system passes every rule but the capacity."""
        asked = self._ask(tx, event_id, user_id, actor)
        before = self.load(tx, asked)
        check_version(before.version, expected)
        if new.answer == "going":
            self._go(tx, asked, before.registration, new.party, by, actor)
        else:
            self.stay_away(tx, asked, before.registration, new.answer, by, actor)
        return self.load(tx, self._places.ask(tx, asked.event_id, user_id))

    async def change_guests(
        self,
        event_id: str,
        step: RsvpStep,
        expected: frozenset[str] | None,
        caller: Caller,
        once: Once | None = None,
    ) -> Rsvp:
        """Changes the number of the caller's guests by one, and returns the answer. Somebody who is not going registers
        with one guest.

        Raises the errors of `put`.
        """

        def work(tx: Transaction) -> Rsvp:
            asked = self._ask(tx, event_id, caller.user_id)
            before = self.load(tx, asked)
            check_version(before.version, expected)
            guests = before.registration.guests if before.registration else 0
            wanted = max(0, guests + step.guests_delta)
            if wanted == guests:
                return before
            try:
                self._go(tx, asked, before.registration, PartyPatch(guests=wanted), caller, "self")
            except Invalid as error:
                named = (structs.replace(each, field="guests_delta") for each in error.errors)
                raise Invalid(*named) from None
            return self.load(tx, self._places.ask(tx, asked.event_id, caller.user_id))

        def may_see(tx: Transaction, _: Rsvp) -> None:
            self._events.load(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Rsvp, work, once, may_see)

    async def withdraw(self, event_id: str, expected: frozenset[str] | None, caller: Caller) -> Rsvp:
        """Withdraws the caller's answer and gives up the seat. Returns the state without an answer.

        Raises `NotFound`, `VersionMismatch` and `Conflict` (`already_attended`, `event_over`).
        """

        def work(tx: Transaction) -> Rsvp:
            asked = self._ask(tx, event_id, caller.user_id)
            before = self.load(tx, asked)
            if before.answer is None:
                raise NotFound("rsvp_not_found")
            check_version(before.version, expected)
            check_leaving(asked.status, asked.end_time, tx.now)
            if before.registration is not None:
                self._places.end(tx, before.registration, caller, "self", "self")
                self._answers.record(tx, asked.event_id, caller.user_id, None, "going", caller)
            else:
                self._answers.end(tx, asked.event_id, caller.user_id, caller)
            return self.load(tx, self._places.ask(tx, asked.event_id, caller.user_id))

        return await self._idempotency.write_for(caller, work)

    async def find(
        self,
        event_id: str,
        answer: Answer | None,
        after: Position | None,
        limit: int,
        caller: Caller,
        *,
        with_users: bool,
    ) -> tuple[RsvpPage, Position | None]:
        """Returns the answers to an event after a position, and the position of the last one if there are more.

        People who are going come first, in the order of registration, then `maybe` and `declined`, by time. Raises
        `NotFound` and `Forbidden` (`participants_hidden`).
        """

        def work(tx: Transaction) -> tuple[RsvpPage, Position | None]:
            event = self._events.load(tx, event_id, caller.user_id)
            check_sees_names(event)
            found = self._list(tx, event.id, answer, after, limit + 1)
            page, more = found[:limit], len(found) > limit
            listed = encode([each for each, _ in page])
            rsvps = self._expansion.add_users(tx, listed.decode(), caller) if with_users else Raw(listed)
            result = RsvpPage(event_id=event.id, rsvps=rsvps, next=None, as_of=self._changes.load_last(tx))
            return result, page[-1][1] if more else None

        return await self._database.read(work)

    def _list(
        self, tx: Transaction, event_id: str, answer: Answer | None, after: Position | None, limit: int
    ) -> list[tuple[ListedAnswer, Position]]:
        """Returns rows with their positions."""
        found: list[tuple[ListedAnswer, Position]] = []
        seq, after_answer, after_time, after_user = after or (0, "", "", "")
        if answer in (None, "going") and not after_answer:
            rows = tx.all(self._sql.list_going, event_id=event_id, after=seq, limit=limit)
            found += (
                (ListedAnswer(user_id=user, answer="going", answered_at=at), (seq, "", "", ""))
                for seq, user, at in rows
            )
        for stored in _STORED if after_answer != "declined" else _STORED[1:]:
            if answer not in (None, stored) or len(found) == limit:
                continue
            time, user = (after_time, after_user) if stored == after_answer else ("", "")
            rows = tx.all(
                self._sql.list_stored_answers,
                event_id=event_id,
                answer=stored,
                after_time=time,
                after_user=user,
                limit=limit - len(found),
            )
            found += ((ListedAnswer(**row), (0, stored, row["answered_at"], row["user_id"])) for row in rows)
        return found

    def _go(
        self,
        tx: Transaction,
        asked: Admission,
        before: Registration | None,
        patch: PartyPatch,
        caller: Caller,
        actor: OwnActor,
    ) -> None:
        if before is not None:
            self._places.change_party(tx, asked, before, patch, caller, actor)
            return
        party: Party = ALONE.changed(patch)
        self._places.enter(tx, asked, party, caller, actor)
        if asked.answer is None:  # otherwise, the end of the stored answer is recorded
            self._answers.record(tx, asked.event_id, asked.user_id, "going", None, caller)

    def stay_away(
        self,
        tx: Transaction,
        asked: Admission,
        before: Registration | None,
        answer: StoredAnswer,
        caller: Caller,
        actor: OwnActor = "self",
    ) -> None:
        """Stores an answer, and gives up the seat. Raises the errors of `check_answer`, but not for the system."""
        if actor == "self":
            check_answer(asked, answer, tx.now)
        if asked.answer == answer:
            return
        if before is not None:
            self._places.end(tx, before, caller, actor, actor)
        previous = asked.answer if before is None else "going"
        self._answers.store(tx, asked.event_id, asked.user_id, answer, previous, caller)

    def load(self, tx: Transaction, asked: Admission) -> Rsvp:
        """Returns the answer of a user, with the counters of the event."""
        event_id, user_id = asked.event_id, asked.user_id
        row = tx.row(self._sql.get_rsvp, event_id=event_id, user_id=user_id)
        registration = self._participants.load(tx, event_id, user_id) if asked.is_registered else None
        return Rsvp(
            event_id=event_id,
            user_id=user_id,
            answer="going" if registration else asked.answer,
            answered_at=registration.registration_date if registration else row["answered_at"],
            registration=registration,
            counts=AnswerCounts(
                registered=row["registered_count"],
                waitlisted=row["waitlisted_count"],
                maybe=row["maybe_count"],
                declined=row["declined_count"],
                capacity=row["capacity"],
            ),
            card_etag=card_etag(event_id, row["card_version"]),
        )

    def _ask(self, tx: Transaction, event_id: str, user_id: str, actor: OwnActor = "self") -> Admission:
        asked = self._places.ask(tx, event_id, user_id)
        if actor == "self":
            asked.check_visible()
        return asked
