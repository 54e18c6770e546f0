"""The commands `eventorg webhooks …`: manage the operator's webhooks, which receive all changes, and list all."""

from datetime import UTC, datetime
from functools import partial

import click

from eventorg.plugin import Context, NotFound, Refused, RunCommand, Transaction, rfc3339

from .destinations import check_destination
from .repository import check_enabled, create, enable, find_all, find_deliveries, load, replay, replay_since
from .webhooks import CreatedWebhook, Webhook, WebhookDelivery, check_types, clean_types, clean_url


@click.command("add")
@click.argument("url")
@click.option("--types", default="*", show_default=True, help="Comma-separated types of changes, such as event.*.")
@click.pass_obj
def add_webhook(run: RunCommand, url: str, types: str) -> None:
    """Send all changes to URL, of every event and user. Print the secret once, on the last line.

    Example: eventorg webhooks add https://example.com/hook --types event.created,registration.*
    """
    try:
        address = clean_url(url)
    except Refused:
        raise click.ClickException(
            f"{url} must begin with http:// or https:// and must not contain a username or password."
        ) from None
    patterns = clean_types([pattern.strip() for pattern in types.split(",")])

    async def act(context: Context) -> CreatedWebhook:
        try:
            check_types(patterns, context.fact_types, of_event=False)
        except Refused:
            raise click.ClickException(f"{types} contains an unknown type of change.") from None
        try:
            await check_destination(address, allow_private=context.settings.allow_private)
        except Refused:
            raise click.ClickException(
                f"The host of {url} has no address, or its address is private. To allow private addresses, set "
                "EVENTORG_WEBHOOKS_ALLOW_PRIVATE=true."
            ) from None
        return await context.write(lambda tx: create(context, tx, address, patterns, None, None))

    made = run(act)
    click.echo(f"Webhook {made.id} created. This is the only time its secret is shown.", err=True)
    click.echo(made.secret)


@click.command("list")
@click.pass_obj
def list_webhooks(run: RunCommand) -> None:
    """List all webhooks, including those of hosts, with their status.

    Example: eventorg webhooks list
    """

    async def act(context: Context) -> list[Webhook]:
        return await context.read(partial(find_all, context))

    for webhook in run(act):
        scope = f"event {webhook.event_id}" if webhook.event_id else "all events"
        click.echo("\t".join((webhook.id, scope, webhook.url, ",".join(webhook.types), _state(webhook))))


@click.command("remove")
@click.argument("id")
@click.pass_obj
def remove_webhook(run: RunCommand, id: str) -> None:  # noqa: A002 (the argument's name)
    """Delete the webhook ID with its log and its pending messages.

    Example: eventorg webhooks remove 0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11
    """

    async def act(context: Context) -> int:
        return await context.write(lambda tx: tx.run(context.sql.delete_endpoint, id=id))

    if not run(act):
        raise click.ClickException(f"There is no webhook {id}.")
    click.echo(f"removed {id}")


@click.command("enable")
@click.argument("id")
@click.pass_obj
def enable_webhook(run: RunCommand, id: str) -> None:  # noqa: A002
    """Enable the webhook ID again after a 410 or a week of failures. Pending messages are sent.

    Example: eventorg webhooks enable 0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11
    """

    async def act(context: Context) -> bool:
        return await context.write(lambda tx: enable(context, tx, id))

    if not run(act):
        raise click.ClickException(f"There is no webhook {id}.")
    click.echo(f"enabled {id}")


@click.command("log")
@click.argument("id")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000), help="Maximum number of results.")
@click.pass_obj
def show_log(run: RunCommand, id: str, limit: int) -> None:  # noqa: A002
    """Show the deliveries to the webhook ID, newest first: ID, time, type, state, attempts, last result.

    Example: eventorg webhooks log 0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11
    """

    def work(context: Context, tx: Transaction) -> list[WebhookDelivery]:
        load(context, tx, id)
        return find_deliveries(context, tx, id, limit).deliveries

    async def act(context: Context) -> list[WebhookDelivery]:
        try:
            return await context.read(partial(work, context))
        except NotFound:
            raise click.ClickException(f"There is no webhook {id}.") from None

    for delivery in run(act):
        outcome = delivery.error or str(delivery.response_status or "-")
        state = f"due {delivery.due_at}" if delivery.due_at else delivery.status
        attempts = f"{delivery.attempts} {'attempt' if delivery.attempts == 1 else 'attempts'}"
        click.echo("\t".join((delivery.id, delivery.created_at, delivery.type, state, attempts, outcome)))


@click.command("replay")
@click.argument("delivery_id", required=False)
@click.option(
    "--since",
    type=click.DateTime(("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d")),
    help="Send all deliveries made since this time (UTC).",
)
@click.option("--webhook", help="With --since: only deliveries to this webhook.")
@click.option("--failed", is_flag=True, help="With --since: only deliveries that failed.")
@click.pass_obj
def replay_deliveries(
    run: RunCommand, delivery_id: str | None, since: datetime | None, webhook: str | None, failed: bool
) -> None:
    """Send a delivery again, or all deliveries since a time. The server does this within seconds.

    Example: eventorg webhooks replay --since 2027-01-31T12:00:00Z --failed
    """
    if (delivery_id is None) == (since is None):
        raise click.UsageError("Specify either DELIVERY_ID or --since.")
    if since is None and (webhook or failed):
        raise click.UsageError("--webhook and --failed need --since.")

    def work(context: Context, tx: Transaction) -> int:
        if since is not None:
            if webhook is not None:
                check_enabled(load(context, tx, webhook))
            return replay_since(context, tx, rfc3339(since.replace(tzinfo=UTC)), webhook, failed_only=failed)
        replay(context, tx, str(delivery_id))
        return 1

    async def act(context: Context) -> int:
        try:
            return await context.write(partial(work, context))
        except NotFound:
            what = f"delivery {delivery_id}" if delivery_id else f"webhook {webhook}"
            raise click.ClickException(f"There is no {what}.") from None

    click.echo(f"{run(act)} queued for sending")


def _state(webhook: Webhook) -> str:
    if webhook.disabled_at:
        return f"disabled since {webhook.disabled_at}: {webhook.disabled_reason}"
    return f"failing since {webhook.failing_since}" if webhook.failing_since else "ok"


COMMANDS = (add_webhook, list_webhooks, remove_webhook, enable_webhook, show_log, replay_deliveries)
