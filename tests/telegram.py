"""Telegram accounts and Mini App init data, as Telegram sends them."""

import itertools
import json
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from init_data_py import sign

from eventorg.settings import Settings
from eventorg.testing import Bot, Clock, Server, User, running

BOT_TOKEN = "4200000042:AAH-not-a-token-of-any-bot-anywhere"
MAX_ID = 2**52 - 1

_ids = itertools.count(700_000_001)


def new_id() -> int:
    """Returns the id of a new account."""
    return next(_ids)


def user_field(telegram_id: int, **fields: Any) -> str:
    """Returns the value of the field `user`, a JSON object."""
    return json.dumps({"id": telegram_id, "first_name": "Anna"} | fields)


def init_data(clock: Clock, *, bot_token: str = BOT_TOKEN, age: int = 0, **fields: str) -> str:
    """Returns signed init data with these fields, `age` seconds old."""
    return sign(fields, bot_token, auth_date=int(clock().timestamp()) - age)


class Person:
    """A user who has only a Telegram account."""

    def __init__(self, server: Server, bot: Bot, **account: Any) -> None:
        self.telegram_id = new_id()
        response = bot.put(f"/identities/telegram/{self.telegram_id}", json={"first_name": "Anna"} | account)
        assert response.status_code == 201, response.text
        self.account: dict[str, Any] = response.json()
        self.id = str(self.account["id"])
        self.bot = bot.acting_for(f"telegram:{self.telegram_id}")


def link(bot: Bot, telegram_id: int, user: User) -> dict[str, Any]:
    """Links a Telegram account to a user by a code, and returns the user."""
    code = user.post("/users/me/link-codes").json()["code"]
    response = bot.post(f"/identities/telegram/{telegram_id}/link", json={"code": code})
    assert response.status_code == 200, response.text
    linked: dict[str, Any] = response.json()
    return linked


class MiniApps:
    """Servers that accept Mini App logins, one for each set of settings."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._servers: dict[str, Server] = {}

    def serve(self, now: int | None = None, **settings: Any) -> Server:
        """Returns a server with these settings and with its clock at `now`, in Unix seconds."""
        given: dict[str, Any] = {"telegram_bot_token": BOT_TOKEN, "log_level": "error"} | settings
        name = repr(sorted(given.items()))
        if name not in self._servers:
            database = self._folder / f"{len(self._servers)}.db"
            self._servers[name] = self._stack.enter_context(
                running(Settings(plugins="none", database=str(database), **given))
            )
        server = self._servers[name]
        server.clock.now = Clock().now if now is None else datetime.fromtimestamp(now, UTC)
        return server


def log_in(server: Server, data: str) -> httpx.Response:
    """Returns the answer to the login of a Mini App."""
    return server.client.post("/login/telegram", json={"init_data": data})
