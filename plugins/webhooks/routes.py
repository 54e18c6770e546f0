"""What hosts do with the webhooks of their events."""

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    Authenticated,
    Context,
    Cursor,
    FieldError,
    Invalid,
    Limit,
    Refused,
    answer_unless_current,
    expected_tags,
    problems,
)

from .destinations import check_destination
from .repository import HostsWebhooks
from .webhooks import CreatedWebhook, NewWebhook, Webhook, WebhookDeliveries, WebhookDelivery, Webhooks, tag_of

Door = NamedDependency[Context]


class WebhookController(Controller):
    """The webhooks of one event. They are its hosts' alone."""

    path = "/events/{event_id:str}/webhooks"

    @post(
        operation_id="create_webhook",
        summary="Have a URL told of an event's changes",
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
    )
    async def create_webhook(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewWebhook], plugin: Door
    ) -> CreatedWebhook:
        """By a host; at most ten an event (409). Each change becomes a POST of
        `{"type", "timestamp", "data": {"seq", "event_id", "user_id", "event"}}`, signed by the rules of Standard
        Webhooks with the `secret`, which is shown this once.

        `types` are those of `GET /changes`, `event.*`, `registration.*`, or `*` for all. A URL that leads into the
        server's own networks, or nowhere, is 422. The webhook goes with its event, and with its maker's role.
        """
        webhooks = HostsWebhooks(plugin, event_id, request.user)
        await webhooks.check()
        if not plugin.is_replay(request.user):
            try:
                await check_destination(data.url, allow_private=plugin.settings.allow_private)
            except Refused as refused:
                raise Invalid(FieldError("url", refused.code)) from None
        return await webhooks.create(data)

    @get(operation_id="list_webhooks", summary="List an event's webhooks", responses=problems(401, 403, 404))
    async def list_webhooks(self, request: Authenticated, event_id: FromPath[str], plugin: Door) -> Webhooks:
        """By a host: how each fares, in the order they were made. Secrets are not shown again."""
        return await HostsWebhooks(plugin, event_id, request.user).find()

    @get(
        "/{webhook_id:str}",
        operation_id="get_webhook",
        summary="Read how a webhook fares",
        response_headers=ETAG,
        responses=problems(401, 403, 404),
    )
    async def get_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: FromPath[str], plugin: Door
    ) -> Response[Webhook]:
        """By a host. The secret is not shown again."""
        webhook = await HostsWebhooks(plugin, event_id, request.user).get(webhook_id)
        return answer_unless_current(webhook, tag_of(webhook), request)

    @delete(
        "/{webhook_id:str}",
        operation_id="delete_webhook",
        summary="End a webhook",
        responses=problems(401, 403, 404, 412, 507),
    )
    async def delete_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: FromPath[str], plugin: Door
    ) -> None:
        """By a host. Its log goes with it, and what was not delivered yet is not delivered."""
        await HostsWebhooks(plugin, event_id, request.user).delete(webhook_id, expected_tags(request))

    @post(
        "/{webhook_id:str}/enable",
        operation_id="enable_webhook",
        summary="Turn a webhook on again",
        status_code=200,
        response_headers=ETAG,
        responses=problems(401, 403, 404, 507),
    )
    async def enable_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: FromPath[str], plugin: Door
    ) -> Response[Webhook]:
        """By a host, after it was turned off by a 410 or a week of failures. What waited is sent; what happened in the
        meantime is in `GET /changes`."""
        webhook = await HostsWebhooks(plugin, event_id, request.user).enable(webhook_id)
        return Response(webhook, headers={"ETag": tag_of(webhook)})

    @get(
        "/{webhook_id:str}/deliveries",
        operation_id="list_webhook_deliveries",
        summary="Read a webhook's log",
        responses=problems(401, 403, 404, 422),
    )
    async def list_webhook_deliveries(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        webhook_id: FromPath[str],
        plugin: Door,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> WebhookDeliveries:
        """By a host: a message each, the newest first, with how its last attempt went. Kept for 30 days unless the
        operator says otherwise."""
        return await HostsWebhooks(plugin, event_id, request.user).find_deliveries(webhook_id, limit, cursor)

    @post(
        "/{webhook_id:str}/deliveries/{delivery_id:str}/replay",
        operation_id="replay_webhook_delivery",
        summary="Send a message again",
        status_code=202,
        responses=problems(401, 403, 404, 409, 507),
    )
    async def replay_webhook_delivery(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        webhook_id: FromPath[str],
        delivery_id: FromPath[str],
        plugin: Door,
    ) -> WebhookDelivery:
        """By a host: the same bytes under the same `webhook-id`, signed anew, and retried as a new one would be. 409
        `webhook_off` while the webhook is off."""
        return await HostsWebhooks(plugin, event_id, request.user).replay(webhook_id, delivery_id)
