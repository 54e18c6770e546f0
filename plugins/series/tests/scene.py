"""A host with a recurring event. The server's clock stands at 2027-01-01T12:00:00Z, a Friday."""

from typing import Any

import pytest

from eventorg.testing import Server, User

BERLIN = "Europe/Berlin"
Shown = dict[str, Any]

with_all_plugins = pytest.mark.parametrize("eventorg_settings", [{}], ids=["all plugins"])
"""For a test that needs other plugins, if they are there."""


class Scene:
    """A host, and the series of the host's events."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.clock = server.clock
        self.host = server.sign_up()

    def later(self, **by: float) -> None:
        """Moves the clock, and logs the host in again."""
        self.clock.advance(**by)
        self.host.token = self.server.log_in(self.host.account["email"])

    def event(self, start: str = "2027-01-05T18:00:00Z", end: str = "2027-01-05T20:00:00Z", **fields: Any) -> Shown:
        return self.host.create_event(start_time=start, end_time=end, **fields)

    def repeat(self, event: Shown, rrule: str = "FREQ=WEEKLY", by: User | None = None, **more: Any) -> Shown:
        """Creates a series and returns it."""
        body = {"event_id": event["id"], "rrule": rrule} | more
        response = (by or self.host).post("/series", json=body)
        assert response.status_code == 201, response.text
        series: Shown = response.json()
        return series

    def get(self, series: Shown) -> Shown:
        response = self.host.get(f"/series/{series['id']}")
        assert response.status_code == 200, response.text
        found: Shown = response.json()
        return found

    def events(self, series: Shown, by: User | None = None, **query: Any) -> list[Shown]:
        """Returns all events of a series, by start time."""
        response = (by or self.host).get(f"/series/{series['id']}/events", params={"limit": 1000} | query)
        assert response.status_code == 200, response.text
        found: list[Shown] = response.json()["events"]
        return found

    def once_there(self, series: Shown, number: int) -> list[Shown]:
        """Returns all events of a series once there are so many."""
        self.server.wait_for(lambda: len(self.events(series)) >= number)
        events = self.events(series)
        assert len(events) == number
        return events

    def starts(self, series: Shown) -> list[str]:
        return [event["start_time"] for event in self.events(series)]

    def patch(self, series: Shown, since: Shown | None = None, **fields: Any) -> Shown:
        """Changes a series and returns it."""
        query = {"from": since["id"]} if since else {}
        response = self.host.patch(f"/series/{series['id']}", json=fields, params=query)
        assert response.status_code == 200, response.text
        changed: Shown = response.json()
        return changed

    def skip(self, series: Shown, day: str) -> Shown:
        response = self.host.put(f"/series/{series['id']}/skips/{day}")
        assert response.status_code == 200, response.text
        changed: Shown = response.json()
        return changed

    def take_back(self, series: Shown, day: str) -> Shown:
        response = self.host.delete(f"/series/{series['id']}/skips/{day}")
        assert response.status_code == 200, response.text
        changed: Shown = response.json()
        return changed

    def register(self, event: Shown, *users: User, **party: Any) -> None:
        for user in users:
            response = user.post(f"/events/{event['id']}/register", json=party)
            assert response.status_code == 201, response.text

    def people(self, event: Shown) -> list[Shown]:
        response = self.host.get(f"/events/{event['id']}/participants")
        assert response.status_code == 200, response.text
        found: list[Shown] = response.json()["participants"]
        return found
