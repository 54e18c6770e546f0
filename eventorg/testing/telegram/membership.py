"""The methods about chats and their members."""

from typing import TYPE_CHECKING

from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.parameters import Parameters
from eventorg.testing.telegram.targets import chat_of

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


async def get_chat(tg: "FakeTelegram", given: Parameters) -> Json:
    """Returns the `ChatFullInfo`."""
    chat = chat_of(tg, given)
    shown = chat.json() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(GIFTS, False),
    }
    return shown | ({"pinned_message": chat.pinned.json(deep=False)} if chat.pinned else {})


async def get_chat_member(tg: "FakeTelegram", given: Parameters) -> Json:
    """Returns the `ChatMember`, also of somebody who has left."""
    chat = chat_of(tg, given)
    user = tg.find_user(given.number("user_id"))
    if user is None:
        raise bad("PARTICIPANT_ID_INVALID")
    return chat.member(user)


async def get_chat_administrators(tg: "FakeTelegram", given: Parameters) -> list[Json]:
    """Returns the creator and the administrators."""
    chat = chat_of(tg, given)
    if chat.is_private:
        raise bad("there are no administrators in the private chat")
    leading = [user_id for user_id, status in chat.members.items() if status in ("creator", "administrator")]
    return [chat.member(user) for user_id in leading if (user := tg.find_user(user_id))]


async def get_chat_member_count(tg: "FakeTelegram", given: Parameters) -> int:
    """Returns the number of members, with the bot."""
    chat = chat_of(tg, given)
    return 2 if chat.is_private else sum(status not in ("left", "kicked") for status in chat.members.values())


async def leave_chat(tg: "FakeTelegram", given: Parameters) -> bool:
    """Makes the bot leave a group."""
    chat = chat_of(tg, given)
    if chat.is_private:
        raise bad("chat member status can't be changed in private chats")
    old = chat.member(tg.me)
    chat.members[tg.me["id"]] = "left"
    tg.tell_status(chat, tg.me, old, chat.member(tg.me))
    return True


METHODS = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
}
