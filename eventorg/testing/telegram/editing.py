"""The methods that change or delete messages."""

import time
from typing import TYPE_CHECKING

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.keyboards import read_markup
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.parameters import Parameters
from eventorg.testing.telegram.targets import caption_of, chat_of, editable, message_of, text_of

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content"
    " and reply markup of the message"
)
MOST_AT_ONCE = 100


async def edit_message_text(tg: "FakeTelegram", given: Parameters) -> Json | bool:
    """Replaces the text, the entities and the buttons."""
    message = editable(tg, given)
    if message.media:
        raise bad("there is no text in the message to edit")
    text, entities = text_of(tg, given, "MESSAGE_TOO_LONG")
    return _edit(tg, message, given, text, entities)


async def edit_message_caption(tg: "FakeTelegram", given: Parameters) -> Json | bool:
    """Replaces the caption of a document or photo, and the buttons."""
    message = editable(tg, given)
    if not message.media:
        raise bad("there is no caption in the message to edit")
    text, entities = caption_of(tg, given)
    return _edit(tg, message, given, text, entities)


async def edit_message_reply_markup(tg: "FakeTelegram", given: Parameters) -> Json | bool:
    """Replaces the buttons."""
    message = editable(tg, given)
    return _edit(tg, message, given, message.text, message.entities)


def _edit(tg: "FakeTelegram", message: Message, given: Parameters, text: str, entities: list[Json]) -> Json | bool:
    markup = read_markup(given, is_private=message.chat.is_private, inline_only=True)
    if (message.text, message.entities, message.markup) == (text, entities, markup):
        raise bad(SAME)
    tg.pace.spend(message.chat.id, not message.chat.is_private)
    message.text, message.entities, message.markup = text, entities, markup
    message.edit_date = int(time.time())
    message.versions.append((time.monotonic(), text))
    return True if message.inline_message_id else message.json()


async def delete_message(tg: "FakeTelegram", given: Parameters) -> bool:
    """Deletes a message."""
    chat = chat_of(tg, given, old=True)
    _delete(tg, chat, message_of(chat, given, "message to delete not found"))
    return True


async def delete_messages(tg: "FakeTelegram", given: Parameters) -> bool:
    """Deletes up to 100 messages. Those that do not exist are skipped."""
    chat = chat_of(tg, given, old=True)
    numbers = given.json("message_ids", "message identifiers")
    if not isinstance(numbers, list) or not numbers:
        raise bad("message identifiers are not specified")
    if len(numbers) > MOST_AT_ONCE:
        raise bad("too many message identifiers specified")
    for message in [one for one in chat.shown if one.message_id in numbers]:
        _delete(tg, chat, message)
    return True


def _delete(tg: "FakeTelegram", chat: Chat, message: Message) -> None:
    is_own = message.sender["id"] == tg.me["id"] or chat.is_private
    if not is_own and chat.members.get(tg.me["id"]) != "administrator":
        raise bad("message can't be deleted for everyone")
    message.deleted = True


METHODS = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
}
