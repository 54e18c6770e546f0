"""A host, people with Telegram accounts, and the bot that serves them."""

from itertools import count
from typing import Any

import pytest

from eventorg.testing import Bot, Server, User

Told = dict[str, Any]
COUNTS = ("recipients", "waiting", "sent", "unreachable", "failed")
_numbers = count(10_001)

with_all_plugins = pytest.mark.parametrize("eventorg_settings", [{}], ids=["all plugins"])
"""For a test that needs other plugins, if they are there."""


class Scene:
    """A server, a bot that may act and deliver, and an event with its host."""

    def __init__(self, server: Server, bot: Bot | None = None) -> None:
        self.server = server
        self.clock = server.clock
        self.bot = bot or server.make_bot("act", "deliver")
        self.host = self.guest()
        self.event_id = self.new_event()

    @property
    def path(self) -> str:
        return f"/events/{self.event_id}/broadcasts"

    def new_event(self, **fields: Any) -> str:
        return str(self.host.create_event(**fields)["id"])

    def guest(self, answer: str | None = None) -> User:
        """Somebody with a Telegram account, who has answered the event: going, maybe or declined."""
        number = next(_numbers)
        made = self.bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"})
        assert made.status_code == 201, made.text
        user = self.bot.acting_for(made.json()["id"])
        user.account = made.json() | {"telegram_id": number}
        if answer:
            self.answer(user, answer)
        return user

    def answer(self, user: User, answer: str) -> None:
        answered = user.put(f"/events/{self.event_id}/rsvp", json={"answer": answer})
        assert answered.status_code == 200, answered.text

    def leave(self, user: User) -> None:
        left = user.delete(f"/events/{self.event_id}/register")
        assert left.status_code == 200, left.text

    def send(self, text: str = "Hello", **fields: Any) -> Told:
        sent = self.host.post(self.path, json={"text": text} | fields)
        assert sent.status_code == 202, sent.text
        broadcast: Told = sent.json()
        return broadcast

    def get(self, broadcast: Told) -> Told:
        found = self.host.get(f"{self.path}/{broadcast['id']}")
        assert found.status_code == 200, found.text
        now: Told = found.json()
        return now

    def counts(self, broadcast: Told) -> tuple[int, ...]:
        """Returns recipients, waiting, sent, unreachable and failed."""
        now = self.get(broadcast)
        return tuple(now[name] for name in COUNTS)

    def lease(self, **wish: Any) -> list[Told]:
        response = self.bot.post("/deliveries/lease", json={"limit": 100, "lease_seconds": 3600} | wish)
        assert response.status_code == 200, response.text
        deliveries: list[Told] = response.json()["deliveries"]
        return deliveries

    def ack(self, delivery: Told, result: str = "sent", **more: Any) -> None:
        response = self.bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": result} | more)
        assert response.status_code == 200, response.text

    def told(self) -> list[str]:
        """Leases what is due, acknowledges it as sent, and returns the users in order."""
        leased = self.lease()
        for delivery in leased:
            self.ack(delivery)
        return sorted(delivery["user_id"] for delivery in leased)


def ids(*users: User) -> list[str]:
    return sorted(user.id for user in users)
