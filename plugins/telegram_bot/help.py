"""`/help`, and the list of commands that Telegram shows."""

from telegram import BotCommand

from .bot import Bot
from .router import Feature, Said
from .texts import LANGUAGES, say

COMMANDS = (
    *("new", "my", "events", "calendar", "settings", "timezone", "reminders"),
    *("link", "logout", "delete", "cancel", "help"),
)
"""The commands in Telegram's menu."""


async def _help(said: Said) -> None:
    lines = [f"/{name} · {say(said.person.language, f'commands.{name}')}" for name in COMMANDS]
    more = say(said.person.language, "help.more", username=said.bot.username)
    await said.reply("\n".join(lines) + f"\n\n{more}")


async def set_menu(bot: Bot) -> None:
    """Sets Telegram's menu of commands, in each language. Raises `TelegramError`."""
    for language in LANGUAGES:
        commands = [BotCommand(name, say(language, f"commands.{name}")[:256]) for name in COMMANDS]
        await bot.telegram.bot.set_my_commands(commands, language_code=language)
        if language == "en":
            await bot.telegram.bot.set_my_commands(commands)


FEATURE = Feature(commands={"help": _help})
