"""/deliveries: messages that bots send to users."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.domain.deliveries import (
    Acknowledged,
    AcknowledgedResults,
    Acknowledgement,
    Deliveries,
    DeliveryResults,
    Lease,
    check_number_of_results,
)
from eventorg.repositories.deliveries import DeliveryRepository
from eventorg.web.authentication import Authenticated, by_bot
from eventorg.web.bodies import MAX_BATCH_BYTES
from eventorg.web.idempotency import once_of
from eventorg.web.problems import BODY_PROBLEMS, problems

Outbox = NamedDependency[DeliveryRepository]

BY_BOT: list[dict[str, list[str]]] = [{"bot": ["deliver"]}]


class DeliveryController(Controller):
    """Deliveries. A bot with the scope `deliver` calls these routes without `X-Act-As`."""

    path = "/deliveries"
    tags = ("bots",)
    opt = by_bot("deliver", only=True)
    security = BY_BOT

    @post(
        "/lease",
        operation_id="lease_deliveries",
        summary="Lease deliveries",
        status_code=200,
        responses=problems(*BODY_PROBLEMS, 401, 403, 409),
    )
    async def lease_deliveries(
        self, request: Authenticated, deliveries: Outbox, data: JSONBody[Lease | None] = None
    ) -> Deliveries:
        """Leases due messages for users with a Telegram account. Needs a bot token with the scope `deliver`.

        Only this bot has the messages until the lease ends. A message that is not acknowledged by then can be leased
        again, with the same `dedupe_key`: delivery is at least once. With `resume`, the messages that the bot holds
        already come first: use it after a restart. Obsolete messages are left out, for example the reminder of an
        event that was moved.
        """
        return Deliveries(await deliveries.lease_for_bot(data or Lease(), request.user, once_of(request)))

    @post(
        "/{delivery_id:str}/ack",
        operation_id="acknowledge_delivery",
        summary="Acknowledge a delivery",
        status_code=200,
        responses=problems(*BODY_PROBLEMS, 401, 403, 409, codes={404: ["delivery_not_found"]}),
    )
    async def acknowledge_delivery(
        self,
        request: Authenticated,
        delivery_id: FromPath[str],
        data: JSONBody[Acknowledgement],
        deliveries: Outbox,
    ) -> Acknowledged:
        """Reports the result of a message, by the bot that leased it.

        `sent`: done. `retry`: it can be leased again after `retry_after` seconds, or after a growing pause. `blocked`:
        the user gets no more messages until the user's next action. The same result again gets the same response. 404
        `delivery_not_found`: the message is unknown, or its user or event has been deleted. 409: another bot has leased
        the message, or another result was reported before.
        """
        return await deliveries.acknowledge(delivery_id, data, request.user, once_of(request))

    @post(
        "/ack",
        operation_id="acknowledge_deliveries",
        summary="Acknowledge several deliveries",
        status_code=200,
        request_max_body_size=MAX_BATCH_BYTES,
        responses=problems(*BODY_PROBLEMS, 401, 403, 409),
    )
    async def acknowledge_deliveries(
        self, request: Authenticated, data: JSONBody[DeliveryResults], deliveries: Outbox
    ) -> AcknowledgedResults:
        """Reports the results of at most 1,000 messages. The body can have up to 256 KiB.

        The response has one entry for each, in the same order: what the request for one message would return, or the
        code `delivery_not_found` or `conflict`. A malformed entry is refused with 422, and nothing is acknowledged.
        """
        check_number_of_results(data)
        return await deliveries.acknowledge_all(data.results, request.user, once_of(request))
