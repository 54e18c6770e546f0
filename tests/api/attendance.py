"""Registers users for an event and reads who comes."""

from typing import Any

from eventorg.testing import User

Row = tuple[str, str, int | None]


def register(url: str, *users: User) -> list[dict[str, Any]]:
    """Registers the users in this order and returns their registrations."""
    responses = [user.post(f"{url}/register") for user in users]
    assert {response.status_code for response in responses} <= {201}
    return [response.json() for response in responses]


def participants(url: str, viewer: User, query: str = "") -> list[Row]:
    """Returns the user, status and position of each participant."""
    listed = viewer.get(f"{url}/participants{query}").json()["participants"]
    return [(row["user_id"], row["status"], row["waitlist_position"]) for row in listed]


def counts(url: str, viewer: User) -> tuple[int, int]:
    """Returns the number of seats taken and of people waiting."""
    event = viewer.get(url).json()
    return event["registered_count"], event["waitlisted_count"]
