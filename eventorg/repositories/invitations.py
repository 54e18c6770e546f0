"""Invitations to events: hosts create and revoke them, and everybody who has a code can use it."""

from uuid import uuid4

from eventorg.domain.admission import Admission, admit, check_answer
from eventorg.domain.callers import Caller
from eventorg.domain.errors import NotFound
from eventorg.domain.events import Event
from eventorg.domain.idempotency import Once
from eventorg.domain.invitations import Acceptance, Invitation, InvitationPage, NewInvitation, new_code
from eventorg.domain.parties import ALONE
from eventorg.domain.registrations import Registration
from eventorg.domain.rsvps import Rsvp, StoredAnswer
from eventorg.domain.values import Clock, Instant, check_version, rfc3339
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.repositories.rsvps import RsvpRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class InvitationRepository:
    """Creates, lists, revokes, shows and accepts invitations."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        clock: Clock,
        changes: ChangeRepository,
        events: EventRepository,
        places: Places,
        rsvps: RsvpRepository,
        participants: ParticipantRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._clock = clock
        self._changes = changes
        self._events = events
        self._places = places
        self._rsvps = rsvps
        self._participants = participants
        self._idempotency = idempotency

    async def create(self, event_id: str, new: NewInvitation, caller: Caller, once: Once | None = None) -> Invitation:
        """Creates an invitation to an event. Raises `NotFound`, and `Forbidden` (not a host)."""

        def work(tx: Transaction) -> Invitation:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            row = tx.row(
                self._sql.create_invitation,
                id=str(uuid4()),
                code=new_code(),
                event_id=event.id,
                expires_at=new.expires_at,
                max_uses=new.max_uses,
                now=tx.now,
            )
            return Invitation(**row)

        def may_see(tx: Transaction, _: Invitation) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, Invitation, work, once, may_see)

    async def find(self, event_id: str, after: int, limit: int, caller: Caller) -> tuple[InvitationPage, int | None]:
        """Returns the invitations of an event that were created after position `after`, and the position of the last
        one if there are more. Raises `NotFound`, and `Forbidden` (not a host)."""

        def work(tx: Transaction) -> tuple[InvitationPage, int | None]:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            rows = [
                dict(row) for row in tx.all(self._sql.list_invitations, event_id=event.id, after=after, limit=limit + 1)
            ]
            places = [row.pop("seq") for row in rows]
            page = InvitationPage(
                event_id=event.id,
                invitations=[Invitation(**row) for row in rows[:limit]],
                next=None,
                as_of=self._changes.load_last(tx),
            )
            return page, places[limit - 1] if len(rows) > limit else None

        return await self._database.read(work)

    async def revoke(self, event_id: str, invitation_id: str, expected: frozenset[str] | None, caller: Caller) -> None:
        """Deletes an invitation. Raises `NotFound`, `Forbidden` (not a host) and `VersionMismatch`."""

        def work(tx: Transaction) -> None:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            row = tx.one(self._sql.get_invitation, event_id=event.id, id=invitation_id)
            if row is None:
                raise NotFound("invitation_not_found")
            check_version(Invitation(**row).version, expected)
            tx.run(self._sql.delete_invitation, id=invitation_id)

        await self._database.write(work)

    async def get_event(self, code: str, viewer_id: str | None) -> Event:
        """Returns the event that a code invites to, whatever its visibility, with the viewer's role.

        Raises `NotFound` if the code is unknown, has expired, or is used up by others.
        """
        invitation = await self._database.look_up(self._load, code)
        event, is_known = await self._events.get_invited(invitation.event_id, viewer_id)
        _check_usable(invitation, rfc3339(self._clock()), is_known=is_known)
        return event

    def load_event(self, tx: Transaction, code: str, viewer_id: str | None) -> Event:
        """Returns what `get_event` returns. Raises `NotFound`."""
        invitation = self._load(tx, code)
        event, is_known = self._events.load_invited(tx, invitation.event_id, viewer_id)
        _check_usable(invitation, tx.now, is_known=is_known)
        return event

    async def accept(
        self, code: str, reply: Acceptance, caller: Caller, once: Once | None = None
    ) -> tuple[Registration, bool]:
        """Registers the caller without a host's approval. Returns the registration, and true if it is new.

        Somebody who is registered already gets that registration, and no use is counted. Somebody who is pending is
        approved. A refusal uses nothing up. Raises `NotFound` as `get_event` does, `Forbidden` (`blocked`), `Invalid`
        (too many guests) and `Conflict` (`event_full`, `event_over`, …).
        """

        def work(tx: Transaction) -> tuple[Registration, bool]:
            asked = self._ask(tx, code, caller)
            if not asked.is_registered:
                needs_code = asked.approval_required or not asked.is_known
                self._use(tx, code, is_needed=needs_code and not asked.is_host)
                return self._places.enter(tx, asked, reply.party, caller, "self", invited=True), True
            before = self._participants.load(tx, asked.event_id, caller.user_id)
            if before.approved:
                return before, False
            self._use(tx, code, is_needed=True)
            admit(asked, ALONE, tx.now, "self", invited=True)
            return self._places.approve(tx, asked, before, caller, "self"), False

        def may_see(tx: Transaction, result: tuple[Registration, bool]) -> None:
            self._events.load(tx, result[0].event_id, caller.user_id)

        return await self._idempotency.write(caller, tuple[Registration, bool], work, once, may_see)

    async def answer(self, code: str, answer: StoredAnswer, caller: Caller, once: Once | None = None) -> Rsvp:
        """Stores an answer of the caller instead of a registration, and returns it.

        The same answer again changes nothing, and no use is counted. Raises `NotFound` as `get_event` does, `Forbidden`
        (`blocked`) and `Conflict` (`event_over`, `already_attended`, …).
        """

        def work(tx: Transaction) -> Rsvp:
            asked = self._ask(tx, code, caller)
            check_answer(asked, answer, tx.now)
            if asked.answer != answer:
                self._use(tx, code, is_needed=not asked.is_known)
                before = self._participants.load(tx, asked.event_id, caller.user_id) if asked.is_registered else None
                self._rsvps.stay_away(tx, asked, before, answer, caller)
            return self._rsvps.load(tx, self._places.ask(tx, asked.event_id, caller.user_id))

        def may_see(tx: Transaction, result: Rsvp) -> None:
            self._events.load(tx, result.event_id, caller.user_id)

        return await self._idempotency.write(caller, Rsvp, work, once, may_see)

    def _ask(self, tx: Transaction, code: str, caller: Caller) -> Admission:
        invitation = self._load(tx, code)
        if invitation.has_expired(tx.now):
            raise NotFound("invitation_not_found")
        return self._places.ask(tx, invitation.event_id, caller.user_id)

    def _use(self, tx: Transaction, code: str, *, is_needed: bool) -> None:
        """Counts a use. Raises `NotFound` if the code is used up, unless the caller needs no invitation."""
        if not tx.run(self._sql.use_invitation, code=code, now=tx.now) and is_needed:
            raise NotFound("invitation_not_found")

    def _load(self, tx: Transaction, code: str) -> Invitation:
        row = tx.one(self._sql.get_invitation_by_code, code=code)
        if row is None:
            raise NotFound("invitation_not_found")
        return Invitation(**row)


def _check_usable(invitation: Invitation, now: Instant, *, is_known: bool) -> None:
    """Raises `NotFound` if an invitation has expired, or is used up by others."""
    if invitation.has_expired(now) or (invitation.is_used_up and not is_known):
        raise NotFound("invitation_not_found")
