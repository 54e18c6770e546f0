"""What Telegram sends: accounts with ids of their own, and init data as a Mini App has it."""

import itertools
import json
from typing import Any

from init_data_py import sign

from eventorg.testing import Bot, Clock, Server, User

BOT_TOKEN = "4200000042:AAH-not-a-token-of-any-bot-anywhere"
LARGEST_ID = 2**52 - 1

_ids = itertools.count(700_000_001)


def new_id() -> int:
    """The id of an account that nobody has seen."""
    return next(_ids)


def user_field(telegram_id: int, **fields: Any) -> str:
    """The value of `user`: a JSON object."""
    return json.dumps({"id": telegram_id, "first_name": "Anna"} | fields)


def init_data(clock: Clock, *, bot_token: str = BOT_TOKEN, age: int = 0, **fields: str) -> str:
    """Init data of so many seconds ago with these fields; what Telegram decides is its own token's."""
    return sign(fields, bot_token, auth_date=int(clock().timestamp()) - age)


class Person:
    """Somebody whom a bot knows by a Telegram account alone."""

    def __init__(self, server: Server, bot: Bot, **account: Any) -> None:
        self.telegram_id = new_id()
        response = bot.put(f"/identities/telegram/{self.telegram_id}", json={"first_name": "Anna"} | account)
        assert response.status_code == 201, response.text
        self.account: dict[str, Any] = response.json()
        self.id = str(self.account["id"])
        self.bot = bot.acting_for(f"telegram:{self.telegram_id}")


def link(bot: Bot, telegram_id: int, user: User) -> dict[str, Any]:
    """The user, to whom a Telegram account has been tied by a code."""
    code = user.post("/users/me/link-codes").json()["code"]
    response = bot.post(f"/identities/telegram/{telegram_id}/link", json={"code": code})
    assert response.status_code == 200, response.text
    linked: dict[str, Any] = response.json()
    return linked
