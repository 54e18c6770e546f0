"""Users and bots that send requests to a server."""

from collections.abc import Callable
from typing import Any

import httpx

PASSWORD = " ".join(("correct", "horse", "battery"))
"""The password of every test user."""


class User:
    """A user who has signed up and logged in, with a client that sends the token in each request."""

    def __init__(self, client: httpx.Client, account: dict[str, Any], token: str) -> None:
        self.client = client
        self.account = account
        self.token = token

    @property
    def id(self) -> str:
        return str(self.account["id"])

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def __getattr__(self, method: str) -> Any:
        """Returns `get`, `post`, `patch`, `put`, or `delete`, which send a request as this user."""
        return _with_headers(getattr(self.client, method), self.headers)

    def create_event(self, **fields: Any) -> dict[str, Any]:
        """Creates and returns an event of this user. Unless you give its times, it is in the far future."""
        times = {"start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}
        response = self.post("/events", json={"title": "Meeting"} | times | fields)
        assert response.status_code == 201, response.text
        event: dict[str, Any] = response.json()
        return event


class Bot(User):
    """A bot with its token. `act_as` is the user that it acts for (`<id>` or `telegram:<id>`), if any."""

    def __init__(self, client: httpx.Client, name: str, token: str, act_as: str | None = None) -> None:
        super().__init__(client, {}, token)
        self.name = name
        self.act_as = act_as

    @property
    def headers(self) -> dict[str, str]:
        return super().headers | ({"X-Act-As": self.act_as} if self.act_as else {})

    def acting_for(self, user: str) -> "Bot":
        """Returns the same bot, acting for a user."""
        return Bot(self.client, self.name, self.token, user)


def _with_headers(send: Callable[..., httpx.Response], own: dict[str, str]) -> Callable[..., httpx.Response]:
    def request(url: str, *, headers: dict[str, str] | None = None, **arguments: Any) -> httpx.Response:
        return send(url, headers=own | (headers or {}), **arguments)

    return request
