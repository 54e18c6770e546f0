"""The only wiring: settings in, application out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from anyio import to_thread
from litestar import Litestar
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.plugins.structlog import StructlogPlugin

from eventorg import repositories
from eventorg.api.access_log import log_requests
from eventorg.api.authentication import Authentication
from eventorg.api.bodies import LARGEST_BODY, StrictRequest
from eventorg.api.changes import list_changes
from eventorg.api.description import docs_assets, finish_description, get_openapi, openapi_config
from eventorg.api.events import EventController
from eventorg.api.health import get_health
from eventorg.api.hosts import HostController
from eventorg.api.idempotency import Idempotency
from eventorg.api.identities import IdentityController, create_link_code
from eventorg.api.login import login, login_telegram
from eventorg.api.problems import EXCEPTION_HANDLERS
from eventorg.api.registrations import RegistrationController
from eventorg.api.users import UserController
from eventorg.database import Database
from eventorg.domain.values import Clock
from eventorg.feed import Feed
from eventorg.housekeeping import housekeeping
from eventorg.logs import structlog_config
from eventorg.preparation import check_statements, core, prepare, sole_owner
from eventorg.repositories.bots import BotRepository
from eventorg.repositories.changes import ChangeRepository
from eventorg.repositories.events import EventRepository
from eventorg.repositories.health import HealthRepository
from eventorg.repositories.hosts import HostRepository
from eventorg.repositories.identities import IdentityRepository
from eventorg.repositories.merging import Merging
from eventorg.repositories.outcomes import OutcomeRepository
from eventorg.repositories.registrations import RegistrationRepository
from eventorg.repositories.seats import Seats
from eventorg.repositories.users import UserRepository
from eventorg.resources import resource
from eventorg.security.passwords import Passwords
from eventorg.security.secret import load_secret
from eventorg.security.telegram import MiniAppLogin
from eventorg.security.throttle import Throttle
from eventorg.security.tokens import Tokens
from eventorg.settings import Settings
from eventorg.statements import Statements


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


def create_app(settings: Settings, clock: Clock = utc_now, passwords: Passwords | None = None) -> Litestar:
    """The application. The file is prepared and opened when it starts, and closed when it stops.

    Raises `StartError` (now, or at start) in one sentence that a person can act upon.
    """
    sql = Statements(resource("sql"))
    sql.check_used(repositories)
    database = Database(settings.database_path, settings.synchronous, clock)
    kept = timedelta(days=settings.changes_days)
    tokens = Tokens(clock, timedelta(hours=settings.token_hours))

    feed = Feed()
    database.listeners.append(feed.tell)
    changes = ChangeRepository(database, sql)
    outcomes = OutcomeRepository(database, sql, clock)
    seats = Seats(sql, changes)
    events = EventRepository(database, sql, changes, seats, outcomes)
    hosts = HostRepository(database, sql, changes, events, outcomes)
    registrations = RegistrationRepository(database, sql, changes, seats, events, outcomes)
    users = UserRepository(database, sql, changes, events, registrations, outcomes, passwords or Passwords())
    merging = Merging(sql, changes, seats)
    identities = IdentityRepository(database, sql, clock, changes, users, merging, outcomes)
    bots = BotRepository(database, sql, clock)

    @asynccontextmanager
    async def serving(_: Litestar) -> AsyncIterator[None]:
        path = settings.database_path
        with sole_owner(path):
            await to_thread.run_sync(prepare, path, [core()], clock)
            await to_thread.run_sync(check_statements, path, sql)
            tokens.use(settings.secrets or (load_secret(path),))
            async with database.opened(), housekeeping(changes, outcomes, kept, clock):
                yield

    app = Litestar(
        [
            EventController,
            HostController,
            RegistrationController,
            UserController,
            IdentityController,
            create_link_code,
            list_changes,
            login,
            login_telegram,
            get_health,
            get_openapi,
            docs_assets(),
        ],
        dependencies=_constants(
            changes=changes,
            feed=feed,
            events=events,
            hosts=hosts,
            registrations=registrations,
            users=users,
            identities=identities,
            mini_app=MiniAppLogin(settings, clock),
            tokens=tokens,
            settings=settings,
            throttle=Throttle(settings.login_attempts, clock),
            health=HealthRepository(database, sql),
        ),
        middleware=[DefineMiddleware(Authentication, tokens=tokens, users=users, bots=bots), Idempotency(outcomes)],
        exception_handlers=EXCEPTION_HANDLERS,
        request_class=StrictRequest,
        request_max_body_size=LARGEST_BODY,
        openapi_config=openapi_config(),
        plugins=[StructlogPlugin(structlog_config(settings))],
        lifespan=[serving],
    )
    app.state.feed = feed
    app.asgi_handler = log_requests(app.asgi_handler)
    finish_description(app)
    return app


def _constants(**values: Any) -> dict[str, Provide]:
    """Dependencies that are the same for every request."""

    def constant(value: Any) -> Provide:
        def provide() -> Any:
            return value

        return Provide(provide, sync_to_thread=False, use_cache=True)

    return {name: constant(value) for name, value in values.items()}
