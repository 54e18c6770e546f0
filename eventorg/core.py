"""The database, its repositories and the plugins, assembled once for every request and command."""

from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Event

from eventorg.domain.values import Clock
from eventorg.extensions.acts import Acts
from eventorg.extensions.card_lines import CardLines
from eventorg.extensions.context import PluginContext
from eventorg.extensions.export import UserExport
from eventorg.extensions.gates import PluginGates
from eventorg.extensions.loader import LoadedPlugin, check_names, load_plugins
from eventorg.package_data import data_folder
from eventorg.repositories.account_closing import AccountClosing
from eventorg.repositories.account_deletion import AccountDeletion
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.repositories.account_merge import AccountMerge
from eventorg.repositories.answers import Answers
from eventorg.repositories.blocks import BlockRepository, Blocks
from eventorg.repositories.bots import BotRepository
from eventorg.repositories.callers import CallerRepository
from eventorg.repositories.cards import CardRepository
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.claims import ClaimRepository
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.repositories.delivery_leases import DeliveryLeases
from eventorg.repositories.event_copies import EventCopyRepository
from eventorg.repositories.event_deletion import EventDeletion
from eventorg.repositories.event_pages import EventPageRepository
from eventorg.repositories.event_search import SearchIndex
from eventorg.repositories.events import EventRepository
from eventorg.repositories.exports import ExportRepository
from eventorg.repositories.gates import Gates
from eventorg.repositories.guest_lists import GuestListRepository
from eventorg.repositories.health import HealthRepository
from eventorg.repositories.host_notices import HostNotices
from eventorg.repositories.hosts import HostRepository
from eventorg.repositories.idempotency import IdempotencyRepository
from eventorg.repositories.identities import IdentityRepository
from eventorg.repositories.invitations import InvitationRepository
from eventorg.repositories.link_codes import LinkCodes
from eventorg.repositories.logins import LoginRepository
from eventorg.repositories.metadata import MetadataRepository
from eventorg.repositories.open_tasks import OpenTaskRepository, OpenTasks
from eventorg.repositories.participants import ParticipantRepository
from eventorg.repositories.places import Places
from eventorg.repositories.plugins import PluginRepository
from eventorg.repositories.reachability import Reachability
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.repositories.rsvps import RsvpRepository
from eventorg.repositories.seats import Seats
from eventorg.repositories.user_events import UserEventRepository
from eventorg.repositories.user_expansion import UserExpansion
from eventorg.repositories.users import UserRepository
from eventorg.security.fingerprints import Fingerprints
from eventorg.security.passwords import Passwords
from eventorg.security.secret import create_secret
from eventorg.security.tokens import Tokens
from eventorg.settings import Settings
from eventorg.storage.copies import Progress, no_progress
from eventorg.storage.database import Database
from eventorg.storage.migrations import Component
from eventorg.storage.ownership import OwnedFile, is_known_to_be_sound
from eventorg.storage.schema import check_statements, core_component, prepare
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction


def utc_now() -> datetime:
    """Returns the current time."""
    return datetime.now(UTC)


