"""Updates on their way to the bot: by getUpdates or by a webhook."""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from eventorg.testing.telegram.errors import ApiError, Json, bad
from eventorg.testing.telegram.parameters import Parameters

UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
"""Updates that a bot gets only if it names them."""
LONGEST_PAUSE = 30


@dataclass(frozen=True)
class Webhook:
    """Where the bot wants its updates."""

    url: str
    secret: str
    most: int


class Updates:
    """The updates that the bot has not confirmed, by number. `pending` may be read by tests."""

    def __init__(self) -> None:
        self.pending: dict[int, Json] = {}
        self.webhook: Webhook | None = None
        self._numbers = itertools.count(700_000_001)
        self._allowed: set[str] | None = None
        self._news = asyncio.Event()
        self._poll = 0
        self._delivery: asyncio.Task[None] | None = None
        self._last_error: tuple[int, str] | None = None

    def tell(self, kind: str, what: object) -> None:
        """Adds an update, unless the bot does not want this kind."""
        if (kind in UNASKED) if self._allowed is None else (kind not in self._allowed):
            return
        number = next(self._numbers)
        self.pending[number] = {"update_id": number, kind: what}
        self._news.set()

    def close(self) -> None:
        """Ends the delivery to a webhook."""
        if self._delivery:
            self._delivery.cancel()
        self._delivery = None

    def _read_allowed(self, given: Parameters) -> None:
        if "allowed_updates" in given:
            names = given.json("allowed_updates")
            if not isinstance(names, list):
                raise bad("can't parse allowed_updates: Expected an Array of String")
            self._allowed = set(names) if names else None

    async def poll(self, given: Parameters) -> list[Json]:
        """Answers getUpdates. An older call that still waits gets the error 409, as the older of two pollers."""
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self._read_allowed(given)
        limit = min(max(given.number("limit", 100), 1), 100)
        until = time.monotonic() + min(max(given.number("timeout"), 0), 50)
        self._poll += 1
        mine = self._poll
        self._news.set()  # the older call finds out that it is no longer its turn
        self._confirm(given.number("offset"))
        await asyncio.sleep(0)
        while not self.pending:
            self._news.clear()
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                return []
            if mine != self._poll:
                raise ApiError(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
        return [self.pending[number] for number in sorted(self.pending)[:limit]]

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            offset = (sorted(self.pending)[offset:] or [0])[0]
        for number in [number for number in self.pending if number < offset]:
            del self.pending[number]

    def set_webhook(self, given: Parameters, answer: Callable[[str, Parameters], Awaitable[object]]) -> None:
        """Begins to deliver to a webhook. `answer` runs a method that the webhook's response names."""
        url, secret = given.text("url"), given.text("secret_token")
        if not url:
            self.delete_webhook(given)
            return
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad("secret token contains unallowed characters")
        self._read_allowed(given)
        self.delete_webhook(given)
        self.webhook = Webhook(url, secret, given.number("max_connections", 40))
        self._delivery = asyncio.create_task(self._deliver(self.webhook, answer))

    def delete_webhook(self, given: Parameters) -> None:
        """Ends the delivery. Updates wait for getUpdates, unless the call drops them."""
        if given.flag("drop_pending_updates"):
            self.pending.clear()
        self.close()
        self.webhook, self._last_error = None, None

    def webhook_info(self) -> Json:
        """Returns the `WebhookInfo`."""
        shown: Json = {
            "url": self.webhook.url if self.webhook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        if self.webhook:
            shown |= {"max_connections": self.webhook.most, "ip_address": "127.0.0.1"}
        if self._last_error:
            shown |= {"last_error_date": self._last_error[0], "last_error_message": self._last_error[1]}
        if self._allowed is not None:
            shown["allowed_updates"] = sorted(self._allowed)
        return shown

    async def _deliver(self, hook: Webhook, answer: Callable[[str, Parameters], Awaitable[object]]) -> None:
        """Posts the updates in order. What is not answered with 2xx comes again, after growing pauses."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
        pause = 0.2
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            while True:
                while not self.pending:
                    self._news.clear()
                    await self._news.wait()
                number = min(self.pending)
                try:
                    response = await client.post(hook.url, json=self.pending[number], headers=headers)
                    if not response.is_success:
                        reason = f"{response.status_code} {response.reason_phrase}"
                        raise OSError(f"Wrong response from the webhook: {reason}")
                except (OSError, httpx.HTTPError) as error:
                    self._last_error = (int(time.time()), str(error) or type(error).__name__)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, LONGEST_PAUSE)
                    continue
                self.pending.pop(number, None)
                pause = 0.2
                if response.content.startswith(b"{"):
                    call: Json = json.loads(response.content)
                    if method := call.pop("method", None):
                        await answer(method, Parameters(call))
