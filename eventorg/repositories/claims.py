"""People whom a host added by name take their place over with an account of their own."""

from eventorg.domain.callers import Caller
from eventorg.domain.errors import Conflict
from eventorg.domain.idempotency import Once
from eventorg.domain.identities import LinkCode
from eventorg.domain.registrations import Registration
from eventorg.repositories.account_merge import AccountMerge
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.link_codes import LinkCodes
from eventorg.repositories.participants import ParticipantRepository
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class ClaimRepository:
    """Creates the codes of people who were added by name, and accepts them."""

    def __init__(
        self,
        sql: Statements,
        events: EventRepository,
        participants: ParticipantRepository,
        codes: LinkCodes,
        merging: AccountMerge,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._sql = sql
        self._events = events
        self._participants = participants
        self._codes = codes
        self._merging = merging
        self._idempotency = idempotency

    async def create_code(self, event_id: str, user_id: str, caller: Caller, once: Once | None = None) -> LinkCode:
        """Returns a new code for a participant without an account. An older one ends.

        Raises `NotFound`, `Forbidden` (not a host) and `Conflict` (`has_account`).
        """

        def work(tx: Transaction) -> LinkCode:
            event = self._events.load_as_host(tx, event_id, caller.user_id)
            participant = self._participants.load(tx, event.id, user_id)
            if tx.one(self._sql.is_name_only, user_id=participant.user_id) is None:
                raise Conflict("has_account")
            return self._codes.create(tx, participant.user_id)

        def may_see(tx: Transaction, _: LinkCode) -> None:
            self._events.load_as_host(tx, event_id, caller.user_id)

        return await self._idempotency.write(caller, LinkCode, work, once, may_see)

    async def claim(self, code: str, caller: Caller, once: Once | None = None) -> Registration:
        """Gives the place of a person who was added by name to the caller, and returns it. That person is gone.

        If the caller is registered too, the better status stays, with its party. Raises `NotFound` if the code is
        unknown, used or expired, or if the event is being deleted.
        """

        def work(tx: Transaction) -> Registration:
            user_id = self._codes.use(tx, code, of_name_only=True)
            event_id = tx.row(self._sql.get_event_of_name, user_id=user_id)["event_id"]
            self._merging.merge(tx, user_id, caller.user_id, caller)
            self._events.load(tx, event_id, caller.user_id)
            return self._participants.load(tx, event_id, caller.user_id)

        def may_see(tx: Transaction, claimed: Registration) -> None:
            self._events.load(tx, claimed.event_id, caller.user_id)

        return await self._idempotency.write(caller, Registration, work, once, may_see)