class Core:
    """The database of some settings, its repositories and the plugins. Nothing is opened yet.

    Raises `OperatorError` if a statement or a plugin is wrong.
    """

    def __init__(self, settings: Settings, clock: Clock = utc_now, passwords: Passwords | None = None) -> None:
        self.settings = settings
        self.clock = clock
        self.stopping = Event()
        """Set when the server stops: requests that wait end."""
        self.sql = sql = Statements(data_folder("sql"))
        self.tokens = tokens = Tokens(clock, timedelta(hours=settings.token_hours))
        self.fingerprints = Fingerprints()
        self.database = database = Database(settings.database_path, settings.synchronous, clock)
        self.health = HealthRepository(database, sql)
        self.changes = changes = ChangeRepository(database, sql)
        self.idempotency = idempotency = IdempotencyRepository(database, sql, clock)
        open_tasks = OpenTasks(sql)
        metadata = MetadataRepository(sql)
        seats = Seats(sql, changes, open_tasks)
        event_deletion = EventDeletion(sql, changes, open_tasks)
        self.events = events = EventRepository(
            database, sql, changes, seats, event_deletion, metadata, idempotency, settings.events_per_user
        )
        self.event_pages = EventPageRepository(database, sql, changes, metadata)
        expansion = UserExpansion(sql)
        blocks = Blocks(sql)
        self.blocks = BlockRepository(database, sql, changes, blocks)
        self.hosts = HostRepository(database, sql, clock, changes, events, blocks, idempotency, expansion)
        self.event_copies = EventCopyRepository(events, self.hosts, metadata, idempotency)
        self.participants = participants = ParticipantRepository(database, sql, changes, events, expansion)
        answers = Answers(sql, changes)
        self._gates = Gates(events, metadata, lambda tx, user_id: self.users.load(tx, user_id))
        places = Places(sql, changes, seats, answers, participants, self._gates)
        self.registrations = RegistrationRepository(
            database, sql, changes, seats, places, answers, events, participants, idempotency
        )
        self.rsvps = RsvpRepository(
            database, sql, changes, places, answers, events, participants, idempotency, expansion
        )
        self.cards = CardRepository(sql, events)
        self.card_lines = CardLines(database, self.cards)
        self.invitations = InvitationRepository(
            database, sql, clock, changes, events, places, self.rsvps, participants, idempotency
        )
        self.user_events = UserEventRepository(database, sql, changes)
        closing = AccountClosing(sql, changes)
        deletion = AccountDeletion(closing, events, self.registrations, answers, open_tasks)
        search_index = SearchIndex(database, sql)
        passwords = passwords or Passwords()
        self.users = users = UserRepository(database, sql, changes, deletion, search_index, idempotency, passwords)
        self.account_mails = AccountMailRepository(
            database, sql, clock, users, idempotency, passwords, sends_mail=bool(settings.smtp_url)
        )
        self.reachability = reachability = Reachability(database, sql)
        self._leases = leases = DeliveryLeases(sql, reachability)
        self.deliveries = deliveries = DeliveryRepository(
            database, sql, leases, idempotency, sends_mail=bool(settings.smtp_url)
        )
        notices = HostNotices(users, deliveries)
        self.guest_lists = GuestListRepository(
            database, sql, events, users, blocks, participants, places, notices, closing, idempotency
        )
        self.acts = Acts(
            events, self.event_copies, self.registrations, self.guest_lists, self.rsvps, users, seats, changes
        )
        merging = AccountMerge(sql, changes, seats, answers, blocks, closing, open_tasks, self._before_merge)
        self.open_tasks = OpenTaskRepository(
            database,
            sql,
            search_index,
            {
                "delete_user": deletion.advance,
                "delete_event": event_deletion.advance,
                "merge_users": merging.advance,
                "fill_seats": seats.advance,
            },
        )
        codes = LinkCodes(sql, clock)
        self.identities = IdentityRepository(database, sql, changes, users, codes, merging, idempotency, reachability)
        self.claims = ClaimRepository(sql, events, participants, codes, merging, idempotency)
        self.bots = BotRepository(database, sql)
        self.callers = CallerRepository(database, sql, clock, tokens, reachability)
        self.logins = LoginRepository(database, sql, clock, tokens, idempotency, passwords)
        self.exports = ExportRepository(
            database,
            sql,
            changes,
            events,
            self.registrations,
            answers,
            blocks,
            users,
            self.account_mails,
            deliveries,
            self.logins,
            idempotency,
        )
        self.plugins = PluginRepository(database, sql, clock)
        self.plugin_gates = PluginGates()
        self._found = check_names(settings)

    @cached_property
    def loaded(self) -> list[LoadedPlugin]:
        """The wanted plugins, imported when first asked for: they import Litestar, which most commands do without."""
        return load_plugins(self.settings, self._found)

    @cached_property
    def user_export(self) -> UserExport:
        """Exports a user's data from the core and from the plugins."""
        plugins = [(loaded.plugin, self.context(loaded)) for loaded in self.loaded]
        return UserExport(self.exports, plugins)

    def context(self, loaded: LoadedPlugin) -> PluginContext:
        """Returns the context that a plugin works with."""
        return PluginContext(
            loaded,
            self.database,
            self.clock,
            self.changes,
            self.events,
            self.invitations,
            self.users,
            self.idempotency,
            self.deliveries,
            self.acts,
            self.cards,
            self.card_lines,
            self.stopping,
            self.settings.public_url,
            self.bots,
            self.loaded,
        )

    @property
    def components(self) -> list[Component]:
        """The migrations of the core and of the plugins."""
        return [core_component(), *(loaded.component for loaded in self.loaded if loaded.component)]

    def connect_plugins(self) -> None:
        """Lets the plugins refresh notices and add to cards, and asks their gates. Call it before the first request."""
        for loaded in self.loaded:
            context = self.context(loaded)
            if loaded.plugin.refresh is not None:
                self._leases.refreshers[loaded.plugin.name] = context.refresher(loaded.plugin.refresh)
            self.card_lines.add(loaded, context)
            self._gates.add(self.plugin_gates.checks_of(loaded, context))

    def _before_merge(self, gone_id: str, stays_id: str, tx: Transaction) -> None:
        for loaded in self.loaded:
            if loaded.plugin.on_merge is not None:
                loaded.plugin.on_merge(gone_id, stays_id, self.context(loaded), tx)
        self.deliveries.move(tx, gone_id, stays_id)
        self.reachability.begin(tx, stays_id)  # linking an account is an act of its user

    def use_secrets(self, secrets: tuple[str, ...]) -> None:
        """Sets the secrets of tokens and fingerprints, the newest first. Requests need them; commands do not."""
        self.tokens.use(secrets)
        self.fingerprints.use(secrets)

    def prepare(self, progress: Progress = no_progress, owned: OwnedFile | None = None) -> list[str]:
        """Creates or updates the database and returns the migrations applied. Raises `OperatorError`. `owned` is the
        file if this process owns it."""
        path = self.settings.database_path
        is_sound = owned.take_mark() if owned else is_known_to_be_sound(path)
        applied = prepare(path, self.components, self.clock, progress, is_known_to_be_sound=is_sound)
        is_new = f"eventorg/{core_component().files()[0].name}" in applied
        if is_new and not self.settings.secrets:
            create_secret(path)  # with the database, so that a secret that is missing later is noticed
        return applied

    def check_statements(self) -> None:
        """Compiles every statement of the core and of the plugins. Raises `OperatorError`."""
        check_statements(self.settings.database_path, self.sql)
        for loaded in self.loaded:
            check_statements(self.settings.database_path, loaded.sql, f"{loaded.plugin.name}_")
