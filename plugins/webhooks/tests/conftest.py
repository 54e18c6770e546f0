"""Fixtures: a server that may send to loopback, a receiver, and the clock of the receiver's library."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import pytest

from eventorg.testing import Clock, Server, User

from .receiver import Receiver, receiving


@pytest.fixture
def eventorg_settings() -> dict[str, str]:
    """Logins that last while weeks go by, and receivers on loopback."""
    return {
        "EVENTORG_PLUGINS": "webhooks",
        "EVENTORG_WEBHOOKS_ALLOW_PRIVATE": "true",
        "EVENTORG_TOKEN_HOURS": "8784",
    }


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def host(eventorg: Server) -> User:
    """The organizer of events."""
    return eventorg.sign_up()


@pytest.fixture
def receivers_clock(eventorg: Server, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The standardwebhooks library refuses what is old: it tells the time by the server's clock."""

    class Now(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return eventorg.clock.now

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Now)
    return eventorg.clock
