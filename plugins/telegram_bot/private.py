"""Commands that are for private chats only, because their answers are nobody else's business."""

from collections.abc import Awaitable, Callable

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from .router import Said
from .texts import say

Handler = Callable[[Said], Awaitable[None]]


def in_private(handle: Handler) -> Handler:
    """Returns a handler that handles a command in private, and elsewhere shows the way there."""

    async def guarded(said: Said) -> None:
        if said.is_private:
            return await handle(said)
        language = said.person.language
        button = InlineKeyboardButton(say(language, "buttons.private"), url=said.bot.link())
        await said.reply(say(language, "errors.private_only"), keyboard=InlineKeyboardMarkup([[button]]))
        return None

    return guarded
