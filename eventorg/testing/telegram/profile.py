"""The methods about the bot itself: who it is, its commands, its texts, and its webhook."""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.parameters import Parameters

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

Method = Callable[["FakeTelegram", Parameters], Awaitable[Any]]
TEXTS = {"name": 64, "description": 512, "short_description": 120}
"""The texts of a bot and their longest lengths."""


@dataclass
class Profile:
    """The commands and texts that the bot has set. Commands are by scope and language, texts by name and language."""

    commands: dict[str, list[Json]] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    menu_buttons: dict[str, Json] = field(default_factory=dict)


async def get_me(tg: "FakeTelegram", _: Parameters) -> Json:
    """Returns the bot."""
    return tg.me | {
        "can_join_groups": True,
        "can_read_all_group_messages": not tg.privacy,
        "supports_inline_queries": tg.inline_mode,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_updates(tg: "FakeTelegram", given: Parameters) -> list[Json]:
    """Returns the updates that the bot has not confirmed."""
    return await tg.updates.poll(given)


async def set_webhook(tg: "FakeTelegram", given: Parameters) -> bool:
    """Sets the webhook, or deletes it if the URL is empty."""
    tg.updates.set_webhook(given, tg.call)
    return True


async def delete_webhook(tg: "FakeTelegram", given: Parameters) -> bool:
    """Deletes the webhook."""
    tg.updates.delete_webhook(given)
    return True


async def get_webhook_info(tg: "FakeTelegram", _: Parameters) -> Json:
    """Returns the `WebhookInfo`."""
    return tg.updates.webhook_info()


async def accept(_: "FakeTelegram", __: Parameters) -> bool:
    """Answers logOut and close."""
    return True


async def set_my_commands(tg: "FakeTelegram", given: Parameters) -> bool:
    """Sets the commands of a scope and language."""
    commands = given.json("commands") or []
    if len(commands) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    for one in commands:
        if not re.fullmatch(r"/?[a-z0-9_]{1,32}", one.get("command", "")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(one.get("description", "")) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    tg.profile.commands[_scope(given)] = [
        {"command": one["command"].removeprefix("/"), "description": one["description"]} for one in commands
    ]
    return True


async def get_my_commands(tg: "FakeTelegram", given: Parameters) -> list[Json]:
    """Returns the commands of a scope and language."""
    return tg.profile.commands.get(_scope(given), [])


async def delete_my_commands(tg: "FakeTelegram", given: Parameters) -> bool:
    """Deletes the commands of a scope and language."""
    tg.profile.commands.pop(_scope(given), None)
    return True


def _scope(given: Parameters) -> str:
    scope = given.json("scope") or {"type": "default"}
    return f"{json.dumps(scope, sort_keys=True)} {given.text('language_code')}".rstrip()


def _setter(name: str) -> Method:
    async def set_text(tg: "FakeTelegram", given: Parameters) -> bool:
        text = given.text(name)
        if len(text) > TEXTS[name]:
            raise bad(f"bot {name.replace('_', ' ')} is too long")
        tg.profile.texts[name, given.text("language_code")] = text
        return True

    return set_text


def _getter(name: str) -> Method:
    async def get_text(tg: "FakeTelegram", given: Parameters) -> Json:
        default = tg.profile.texts.get((name, ""), tg.me["first_name"] if name == "name" else "")
        return {name: tg.profile.texts.get((name, given.text("language_code"))) or default}

    return get_text


async def set_chat_menu_button(tg: "FakeTelegram", given: Parameters) -> bool:
    """Sets the button next to the text field."""
    tg.profile.menu_buttons[given.text("chat_id")] = given.json("menu_button") or {"type": "default"}
    return True


async def get_chat_menu_button(tg: "FakeTelegram", given: Parameters) -> Json:
    """Returns the button next to the text field."""
    return tg.profile.menu_buttons.get(given.text("chat_id"), {"type": "commands"})


METHODS: dict[str, Method] = {
    "getMe": get_me,
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "logOut": accept,
    "close": accept,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "setChatMenuButton": set_chat_menu_button,
    "getChatMenuButton": get_chat_menu_button,
    "setMyName": _setter("name"),
    "getMyName": _getter("name"),
    "setMyDescription": _setter("description"),
    "getMyDescription": _getter("description"),
    "setMyShortDescription": _setter("short_description"),
    "getMyShortDescription": _getter("short_description"),
}
