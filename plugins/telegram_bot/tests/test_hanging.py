"""A Telegram that hangs holds up no request of the API."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from eventorg.testing import Server


@pytest.fixture
def eventorg_settings() -> Iterator[dict[str, str]]:
    """Settings that lead to a Telegram that takes connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listener:
        yield {
            "EVENTORG_TELEGRAM_BOT_TOKEN": "1:AAsecret",
            "EVENTORG_TELEGRAM_BOT_API_URL": f"http://127.0.0.1:{listener.getsockname()[1]}",
        }


def test_the_server_starts_and_answers_before_the_first_call_to_telegram_ends(eventorg: Server) -> None:
    anna = eventorg.sign_up()
    event = anna.create_event()
    assert anna.put(f"/events/{event['id']}/rsvp", json={"answer": "going"}).status_code == 200
    assert eventorg.client.get("/health").json()["plugins"]["telegram_bot"] == "ok", "nothing has failed yet"
