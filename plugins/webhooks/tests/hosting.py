"""Shortcuts for what hosts do with webhooks."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from eventorg.testing import User


def add(user: User, event: dict[str, Any], url: str, *types: str) -> dict[str, Any]:
    """A new webhook of an event, with its secret."""
    body: dict[str, Any] = {"url": url} | ({"types": list(types)} if types else {})
    response = user.post(f"/events/{event['id']}/webhooks", json=body)
    assert response.status_code == 201, response.text
    webhook: dict[str, Any] = response.json()
    return webhook


def log_of(user: User, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """A webhook's deliveries, the newest first."""
    response = user.get(f"/events/{webhook['event_id']}/webhooks/{webhook['id']}/deliveries")
    assert response.status_code == 200, response.text
    deliveries: list[dict[str, Any]] = response.json()["deliveries"]
    return deliveries


def state_of(user: User, webhook: dict[str, Any]) -> dict[str, Any]:
    """A webhook as its event's list shows it."""
    response = user.get(f"/events/{webhook['event_id']}/webhooks")
    assert response.status_code == 200, response.text
    return next(each for each in response.json()["webhooks"] if each["id"] == webhook["id"])


@contextmanager
def paused_facts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets the plugin handle no change until the block ends."""
    module, resumed = sys.modules["eventorg_plugins.webhooks"], threading.Event()
    enqueue = module.enqueue

    async def wait(*arguments: Any) -> bool:
        await asyncio.to_thread(resumed.wait)
        return bool(await enqueue(*arguments))

    monkeypatch.setattr(module, "enqueue", wait)
    try:
        yield
    finally:
        resumed.set()
