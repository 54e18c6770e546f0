"""The time zone of a place that somebody shares: in private the person's, in a group as a reply to the question."""

from telegram import Location, Message

from .bot import Bot
from .router import Feature, Said
from .settings import is_zone
from .texts import say
from .zones import TAP, set_zone


def zone_of(place: Location) -> str | None:
    """Returns the time zone at a place, or None at sea."""
    from tzfpy import get_tz  # 40 MB of borders, read at the first call

    zone: str = get_tz(place.longitude, place.latitude)
    return None if zone.startswith("Etc/") or not is_zone(zone) else zone


async def _in_private(said: Said) -> bool:
    if said.message.location is None:
        return False
    await said.reply(await _set(said.bot, said.message, said.message.location))
    return True


async def _in_group(bot: Bot, message: Message) -> None:
    """Takes a place in a group, if it is a reply to the question about the zone: others are not for the bot."""
    asked = message.reply_to_message
    if message.location is None or message.chat.id > 0 or asked is None or asked.reply_markup is None:
        return
    data = [each.callback_data for row in asked.reply_markup.inline_keyboard for each in row]
    if any(isinstance(each, str) and each.startswith(f"{TAP}:") for each in data):
        words = await _set(bot, message, message.location)
        await bot.telegram.send(message.chat.id, words, reply_to=message.message_id)


async def _set(bot: Bot, message: Message, place: Location) -> str:
    """Sets the zone of the chat, and returns what to say about it."""
    assert message.from_user
    person = await bot.person(message.from_user)
    zone = zone_of(place)
    if zone is None:
        return say(person.language, "zones.at_sea")
    return await set_zone(bot, message.chat.id, person, zone, f"telegram:{message.chat.id}:{message.message_id}")


FEATURE = Feature(texts=(_in_private,), services=(_in_group,))
