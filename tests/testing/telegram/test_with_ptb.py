"""The small Telegram as python-telegram-bot speaks to it: each method, and the exception for each error."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    CallbackQuery,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputFile,
    InputTextMessageContent,
    KeyboardButton,
    KeyboardButtonRequestUsers,
    MenuButtonCommands,
    Message,
    MessageEntity,
    MessageOriginUser,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    Update,
)
from telegram.constants import ChatAction, ChatMemberStatus, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from eventorg.testing.telegram import ApiError
from tests.testing.telegram.api import Api

pytestmark = pytest.mark.anyio
BUTTONS = InlineKeyboardMarkup([[InlineKeyboardButton("✅ Going", callback_data="go")]])


@pytest.fixture(scope="module")
async def bot(tg: Any, anyio_backend: str) -> AsyncIterator[Bot]:
    """Returns a bot of the library."""
    assert anyio_backend == "asyncio"
    async with Bot(tg.token, base_url=f"{tg.url}/bot", base_file_url=f"{tg.url}/file/bot") as bot:
        yield bot


async def updates_of(bot: Bot) -> tuple[Update, ...]:
    """Returns the next updates, and confirms them."""
    updates = await bot.get_updates(timeout=10)
    await bot.get_updates(offset=updates[-1].update_id + 1)
    return updates


async def test_the_bot_knows_itself(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.username, me.is_bot, me.can_read_all_group_messages) == ("eventorg_bot", True, False)
    assert me.supports_inline_queries


async def test_messages_are_sent_edited_pinned_and_deleted(bot: Bot, anna: Any, group: Any) -> None:
    said = anna.say(group, "/my")
    group.set_bot(anna, "administrator")
    sent = await bot.send_message(
        group.id,
        "<b>Tea</b> &amp; <tg-time unix='1800000000' format='wDT'>Friday</tg-time>",
        ParseMode.HTML,
        reply_markup=BUTTONS,
        reply_parameters=ReplyParameters(said.message_id),
    )
    assert sent.text == "Tea & Friday"
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
        ("bold", 0, 3),
        ("date_time", 6, 6),
    ]
    assert sent.reply_markup == BUTTONS
    assert sent.reply_to_message
    assert sent.reply_to_message.text == "/my"
    edited = await sent.edit_text("Tea: 1", reply_markup=BUTTONS)
    assert isinstance(edited, Message)
    assert (edited.text, edited.edit_date is not None) == ("Tea: 1", True)
    edited = await sent.edit_reply_markup(None)
    assert isinstance(edited, Message)
    assert edited.reply_markup is None
    assert await sent.pin()
    pinned = (await bot.get_chat(group.id)).pinned_message
    assert pinned
    assert pinned.message_id == sent.message_id
    assert await bot.unpin_chat_message(group.id)
    assert await sent.delete()
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await sent.edit_text("Tea: 2")


async def test_entities_count_utf_16_units(bot: Bot, tg: Any, anna: Any) -> None:
    entities = [
        MessageEntity(MessageEntity.BOLD, 2, 3),
        MessageEntity(MessageEntity.TEXT_LINK, 6, 4, url=f"tg://user?id={anna.id}"),
    ]
    sent = await bot.send_message(anna.id, "🍵Tea Anna", entities=entities)
    assert sent.parse_entities() == {sent.entities[0]: "Tea", sent.entities[1]: "Anna"}
    assert sent.entities[1].type == "text_mention"
    assert sent.entities[1].user
    assert sent.entities[1].user.id == anna.id


async def test_keyboards_ask_for_a_place_a_contact_and_users(bot: Bot, tg: Any, anna: Any) -> None:
    boris = tg.person("Boris")
    keys = [
        KeyboardButton("Here", request_location=True),
        KeyboardButton("Me", request_contact=True),
        KeyboardButton("Them", request_users=KeyboardButtonRequestUsers(7, max_quantity=5)),
    ]
    await bot.send_message(anna.id, "Where?", reply_markup=ReplyKeyboardMarkup([keys], one_time_keyboard=True))
    assert [key["text"] for key in anna.chat.shown[-1].keys] == ["Here", "Me", "Them"]
    await bot.send_message(anna.id, "What?", reply_markup=ForceReply(input_field_placeholder="A title"))
    anna.say(None, "Tea", anna.chat.shown[-1])
    await bot.send_message(anna.id, "Thanks", reply_markup=ReplyKeyboardRemove())
    anna.share_location(55.7, 37.6)
    anna.share_contact(boris)
    anna.share_users(7, boris)
    anna.forward(boris.start())
    messages = [update.message for update in await updates_of(bot) if update.message]
    assert messages[0].reply_to_message
    assert messages[0].reply_to_message.text == "What?"
    assert messages[1].location
    assert messages[1].location.latitude == 55.7
    assert messages[2].contact
    assert messages[2].contact.user_id == boris.id
    assert messages[3].users_shared
    assert messages[3].users_shared.users[0].user_id == boris.id
    origin = messages[-1].forward_origin
    assert isinstance(origin, MessageOriginUser)
    assert origin.sender_user.id == boris.id


async def test_documents_and_photos_are_sent(bot: Bot, anna: Any) -> None:
    sent = await bot.send_document(anna.id, InputFile(b"a,b", "guests.csv"), caption="Guests", reply_markup=BUTTONS)
    assert sent.document
    assert (sent.document.file_name, sent.document.file_size) == ("guests.csv", 3)
    assert sent.caption == "Guests"
    file = await sent.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"a,b"
    edited = await sent.edit_caption("All guests")
    assert isinstance(edited, Message)
    assert edited.caption == "All guests"
    calendar = await bot.send_document(anna.id, b"BEGIN:VCALENDAR", filename="Чай.ics")
    assert calendar.document
    assert calendar.document.file_name == "Чай.ics"
    photo = await bot.send_photo(anna.id, b"png", caption="Tea")
    assert photo.photo[0].width == 640
    assert (await bot.send_location(anna.id, 55.7, 37.6)).location


async def test_taps_are_answered(bot: Bot, tg: Any, anna: Any, group: Any) -> None:
    sent = await bot.send_message(group.id, "Tea", reply_markup=BUTTONS)
    tap = asyncio.create_task(asyncio.to_thread(anna.tap, group.shown[-1], "Going"))
    (update,) = await updates_of(bot)
    query = update.callback_query
    assert isinstance(query, CallbackQuery)
    assert query.data == "go"
    assert query.message
    assert query.message.message_id == sent.message_id
    assert await query.answer("Seat 1 of 12", show_alert=True)
    assert (await tap)["text"] == "Seat 1 of 12"
    with pytest.raises(BadRequest, match="Query is too old"):
        await query.answer()


async def test_inline_queries_are_answered_and_their_messages_edited(bot: Bot, tg: Any, anna: Any) -> None:
    asking = asyncio.create_task(asyncio.to_thread(anna.inline, "te"))
    (update,) = await updates_of(bot)
    assert update.inline_query
    article = InlineQueryResultArticle("1", "Tea", InputTextMessageContent("Tea"), reply_markup=BUTTONS)
    button = InlineQueryResultsButton("New", start_parameter="new")
    assert await update.inline_query.answer([article], cache_time=0, is_personal=True, button=button)
    answer = await asking
    assert answer["is_personal"]
    assert answer["button"]["start_parameter"] == "new"
    card = anna.choose(answer["results"][0], tg.group("Elsewhere", anna))
    (update,) = await updates_of(bot)
    assert update.chosen_inline_result
    assert update.chosen_inline_result.inline_message_id == card.inline_message_id
    assert await bot.edit_message_text("Tea: 1", inline_message_id=card.inline_message_id) is True
    assert card.text == "Tea: 1"


async def test_chats_and_members_are_read(bot: Bot, anna: Any, group: Any) -> None:
    assert (await bot.get_chat(group.id)).title == "Tea"
    assert (await bot.get_chat(anna.id)).username == "anna_i"
    assert (await bot.get_chat_member(group.id, anna.id)).status == ChatMemberStatus.OWNER
    assert (await bot.get_chat_member(group.id, bot.id)).status == ChatMemberStatus.MEMBER
    assert [member.user.id for member in await bot.get_chat_administrators(group.id)] == [anna.id]
    assert await bot.get_chat_member_count(group.id) == 2
    group.set_bot(anna, "administrator")
    assert (await bot.get_chat_member(group.id, bot.id)).status == ChatMemberStatus.ADMINISTRATOR
    changed = (await updates_of(bot))[-1].my_chat_member
    assert changed
    assert changed.new_chat_member.status == ChatMemberStatus.ADMINISTRATOR
    assert await bot.send_chat_action(group.id, ChatAction.TYPING)
    assert await bot.leave_chat(group.id)


async def test_the_profile_is_set(bot: Bot) -> None:
    scope = BotCommandScopeAllGroupChats()
    assert await bot.set_my_commands([BotCommand("new", "Create an event")], scope=scope, language_code="ru")
    assert [one.command for one in await bot.get_my_commands(scope=scope, language_code="ru")] == ["new"]
    assert await bot.delete_my_commands(scope=scope, language_code="ru")
    assert await bot.set_my_name("Events")
    assert (await bot.get_my_name()).name == "Events"
    assert await bot.set_my_description("Organizes events", language_code="en")
    assert (await bot.get_my_description("en")).description == "Organizes events"
    assert await bot.set_my_short_description("Events")
    assert (await bot.get_my_short_description()).short_description == "Events"
    assert await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    assert (await bot.get_chat_menu_button()).type == "commands"


async def test_a_webhook_is_set_and_deleted(bot: Bot) -> None:
    assert await bot.set_webhook("https://bot.example/hook", secret_token="s", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert (info.url, info.allowed_updates) == ("https://bot.example/hook", ("message",))
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    assert await bot.delete_webhook(drop_pending_updates=True)
    await bot.get_updates(allowed_updates=[])


async def test_errors_become_the_exceptions_of_the_library(
    bot: Bot, tg: Any, anna: Any, group: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    sent = await bot.send_message(anna.id, "Tea")
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_text("Tea")
    with pytest.raises(BadRequest, match="Message text is empty"):
        await bot.send_message(anna.id, " ")
    with pytest.raises(BadRequest, match="Button_data_invalid"):
        await bot.send_message(
            anna.id, "Tea", reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="x" * 65)]])
        )
    anna.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(anna.id, "Tea")
    moved = group.migrate()
    with pytest.raises(ChatMigrated) as migrated:
        await bot.send_message(group.id, "Tea")
    assert migrated.value.new_chat_id == moved.id
    tg.fail("sendMessage", ApiError(429, "Too Many Requests: retry after 7", retry_after=7))
    with pytest.raises(RetryAfter) as limited:
        await bot.send_message(moved.id, "Tea")
    assert limited.value.retry_after == timedelta(seconds=7)
    moved.remove_bot(anna)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(moved.id, "Tea")
    tg.fail("getMe", "lost")
    with pytest.raises(NetworkError):
        await bot.get_me()


async def test_a_proxy_and_a_wrong_token_become_exceptions(bot: Bot, tg: Any) -> None:
    tg.down = True
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.get_me()
    tg.down = False
    with pytest.raises(InvalidToken):
        async with Bot("123456789:wrong", base_url=f"{tg.url}/bot"):
            pass


async def test_the_older_of_two_pollers_gets_a_conflict(bot: Bot, tg: Any, api: Api) -> None:
    tg.pending.clear()
    waiting = asyncio.create_task(bot.get_updates(timeout=50))
    await asyncio.to_thread(tg.wait_until, lambda: tg.updates.is_polled, 30)
    await asyncio.to_thread(api, "getUpdates")
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await waiting


async def test_an_update_that_cannot_be_read_is_an_exception_of_the_library(bot: Bot, tg: Any) -> None:
    tg.pending.clear()
    tg.tell("message", {"message_id": "not a number"})
    with pytest.raises((TelegramError, TypeError, KeyError)):
        await bot.get_updates()
    tg.pending.clear()
