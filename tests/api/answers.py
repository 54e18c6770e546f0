"""Answers events, and reads the changes that the answers make."""

from typing import Any

import httpx

from eventorg.testing import Bot, User

Step = tuple[str, str | None, dict[str, Any]]
"""The type, the user and the data of a change."""


class Tape:
    """The changes since the last look, without those of users."""

    def __init__(self, reader: Bot) -> None:
        self._reader = reader
        self()

    def __call__(self) -> list[Step]:
        after = getattr(self, "_after", None) or self._reader.get("/changes?after=latest").json()["next"]
        page = self._reader.get("/changes", params={"after": after, "limit": 1000}).json()
        self._after = page["next"]
        return [
            (change["type"], change["user_id"], change["data"])
            for change in page["changes"]
            if change["type"].startswith(("registration.", "rsvp."))
        ]


def make(host: User, **fields: Any) -> str:
    return f"/events/{host.create_event(**{'max_guests': 5} | fields)['id']}"


def put(user: User, url: str, answer: str, **fields: Any) -> httpx.Response:
    response: httpx.Response = user.put(f"{url}/rsvp", json={"answer": answer} | fields)
    return response


def given(user: User, url: str, answer: str, **fields: Any) -> dict[str, Any]:
    response = put(user, url, answer, **fields)
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def add(user: User, url: str, delta: int) -> httpx.Response:
    response: httpx.Response = user.patch(f"{url}/rsvp", json={"guests_delta": delta})
    return response


def withdrawn(user: User, url: str) -> dict[str, Any]:
    response = user.delete(f"{url}/rsvp")
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def answered(answer: str | None, previous: str | None, user: User) -> Step:
    return "rsvp.updated", user.id, {"answer": answer, "previous_answer": previous}


def registered(kind: str, status: str, previous: str | None, user: User, guests: int = 0) -> Step:
    data = {"status": status, "previous_status": previous, "guests": guests, "by": "self"}
    return f"registration.{kind}", user.id, data
