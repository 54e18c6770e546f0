"""The methods that post messages."""

from typing import TYPE_CHECKING, Any

from eventorg.testing.telegram.chats import Chat
from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.keyboards import read_markup
from eventorg.testing.telegram.parameters import Parameters, Upload
from eventorg.testing.telegram.targets import caption_of, chat_of, message_of, reply_of, text_of

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

ACTIONS = {
    *("typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document"),
    *("choose_sticker", "find_location", "record_video_note", "upload_video_note"),
}


async def send_message(tg: "FakeTelegram", given: Parameters) -> Json:
    """Posts a text."""
    chat = chat_of(tg, given)
    text, entities = text_of(tg, given, "message is too long")
    return _post(tg, chat, given, text=text, entities=entities)


async def send_document(tg: "FakeTelegram", given: Parameters) -> Json:
    """Posts a file."""
    chat = chat_of(tg, given)
    file, file_id = _file(tg, given, "document")
    text, entities = caption_of(tg, given)
    document = _about(file_id, file) | {"file_name": file.name, "mime_type": file.content_type}
    return _post(tg, chat, given, text=text, entities=entities, media={"document": document})


async def send_photo(tg: "FakeTelegram", given: Parameters) -> Json:
    """Posts a picture. The fake does not look into it: its size is a fixed one."""
    chat = chat_of(tg, given)
    file, file_id = _file(tg, given, "photo")
    text, entities = caption_of(tg, given)
    photo = _about(file_id, file) | {"width": 640, "height": 360}
    return _post(tg, chat, given, text=text, entities=entities, media={"photo": [photo]})


async def send_location(tg: "FakeTelegram", given: Parameters) -> Json:
    """Posts a place."""
    chat = chat_of(tg, given)
    try:
        place = {key: float(given.text(key)) for key in ("latitude", "longitude")}
    except ValueError:
        raise bad("latitude or longitude is empty") from None
    return _post(tg, chat, given, media={"location": place})


async def get_file(tg: "FakeTelegram", given: Parameters) -> Json:
    """Returns where a file can be downloaded."""
    file_id = given.text("file_id")
    if file_id not in tg.files:
        raise bad("invalid file_id")
    return _about(file_id, tg.files[file_id]) | {"file_path": f"documents/{file_id}"}


async def send_chat_action(tg: "FakeTelegram", given: Parameters) -> bool:
    """Shows that the bot is typing."""
    chat_of(tg, given)
    if given.text("action") not in ACTIONS:
        raise bad("wrong parameter action in request")
    return True


async def pin_chat_message(tg: "FakeTelegram", given: Parameters) -> bool:
    """Pins a message, and posts a service message about it."""
    chat = chat_of(tg, given)
    _check_may_pin(tg, chat)
    message = message_of(chat, given, "message to pin not found")
    tg.pace.spend(chat.id, not chat.is_private)
    chat.pinned = message
    tg.put_message(chat, tg.me, service={"pinned_message": message.json(deep=False)})
    return True


async def unpin_chat_message(tg: "FakeTelegram", given: Parameters) -> bool:
    """Unpins a message, or the pinned one."""
    chat = chat_of(tg, given)
    _check_may_pin(tg, chat)
    chat.pinned = None
    return True


def _check_may_pin(tg: "FakeTelegram", chat: Chat) -> None:
    if not chat.is_private and chat.members.get(tg.me["id"]) != "administrator":
        raise bad("not enough rights to manage pinned messages in the chat")


def _post(tg: "FakeTelegram", chat: Chat, given: Parameters, **content: Any) -> Json:
    markup = read_markup(given, is_private=chat.is_private)
    reply_to = reply_of(chat, given)
    tg.pace.spend(chat.id, not chat.is_private)
    return tg.put_message(chat, tg.me, markup=markup, reply_to=reply_to, **content).json()


def _file(tg: "FakeTelegram", given: Parameters, key: str) -> tuple[Upload, str]:
    sent = given.file(key)
    if isinstance(sent, str) and sent in tg.files:
        return tg.files[sent], sent
    if not isinstance(sent, Upload):
        raise bad(f"there is no {key} in the request")
    if not sent.content:
        raise bad("file must be non-empty")
    return sent, tg.put_file(sent)


def _about(file_id: str, file: Upload) -> Json:
    return {"file_id": file_id, "file_unique_id": f"AgAD{file_id[4:]}", "file_size": len(file.content)}


METHODS = {
    "sendMessage": send_message,
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "sendLocation": send_location,
    "getFile": get_file,
    "sendChatAction": send_chat_action,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
}
