"""Webhook mode: the address, the secret, and the way back to long polling."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.testing import Server, check_problem

from ..settings import Settings
from ..webhook import HEADER, address_of, secret_of
from .programs import free_port, serving

TOKEN = "1:AAsecret"


@pytest.mark.parametrize(
    ("setting", "address"),
    [
        ("", ""),
        ("https://events.example.com", "https://events.example.com/telegram_bot/webhook"),
        ("https://events.example.com/", "https://events.example.com/telegram_bot/webhook"),
        ("https://events.example.com/hook", "https://events.example.com/hook"),
    ],
)
def test_the_address_is_the_setting_or_has_a_path_of_its_own(setting: str, address: str) -> None:
    assert address_of(Settings(token=TOKEN, webhook_url=setting)) == address


def test_the_secret_does_not_have_the_token_in_it() -> None:
    secret = secret_of(Settings(token=TOKEN))
    assert secret == secret_of(Settings(token=TOKEN, timezone="Europe/Moscow")), "the same after a restart"
    assert secret != secret_of(Settings(token="2:AAsecret"))
    assert "secret" not in secret


def test_without_the_setting_there_is_no_webhook(eventorg: Server) -> None:
    assert eventorg.client.post("/telegram_bot/webhook", json={}).status_code == 404


@pytest.mark.parametrize("path", ["", "/hook"])
def test_updates_come_by_webhook_and_then_by_polling_again(tmp_path: Path, telegram: Any, path: str) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}{path}"
    anna = telegram.person("Anna", language_code="en")
    anna.start()
    with serving(tmp_path / "eventorg.db", telegram, port=port, telegram_bot_webhook_url=address):
        anna.chat.wait_for(lambda message: "Hello" in message.text, timeout=60)
        hook = telegram.updates.webhook
        assert hook.url == address + ("" if path else "/telegram_bot/webhook")
        assert not telegram.calls("getUpdates")

        update = {"update_id": 1, "message": {"text": "/help"}}
        for headers in ({}, {HEADER: "wrong"}, {HEADER: ""}, {HEADER: hook.secret[:-1]}):
            check_problem(httpx.post(hook.url, json=update, headers=headers), 403, "forbidden")
        right = {HEADER: hook.secret}
        for body in (b"{", b"[]", b'{"update_id": "x", "message": 7}'):
            answer = httpx.post(hook.url, content=body, headers=right)
            assert (answer.status_code, answer.content) == (200, b""), "or Telegram would send it again and again"
        anna.say(None, "/timezone Europe/Berlin")
        anna.chat.wait_for(lambda message: "Your time zone is Europe/Berlin" in message.text)
        assert httpx.get(f"http://127.0.0.1:{port}/health").json()["plugins"]["telegram_bot"] == "ok"
        assert (
            hook.url.removeprefix(f"http://127.0.0.1:{port}")
            not in httpx.get(f"http://127.0.0.1:{port}/openapi.json").json()["paths"]
        )

    with serving(tmp_path / "eventorg.db", telegram):
        anna.say(None, "/timezone Europe/Paris")
        anna.chat.wait_for(lambda message: "Your time zone is Europe/Paris" in message.text, timeout=60)
    assert telegram.updates.webhook is None
    assert telegram.calls("getUpdates")
