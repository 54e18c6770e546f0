"""Builds the application from the settings. This is the only place that connects the parts."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from anyio import to_thread
from litestar import Litestar, Router
from litestar.exceptions import ImproperlyConfiguredException
from litestar.plugins.structlog import StructlogPlugin

from eventorg.api.blocks import BlockController
from eventorg.api.cards import CardController
from eventorg.api.changes import list_changes
from eventorg.api.claims import claim_place, create_participant_code
from eventorg.api.deliveries import DeliveryController
from eventorg.api.email_verification import EmailVerificationController
from eventorg.api.events import EventController
from eventorg.api.health import get_health
from eventorg.api.hosts import HostController
from eventorg.api.identities import IdentityController, create_link_code
from eventorg.api.invitations import InvitationCodeController, InvitationController
from eventorg.api.login import login, login_telegram, logout
from eventorg.api.participants import ParticipantController
from eventorg.api.password_resets import PasswordResetController
from eventorg.api.registrations import RegistrationController
from eventorg.api.rsvps import RsvpController
from eventorg.api.users import UserController
from eventorg.background.external_commits import ExternalCommits
from eventorg.background.feed import Feed
from eventorg.background.open_tasks import carrying_out_tasks
from eventorg.background.retention import cleaning_up
from eventorg.background.shrinking import shrinking
from eventorg.backups.schedule import BackupSchedule
from eventorg.core import Core, utc_now
from eventorg.domain.values import Clock
from eventorg.errors import PluginError
from eventorg.extensions.context import PluginContext
from eventorg.extensions.loader import LoadedPlugin
from eventorg.extensions.worker import PluginWorker
from eventorg.logs import structlog_config
from eventorg.security.login_throttle import LoginThrottle
from eventorg.security.passwords import Passwords
from eventorg.security.rate_limiter import RateLimiter
from eventorg.security.secret import load_secret
from eventorg.security.sign_up_limit import SignUpLimit
from eventorg.security.telegram import MiniAppLogin
from eventorg.settings import Settings, split_secrets
from eventorg.storage.ownership import owner_lock
from eventorg.web.access_log import line_writers
from eventorg.web.authentication import Authentication
from eventorg.web.bodies import MAX_BODY_BYTES
from eventorg.web.constants import constants
from eventorg.web.cors import allow_origins
from eventorg.web.idempotency import Idempotency
from eventorg.web.litestar_plugins import checked_litestar_plugins
from eventorg.web.observers import Observer, observe_requests
from eventorg.web.openapi import ApiDescription, docs_assets, get_openapi
from eventorg.web.problem_pages import PluginProblem, problem_pages
from eventorg.web.rate_limits import RateLimitMiddleware, RefusalLimitMiddleware
from eventorg.web.strict import StrictRoutes


def create_app(settings: Settings, clock: Clock = utc_now, passwords: Passwords | None = None) -> Litestar:
    """Returns the application. It prepares and opens the database file when it starts, and closes it when it stops.

    Raises `OperatorError`, now or at start.
    """
    core = Core(settings, clock, passwords)
    rates = RateLimiter(settings.requests_per_minute, clock) if settings.requests_per_minute else None
    feed = Feed(core.changes, core.stopping)
    core.database.listeners.append(feed.on_commit)
    external_commits = ExternalCommits(core.database, core.changes)
    contexts = [core.context(loaded) for loaded in core.loaded]
    workers = [
        PluginWorker(loaded, context, core.plugins, core.database)
        for loaded, context in zip(core.loaded, contexts, strict=True)
    ]

    @asynccontextmanager
    async def serving(_: Litestar) -> AsyncIterator[None]:
        path = settings.database_path
        schedule = BackupSchedule(settings, clock) if settings.backups else None
        if schedule:
            await to_thread.run_sync(schedule.check_folder)
        with owner_lock(path) as owned:
            await to_thread.run_sync(partial(core.prepare, owned=owned))
            await to_thread.run_sync(core.check_statements)
            owned.announce()
            core.use_secrets(settings.secrets or split_secrets(load_secret(path)))
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(core.database.opened())
                await stack.enter_async_context(external_commits.running())
                kept = timedelta(days=settings.changes_days)
                deliveries_kept = timedelta(days=settings.deliveries_days)
                await stack.enter_async_context(
                    cleaning_up(
                        core.changes,
                        core.idempotency,
                        core.deliveries,
                        core.account_mails,
                        core.logins,
                        kept,
                        deliveries_kept,
                        clock,
                    )
                )
                await stack.enter_async_context(shrinking(core.database))
                await core.reachability.load()
                core.connect_plugins()
                await stack.enter_async_context(carrying_out_tasks(core.open_tasks))
                if settings.smtp_url:
                    await stack.enter_async_context(_sending_mail(settings, core))
                if schedule:
                    await stack.enter_async_context(schedule.running())
                for worker in workers:
                    await stack.enter_async_context(worker.running())
                yield
            if not core.database.is_suspect:
                await to_thread.run_sync(owned.put_mark)

    app = Litestar(
        [
            EventController,
            HostController,
            RegistrationController,
            RsvpController,
            ParticipantController,
            CardController,
            InvitationController,
            InvitationCodeController,
            UserController,
            EmailVerificationController,
            BlockController,
            IdentityController,
            create_link_code,
            create_participant_code,
            claim_place,
            DeliveryController,
            list_changes,
            login,
            login_telegram,
            logout,
            PasswordResetController,
            get_health,
            get_openapi,
            docs_assets(),
            problem_pages(dict(_problems(core.loaded))),
        ],
        dependencies=constants(
            settings=settings,
            tokens=core.tokens,
            signups=SignUpLimit(settings.signups_per_minute, clock),
            throttle=LoginThrottle(settings.login_attempts, clock),
            mail_limit=SignUpLimit(settings.signups_per_minute, clock),
            mini_app=MiniAppLogin(settings, clock),
            feed=feed,
            health=core.health,
            events=core.events,
            event_pages=core.event_pages,
            event_copies=core.event_copies,
            hosts=core.hosts,
            registrations=core.registrations,
            rsvps=core.rsvps,
            guest_lists=core.guest_lists,
            invitations=core.invitations,
            participants=core.participants,
            users=core.users,
            user_events=core.user_events,
            blocks=core.blocks,
            user_export=core.user_export,
            identities=core.identities,
            claims=core.claims,
            deliveries=core.deliveries,
            account_mails=core.account_mails,
            logins=core.logins,
            plugins=core.plugins,
            workers=workers,
            plugin_gates=core.plugin_gates,
            card_lines=core.card_lines,
        ),
        middleware=[
            *([RefusalLimitMiddleware(rates)] if rates else []),
            Authentication(core.callers),
            *([RateLimitMiddleware(rates)] if rates else []),
            Idempotency(core.idempotency, core.fingerprints),
        ],
        request_max_body_size=MAX_BODY_BYTES,  # here, because Litestar ignores what a plugin sets
        plugins=[
            StrictRoutes(),
            ApiDescription([code for code, problem in _problems(core.loaded) if problem.status == 409]),
            StructlogPlugin(structlog_config(settings)),
            *checked_litestar_plugins((each.plugin.name, each.plugin.litestar_plugins) for each in core.loaded),
        ],
        lifespan=[serving],
    )
    observers = line_writers(settings)
    if settings.metrics == "on":
        observers.append(_add_metrics(app, core, feed))
    for loaded, context in zip(core.loaded, contexts, strict=True):
        _add_routes(app, loaded, context)
        context.serve(app)
    app.state.core = core
    app.state.feed = feed
    # Outside of Litestar: its middleware sees no request before routing, so no 404 and no HEAD.
    app.asgi_handler = observe_requests(allow_origins(app.asgi_handler, settings.allowed_origins), observers)
    return app


def _problems(loaded: Iterable[LoadedPlugin]) -> Iterator[tuple[str, PluginProblem]]:
    """Yields the codes of the plugins, those of their refusals included."""
    for each in loaded:
        for code, words in each.plugin.problems.items():
            yield code, PluginProblem(words)
        for refusal in each.plugin.refusals:
            yield f"{each.plugin.name}_{refusal.code}", PluginProblem(refusal.words, refusal.next_step, 409)


def _sending_mail(settings: Settings, core: Core) -> AbstractAsyncContextManager[None]:
    """Returns the context in which mail is sent."""
    from eventorg.background.mail import MailSender  # here, because it needs the extra `mail`

    return MailSender(core.account_mails, core.deliveries, settings.smtp_url, settings.smtp_from).running()


def _add_metrics(app: Litestar, core: Core, feed: Feed) -> Observer:
    """Adds `GET /metrics` and returns the function that observes each request."""
    from eventorg.api.metrics import get_metrics  # here, because the imports cost time and memory
    from eventorg.metrics import Metrics

    names = (loaded.plugin.name for loaded in core.loaded)
    metrics = Metrics(core.database, core.settings.database_path, feed, core.plugins, names)
    core.plugin_gates.observers.append(metrics.observe_gate)
    app.register(Router(path="/", route_handlers=[get_metrics], dependencies=constants(metrics=metrics)))
    return metrics.observe_request


def _add_routes(app: Litestar, loaded: LoadedPlugin, context: PluginContext) -> None:
    """Adds the routes of a plugin. Raises `PluginError` if a path exists already, or matches the pattern of another."""
    name = loaded.plugin.name
    taken = {route.path: _pattern(route.path) for route in app.routes}
    try:
        app.register(
            Router(path="/", route_handlers=loaded.routes, dependencies=constants(plugin=context), tags=[name])
        )
    except ImproperlyConfiguredException as error:
        raise PluginError(f"Cannot add the routes of plugin {name}: {error.detail}.") from None
    for path in {route.path for route in app.routes} - taken.keys():
        for other, pattern in taken.items():
            if pattern.fullmatch(path):
                raise PluginError(f"Cannot add the routes of plugin {name}: {path} matches the existing route {other}.")


def _pattern(path: str) -> re.Pattern[str]:
    """Returns a pattern of the paths that a route answers. `user_id` is `me` or a UUID, so a plugin can have another
    word in its place."""
    values = {"user_id": r"(?:me|[0-9a-f-]{36}|\{[^/]+\})"}
    return re.compile(re.sub(r"{(\w+).*?}", lambda found: values.get(found[1], "[^/]+"), path))
