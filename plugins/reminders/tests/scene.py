"""People with Telegram accounts, the bot that serves them, and a way to know that nothing more will come."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from eventorg.testing import Bot, Server, User

Told = dict[str, Any]
_numbers = count(1)


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Scene:
    """A server, a bot that may act and deliver, and the host of all events."""

    def __init__(self, server: Server, bot: Bot | None = None) -> None:
        self.server = server
        self.clock = server.clock
        self.bot = bot or server.make_bot("act", "deliver")
        self.host = self.guest()

    def guest(self, **profile: Any) -> User:
        """Somebody with a Telegram account, who reads English unless it says otherwise."""
        number = next(_numbers)
        made = self.bot.put(f"/identities/telegram/{number}", json={"first_name": "Guest"})
        assert made.status_code == 201, made.text
        user = self.bot.acting_for(made.json()["id"])
        changed = user.patch("/users/me", json={"locale": "en"} | profile)
        assert changed.status_code == 200, changed.text
        user.account = changed.json() | {"telegram_id": number}
        return user

    def event(self, *guests: User, hours: float = 48, **fields: Any) -> str:
        """Creates an event of two hours with registered guests, `hours` ahead, and returns its id."""
        start = self.clock.now + timedelta(hours=hours)
        times = {"start_time": rfc3339(start), "end_time": rfc3339(start + timedelta(hours=2))}
        event_id = str(self.host.create_event(**times | fields)["id"])
        for guest in guests:
            self.register(guest, event_id)
        return event_id

    def register(self, guest: User, event_id: str) -> None:
        response = guest.post(f"/events/{event_id}/register")
        assert response.status_code == 201, response.text

    def move(self, event_id: str, hours: float) -> None:
        """To so many hours ahead of now."""
        start = self.clock.now + timedelta(hours=hours)
        times = {"start_time": rfc3339(start), "end_time": rfc3339(start + timedelta(hours=2))}
        response = self.host.patch(f"/events/{event_id}", json=times)
        assert response.status_code == 200, response.text

    def remind(self, who: User, *before: str, event_id: str | None = None) -> None:
        """Sets one's own offsets, or those of an event."""
        path = f"/events/{event_id}/reminders" if event_id else "/users/me/reminders"
        response = who.put(path, json=[{"before": one} for one in before])
        assert response.status_code == 200, response.text

    def lease(self, **wish: int) -> list[Told]:
        response = self.bot.post("/deliveries/lease", json={"limit": 100, "lease_seconds": 3600} | wish)
        assert response.status_code == 200, response.text
        deliveries: list[Told] = response.json()["deliveries"]
        return deliveries

    def ack(self, delivery: Told, result: str = "sent", **more: Any) -> Told:
        response = self.bot.post(f"/deliveries/{delivery['id']}/ack", json={"result": result} | more)
        assert response.status_code == 200, response.text
        answer: Told = response.json()
        return answer

    def settle(self) -> None:
        """Until all that has happened so far is in the outbox: the clock moves on by ten seconds."""
        self._canaries(lease_seconds=1)
        self.clock.advance(seconds=1)  # what was leased meanwhile is free again

    def told(self, **by: float) -> list[Told]:
        """Moves the clock (by ten seconds more), leases what is due, acknowledges it as sent, and returns it."""
        self.clock.advance(**by)
        seen = self._canaries(lease_seconds=3600)
        for delivery in seen:
            self.ack(delivery)
        return seen

    def _canaries(self, lease_seconds: int) -> list[Told]:
        """Makes a reminder that is due in ten seconds and another thing to tell, moves on by these ten seconds, and
        leases until both have come: the job has run after that, and what happened before was heard. All else that
        was leased meanwhile."""
        canary = self.guest()
        self.event(canary, hours=1 + 10 / 3600)
        cancelled = self.event(canary)
        assert self.host.post(f"/events/{cancelled}/cancel").status_code == 200
        self.clock.advance(seconds=10)
        seen: dict[str, Told] = {}

        def both_came() -> bool:
            seen.update({one["id"]: one for one in self.lease(lease_seconds=lease_seconds)})
            return len([one for one in seen.values() if one["user_id"] == canary.id]) == 2

        self.server.wait_for(both_came)
        both_came()
        for one in [one for one in seen.values() if one["user_id"] == canary.id]:
            self.ack(one)
            del seen[one["id"]]
        return list(seen.values())


def kinds(told: list[Told]) -> list[tuple[str, str]]:
    """Returns kinds and users in order."""
    return sorted((one["kind"], one["user_id"]) for one in told)
