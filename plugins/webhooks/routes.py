"""The routes for the webhooks of an event."""

from typing import Annotated

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter

from eventorg.plugin import (
    BODY_PROBLEMS,
    ETAG,
    LOCATION,
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
from .webhooks import (
    CreatedWebhook,
    NewWebhook,
    Webhook,
    WebhookDeliveries,
    WebhookDelivery,
    Webhooks,
    check_types,
    tag_of,
)

PluginContext = NamedDependency[Context]
WebhookId = Annotated[str, PathParameter(description="The webhook's ID.")]
DeliveryId = Annotated[str, PathParameter(description="The ID of the message.")]


class WebhookController(Controller):
    """The webhooks of one event. Only hosts can use them."""

    path = "/events/{event_id:str}/webhooks"

    @post(
        operation_id="create_webhook",
        summary="Create a webhook",
        response_headers=[*ETAG, *LOCATION],
        responses=problems(*BODY_PROBLEMS, 401, 403, 404, 409),
    )
    async def create_webhook(
        self, request: Authenticated, event_id: FromPath[str], data: JSONBody[NewWebhook], plugin: PluginContext
    ) -> Response[CreatedWebhook]:
        """Sends the changes of the event to a URL, as a POST of
        `{"type", "timestamp", "data": {"seq", "event_id", "user_id", "event"}}`. The request is signed as Standard
        Webhooks specifies, with the `secret`, which is shown only once.

        Changes of the event's fields that follow each other closely are one message.

        Only hosts can do this. An event has at most ten webhooks (409). `types` are those of `GET /changes`, `event.*`,
        `registration.*`, `<plugin>.*`, or `*` for all. A fact of a plugin that only its user may know is not sent. The
        server rejects a URL whose host has no address or a private one (422). The webhook is deleted with its event,
        with its creator's account, and when its creator is no longer a host.
        """
        webhooks = HostsWebhooks(plugin, event_id, request.user)
        await webhooks.check()
        if not plugin.is_replay(request.user):
            try:
                check_types(data.types, plugin.fact_types, of_event=True)
            except Refused as refused:
                raise Invalid(FieldError("types", refused.code)) from None
            try:
                await check_destination(data.url, allow_private=plugin.settings.allow_private)
            except Refused as refused:
                raise Invalid(FieldError("url", refused.code)) from None
        webhook = await webhooks.create(data)
        place = f"/events/{webhook.event_id}/webhooks/{webhook.id}"
        return Response(webhook, headers={"ETag": tag_of(webhook), "Location": place})

    @get(operation_id="list_webhooks", summary="List webhooks", responses=problems(401, 403, 404, 422))
    async def list_webhooks(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        plugin: PluginContext,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Webhooks:
        """Lists the webhooks of an event with their status, in the order of creation, without their secrets.
        Only hosts can do this."""
        return await HostsWebhooks(plugin, event_id, request.user).find(limit, cursor)

    @get(
        "/{webhook_id:str}",
        operation_id="get_webhook",
        summary="Get a webhook",
        response_headers=ETAG,
        responses=problems(401, 403, codes={404: ["event_not_found", "not_found"]}),
    )
    async def get_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: WebhookId, plugin: PluginContext
    ) -> Response[Webhook]:
        """Returns a webhook with its status, without the secret. Only hosts can do this."""
        webhook = await HostsWebhooks(plugin, event_id, request.user).get(webhook_id)
        return answer_unless_current(webhook, tag_of(webhook), request)

    @delete(
        "/{webhook_id:str}",
        operation_id="delete_webhook",
        summary="Delete a webhook",
        responses=problems(401, 403, 412, 507, codes={404: ["event_not_found", "not_found"]}),
    )
    async def delete_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: WebhookId, plugin: PluginContext
    ) -> None:
        """Deletes a webhook with its log. Pending messages are not sent. Only hosts can do this."""
        await HostsWebhooks(plugin, event_id, request.user).delete(webhook_id, expected_tags(request))

    @post(
        "/{webhook_id:str}/enable",
        operation_id="enable_webhook",
        summary="Enable a webhook",
        status_code=200,
        response_headers=ETAG,
        responses=problems(401, 403, 507, codes={404: ["event_not_found", "not_found"]}),
    )
    async def enable_webhook(
        self, request: Authenticated, event_id: FromPath[str], webhook_id: WebhookId, plugin: PluginContext
    ) -> Response[Webhook]:
        """Enables a webhook again after a 410 or a week of failures. Only hosts can do this. Pending messages are sent.
        Changes made in the meantime are not sent; read them with `GET /changes`."""
        webhook = await HostsWebhooks(plugin, event_id, request.user).enable(webhook_id)
        return Response(webhook, headers={"ETag": tag_of(webhook)})

    @get(
        "/{webhook_id:str}/deliveries",
        operation_id="list_webhook_deliveries",
        summary="List webhook deliveries",
        responses=problems(401, 403, 422, codes={404: ["event_not_found", "not_found"]}),
    )
    async def list_webhook_deliveries(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        webhook_id: WebhookId,
        plugin: PluginContext,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> WebhookDeliveries:
        """Lists the messages to a webhook, newest first, each with the result of its last attempt. Only hosts can do
        this. Messages are kept for 30 days, unless the operator sets another period."""
        return await HostsWebhooks(plugin, event_id, request.user).find_deliveries(webhook_id, limit, cursor)

    @post(
        "/{webhook_id:str}/deliveries/{delivery_id:str}/replay",
        operation_id="replay_webhook_delivery",
        summary="Replay a delivery",
        status_code=202,
        responses=problems(401, 403, 507, codes={404: ["event_not_found", "not_found"], 409: ["webhook_off"]}),
    )
    async def replay_webhook_delivery(
        self,
        request: Authenticated,
        event_id: FromPath[str],
        webhook_id: WebhookId,
        delivery_id: DeliveryId,
        plugin: PluginContext,
    ) -> WebhookDelivery:
        """Sends the same body again with the same `webhook-id` and a new signature, and retries it like a new message.
        Only hosts can do this. Returns 409 `webhook_off` if the webhook is disabled."""
        return await HostsWebhooks(plugin, event_id, request.user).replay(webhook_id, delivery_id)
