"""What a call is about: its chat, its message, its text. Each function raises the error that Telegram answers with."""

from typing import TYPE_CHECKING

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import Json, bad, forbidden
from eventorg.testing.telegram.formatting import formatted
from eventorg.testing.telegram.html_parser import units
from eventorg.testing.telegram.messages import Message
from eventorg.testing.telegram.parameters import Parameters

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
NOT_STARTED = "bot can't initiate conversation with a user"


def chat_of(tg: "FakeTelegram", given: Parameters, old: bool = False) -> Chat:
    """Returns the chat of a call.

    A group that became a supergroup takes no new messages. With `old`, the bot can still edit and delete what it posted
    there (tdlib/telegram-bot-api#266).
    """
    if "chat_id" not in given:
        raise bad("chat_id is empty")
    number = _number(given.text("chat_id"))
    chat = tg.chats.get(number)
    if chat is None:
        raise forbidden(NOT_STARTED) if number in tg.people else bad("chat not found")
    if chat.migrated_to and not old:
        raise bad("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.migrated_to)
    _check_access(tg, chat)
    return chat


def _check_access(tg: "FakeTelegram", chat: Chat) -> None:
    if chat.person:
        if chat.person.blocked:
            raise forbidden("bot was blocked by the user")
        if not chat.person.started:
            raise forbidden(NOT_STARTED)
        return
    status = chat.members.get(tg.me["id"], "left")
    if status == "kicked":
        raise forbidden(f"bot was kicked from the {chat.type} chat")
    if status == "left":
        raise forbidden(f"bot is not a member of the {chat.type} chat")


def message_of(chat: Chat, given: Parameters, missing: str) -> Message:
    """Returns the message of a call, which must not be deleted. `missing` is the error if it is."""
    number = given.number("message_id")
    if not number:
        raise bad("message identifier is not specified")
    found = next((one for one in chat.messages if one.message_id == number and not one.deleted), None)
    if found is None:
        raise bad(missing)
    return found


def editable(tg: "FakeTelegram", given: Parameters) -> Message:
    """Returns the message of a call that edits: one of the bot's own, or one that was posted inline."""
    if "inline_message_id" in given:
        found = tg.inline_messages.get(given.text("inline_message_id"))
        if found is None or found.deleted:
            raise bad("MESSAGE_ID_INVALID")
        return found
    message = message_of(chat_of(tg, given, old=True), given, "message to edit not found")
    if message.sender["id"] != tg.me["id"] or message.service:
        raise bad("message can't be edited")
    return message


def text_of(tg: "FakeTelegram", given: Parameters, too_long: str) -> tuple[str, list[Json]]:
    """Returns the text of a call and its entities. `too_long` is the error if it is longer than 4,096 code units."""
    text, entities = formatted(given.text("text"), given.text("parse_mode"), given.json("entities"), tg.find_user)
    if not text:
        raise bad("message text is empty")
    if units(text) > LONGEST_TEXT:
        raise bad(too_long)
    return text, entities


def caption_of(tg: "FakeTelegram", given: Parameters) -> tuple[str, list[Json]]:
    """Returns the caption of a call and its entities."""
    entities = given.json("caption_entities")
    text, entities = formatted(given.text("caption"), given.text("parse_mode"), entities, tg.find_user)
    if units(text) > LONGEST_CAPTION:
        raise bad("message caption is too long")
    return text, entities


def reply_of(chat: Chat, given: Parameters) -> Message | None:
    """Returns the message that a call replies to, if any."""
    wanted = given.json("reply_parameters", "reply parameters") or {}
    number = wanted.get("message_id") or given.number("reply_to_message_id")
    if not number:
        return None
    found = next((one for one in chat.shown if one.message_id == int(number)), None)
    if found is None and not (wanted.get("allow_sending_without_reply") or given.flag("allow_sending_without_reply")):
        raise bad("message to be replied not found")
    return found


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0
