"""The export of all data about a user that the core stores."""

from eventorg.domain.exports import Export
from eventorg.domain.identities import TelegramIdentity
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.repositories.answers import Answers
from eventorg.repositories.blocks import Blocks
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.logins import LoginRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.repositories.users import UserRepository
from eventorg.storage.database import Database
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


class ExportRepository:
    """Reads what the other repositories store about a user, in one transaction."""

    def __init__(
        self,
        database: Database,
        sql: Statements,
        changes: ChangeRepository,
        events: EventRepository,
        registrations: RegistrationRepository,
        answers: Answers,
        blocks: Blocks,
        users: UserRepository,
        account_mails: AccountMailRepository,
        deliveries: DeliveryRepository,
        logins: LoginRepository,
        idempotency: IdempotencyRepository,
    ) -> None:
        self._database = database
        self._sql = sql
        self._changes = changes
        self._events = events
        self._registrations = registrations
        self._answers = answers
        self._blocks = blocks
        self._users = users
        self._account_mails = account_mails
        self._deliveries = deliveries
        self._logins = logins
        self._idempotency = idempotency

    async def get(self, user_id: str) -> Export:
        """Returns everything that the core stores about the user. Raises `NotFound`."""

        def work(tx: Transaction) -> Export:
            user = self._users.load(tx, user_id)
            linked = tx.one(self._sql.get_identity_of, user_id=user_id)
            return Export(
                exported_at=tx.now,
                user=user,
                telegram=TelegramIdentity(**linked) if linked else None,
                events=self._events.find_all_for_user(tx, user_id),
                registrations=self._registrations.find_all_for_user(tx, user_id),
                blocks=self._blocks.list(tx, user_id),
                rsvps=self._answers.find_all_for_user(tx, user_id),
                changes=self._changes.find_all_for_user(tx, user_id),
                requests=self._idempotency.find_all_for_user(tx, user_id),
                deliveries=self._deliveries.find_all_for_user(tx, user_id),
                account_mails=self._account_mails.find_mails_of(tx, user_id),
                account_codes=self._account_mails.find_codes_of(tx, user_id),
                ended_logins=self._logins.find_all_for_user(tx, user_id),
            )

        return await self._database.read(work)
