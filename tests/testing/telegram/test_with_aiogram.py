"""The small Telegram as aiogram speaks to it. aiogram takes seconds to import, so it comes with the extra `fuzz`."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from eventorg.testing.telegram import ApiError
from tests.testing.telegram.api import Api

pytestmark = [pytest.mark.fuzz, pytest.mark.anyio]


class Library:
    """The modules of aiogram, imported when the first test runs."""

    def __init__(self) -> None:
        self.bot = importlib.import_module("aiogram").Bot
        self.exceptions = importlib.import_module("aiogram.exceptions")
        self.server = importlib.import_module("aiogram.client.telegram").TelegramAPIServer
        self.session = importlib.import_module("aiogram.client.session.aiohttp").AiohttpSession
        self.types = importlib.import_module("aiogram.types")

    def buttons(self) -> Any:
        """Returns the keyboard of a card."""
        button = self.types.InlineKeyboardButton(text="✅ Going", callback_data="go")
        return self.types.InlineKeyboardMarkup(inline_keyboard=[[button]])


@pytest.fixture(scope="module")
def library() -> Library:
    """Imports aiogram."""
    return Library()


@pytest.fixture(scope="module")
async def bot(library: Library, tg: Any, anyio_backend: str) -> AsyncIterator[Any]:
    """Returns a bot of aiogram."""
    assert anyio_backend == "asyncio"
    session = library.session(api=library.server.from_base(tg.url))
    async with library.bot(tg.token, session=session) as bot:
        yield bot


async def updates_of(bot: Any) -> Any:
    """Returns the next updates, and confirms them."""
    updates = await bot.get_updates(timeout=10)
    await bot.get_updates(offset=updates[-1].update_id + 1)
    return updates


async def test_messages_are_sent_edited_pinned_and_deleted(library: Library, bot: Any, anna: Any, group: Any) -> None:
    assert (await bot.get_me()).username == "eventorg_bot"
    said = anna.say(group, "/my")
    group.set_bot(anna, "administrator")
    reply = library.types.ReplyParameters(message_id=said.message_id)
    text = "<b>Tea</b> &amp; <tg-time unix='1800000000' format='wDT'>Friday</tg-time>"
    sent = await bot.send_message(
        group.id, text, parse_mode="HTML", reply_markup=library.buttons(), reply_parameters=reply
    )
    assert [(entity.type, entity.offset, entity.length) for entity in sent.entities] == [
        ("bold", 0, 3),
        ("date_time", 6, 6),
    ]
    assert sent.reply_markup.inline_keyboard[0][0].callback_data == "go"
    assert sent.reply_to_message.text == "/my"
    place = {"chat_id": group.id, "message_id": sent.message_id}
    assert (await bot.edit_message_text("Tea: 1", **place, reply_markup=library.buttons())).text == "Tea: 1"
    assert (await bot.edit_message_reply_markup(**place)).reply_markup is None
    assert await bot.pin_chat_message(**place)
    assert (await bot.get_chat(group.id)).pinned_message.message_id == sent.message_id
    assert await bot.unpin_chat_message(group.id)
    assert await bot.delete_message(**place)
    assert await bot.delete_messages(group.id, [sent.message_id])


async def test_entities_and_keyboards(library: Library, bot: Any, tg: Any, anna: Any) -> None:
    types, boris = library.types, tg.person("Boris")
    entities = [types.MessageEntity(type="text_mention", offset=2, length=4, user=types.User(**anna.json()))]
    sent = await bot.send_message(anna.id, "🍵Anna", entities=entities)
    assert (sent.entities[0].type, sent.entities[0].user.id) == ("text_mention", anna.id)
    keys = [
        types.KeyboardButton(text="Here", request_location=True),
        types.KeyboardButton(text="Them", request_users=types.KeyboardButtonRequestUsers(request_id=7)),
    ]
    await bot.send_message(anna.id, "Where?", reply_markup=types.ReplyKeyboardMarkup(keyboard=[keys]))
    await bot.send_message(anna.id, "What?", reply_markup=types.ForceReply())
    await bot.send_message(anna.id, "Thanks", reply_markup=types.ReplyKeyboardRemove())
    anna.share_location(55.7, 37.6)
    anna.share_contact(boris)
    anna.share_users(7, boris)
    messages = [update.message for update in await updates_of(bot)]
    assert messages[-3].location.latitude == 55.7
    assert messages[-2].contact.user_id == boris.id
    assert messages[-1].users_shared.users[0].user_id == boris.id


async def test_files_are_sent_and_downloaded(library: Library, bot: Any, anna: Any) -> None:
    file = library.types.BufferedInputFile(b"a,b", "guests.csv")
    sent = await bot.send_document(anna.id, file, caption="Guests")
    assert (sent.document.file_name, sent.caption) == ("guests.csv", "Guests")
    assert (await bot.download(sent.document)).read() == b"a,b"
    place = {"chat_id": anna.id, "message_id": sent.message_id}
    assert (await bot.edit_message_caption(**place, caption="All")).caption == "All"
    photo = await bot.send_photo(anna.id, library.types.BufferedInputFile(b"png", "tea.png"))
    assert photo.photo[0].width == 640
    assert (await bot.send_location(anna.id, 55.7, 37.6)).location.longitude == 37.6


async def test_taps_and_inline_queries_are_answered(library: Library, bot: Any, tg: Any, anna: Any, group: Any) -> None:
    await bot.send_message(group.id, "Tea", reply_markup=library.buttons())
    tap = asyncio.create_task(asyncio.to_thread(anna.tap, group.shown[-1], "Going"))
    (update,) = await updates_of(bot)
    assert await bot.answer_callback_query(update.callback_query.id, text="Seat 1")
    assert (await tap)["text"] == "Seat 1"
    asking = asyncio.create_task(asyncio.to_thread(anna.inline, "te"))
    (update,) = await updates_of(bot)
    content = library.types.InputTextMessageContent(message_text="Tea")
    article = library.types.InlineQueryResultArticle(
        id="1", title="Tea", input_message_content=content, reply_markup=library.buttons()
    )
    assert await bot.answer_inline_query(update.inline_query.id, [article], cache_time=0, is_personal=True)
    card = anna.choose((await asking)["results"][0], tg.group("Elsewhere", anna))
    (update,) = await updates_of(bot)
    assert update.chosen_inline_result.inline_message_id == card.inline_message_id
    assert await bot.edit_message_text("Tea: 1", inline_message_id=card.inline_message_id) is True


async def test_members_and_the_profile(library: Library, bot: Any, anna: Any, group: Any) -> None:
    types = library.types
    assert (await bot.get_chat_member(group.id, anna.id)).status == "creator"
    assert (await bot.get_chat_member(group.id, bot.id)).status == "member"
    assert len(await bot.get_chat_administrators(group.id)) == 1
    assert await bot.get_chat_member_count(group.id) == 2
    group.set_bot(anna, "administrator")
    assert (await bot.get_chat_member(group.id, bot.id)).can_pin_messages
    assert await bot.send_chat_action(group.id, "typing")
    assert await bot.set_my_commands([types.BotCommand(command="new", description="Create an event")])
    assert [one.command for one in await bot.get_my_commands()] == ["new"]
    assert await bot.delete_my_commands()
    assert await bot.set_my_name("Events")
    assert (await bot.get_my_name()).name == "Events"
    assert await bot.set_my_description("Organizes events")
    assert await bot.set_my_short_description("Events")
    assert await bot.set_chat_menu_button(menu_button=types.MenuButtonCommands())
    assert (await bot.get_chat_menu_button()).type == "commands"
    assert await bot.set_webhook("https://bot.example/hook", secret_token="s")
    assert (await bot.get_webhook_info()).url == "https://bot.example/hook"
    with pytest.raises(library.exceptions.TelegramConflictError):
        await bot.get_updates()
    assert await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.leave_chat(group.id)


async def test_errors_become_the_exceptions_of_the_library(
    library: Library, bot: Any, tg: Any, anna: Any, group: Any, api: Api
) -> None:
    exceptions = library.exceptions
    with pytest.raises(exceptions.TelegramBadRequest, match="message text is empty"):
        await bot.send_message(anna.id, " ")
    anna.block()
    with pytest.raises(exceptions.TelegramForbiddenError, match="blocked by the user"):
        await bot.send_message(anna.id, "Tea")
    moved = group.migrate()
    with pytest.raises(exceptions.TelegramMigrateToChat) as migrated:
        await bot.send_message(group.id, "Tea")
    assert migrated.value.migrate_to_chat_id == moved.id
    tg.fail("sendMessage", ApiError(429, "Too Many Requests: retry after 7", retry_after=7))
    with pytest.raises(exceptions.TelegramRetryAfter) as limited:
        await bot.send_message(moved.id, "Tea")
    assert limited.value.retry_after == 7
    tg.fail("getMe", "lost")
    with pytest.raises(exceptions.TelegramNetworkError):
        await bot.get_me()
    tg.down = True
    with pytest.raises(exceptions.AiogramError):
        await bot.get_me()
    tg.down = False
    session = library.session(api=library.server.from_base(tg.url))
    async with library.bot("123456789:wrong", session=session) as other:
        with pytest.raises(exceptions.TelegramUnauthorizedError):
            await other.get_me()
    tg.pending.clear()
    waiting = asyncio.create_task(bot.get_updates(timeout=50))
    await asyncio.to_thread(tg.wait_until, lambda: tg.updates.is_polled, 30)
    await asyncio.to_thread(api, "getUpdates")
    with pytest.raises(exceptions.TelegramConflictError):
        await waiting
    tg.tell("message", {"message_id": "not a number"})
    with pytest.raises(exceptions.ClientDecodeError):
        await bot.get_updates()
    tg.pending.clear()
