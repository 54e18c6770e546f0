"""Fixtures for the tests of the placements."""

from typing import Any

import pytest

from eventorg.testing import Bot, Server, User, eventorg

__all__ = ["eventorg"]
Shown = dict[str, Any]


class Chat:
    """A bot that keeps cards in chats current, and the host of the events."""

    def __init__(self, server: Server, bot: Bot | None = None) -> None:
        self.server = server
        self.bot = bot or server.make_bot("act", "deliver")
        self.host = server.sign_up(locale="en")
        self.as_host = self.bot.acting_for(self.host.id)

    def place(
        self, event_id: str, message_id: str = "1", chat_id: str | None = "chat", by: User | None = None, **more: Any
    ) -> Shown:
        """Places a card and returns the placement."""
        body = {"chat_id": chat_id, "message_id": message_id, "locale": "en"} | more
        response = (by or self.bot).put(f"/events/{event_id}/placements", json=body)
        assert response.status_code in (200, 201), response.text
        placement: Shown = response.json()
        return placement

    def lease(self, **wish: int) -> list[Shown]:
        response = self.bot.post("/placements/lease", json={"limit": 100, "lease_seconds": 60} | wish)
        assert response.status_code == 200, response.text
        placements: list[Shown] = response.json()["placements"]
        return placements

    def ack(self, placement: Shown, result: str = "shown", **more: Any) -> Shown:
        (answer,) = self.ack_all([{"id": placement["id"], "etag": placement["etag"], "result": result} | more])
        return answer

    def ack_all(self, results: list[Shown]) -> list[Shown]:
        response = self.bot.post("/placements/ack", json={"results": results})
        assert response.status_code == 200, response.text
        answers: list[Shown] = response.json()["results"]
        return answers

    def show(self) -> list[str]:
        """Shows everything that is outdated, and returns the IDs."""
        leased = self.lease()
        for each in leased:
            self.ack(each)
        return [each["id"] for each in leased]

    def register(self, event_id: str) -> User:
        """Registers somebody new, so that the card changes."""
        guest = self.server.sign_up()
        response = guest.post(f"/events/{event_id}/register")
        assert response.status_code == 201, response.text
        return guest


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    return {"EVENTORG_PLUGINS": "placements"}


@pytest.fixture
def chat(eventorg: Server) -> Chat:
    return Chat(eventorg)
