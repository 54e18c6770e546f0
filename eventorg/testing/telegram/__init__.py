"""A small Telegram: the Bot API over HTTP as real clients speak it, and people who use the bot from the other side.

    async with FakeTelegram() as tg:                      # tg.url, tg.token; the bot is any client, in any process
        anna = tg.person("Anna", language_code="en")
        group = tg.group("Tea", anna)
        await group.add_bot(anna)
        await anna.say(group, "/new Tea; tomorrow 18:00")
        card = await group.wait_for(lambda message: message.buttons)
        answer = await anna.tap(card, "Going")            # what the bot answered the callback query with

In a test that is not asynchronous, `with running_fake() as tg:` gives the same without `await`.
`python -m eventorg.testing.telegram --port 8081` serves it alone; people act by `POST /test/<verb>` (see `control`).
"""

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import ApiError
from eventorg.testing.telegram.fake import TOKEN, FakeTelegram
from eventorg.testing.telegram.limits import Limits
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.people import Person
from eventorg.testing.telegram.threaded import running_fake
from eventorg.testing.telegram.transcript import Call, Entry

__all__ = ["TOKEN", "ApiError", "Call", "Chat", "Entry", "FakeTelegram", "Limits", "Message", "Person", "running_fake"]
