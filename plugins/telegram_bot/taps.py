"""The buttons of a card: going, one guest more or less, maybe, not going."""

from typing import Any

from .router import Feature, Tap
from .state import PERSON
from .texts import say


async def _answer(tap: Tap, answer: str) -> None:
    result = await tap.bot.api.call("PUT", f"/events/{tap.argument}/rsvp", tap.person, json={"answer": answer})
    if answer != "going" or not await _is_late(tap, tap.argument):
        await _finish(tap, result)


async def _answer_news(tap: Tap) -> None:
    """Answers under a message about the event, which is no card."""
    answer, _, event_id = tap.argument.partition(":")
    result = await tap.bot.api.call("PUT", f"/events/{event_id}/rsvp", tap.person, json={"answer": answer})
    if answer != "going" or not await _is_late(tap, event_id):
        tap.bot.news.set()
        await tap.toast(describe(result, tap.person.language))


async def _is_late(tap: Tap, event_id: str) -> bool:
    """Says with an alert that the event is cancelled, if it is. The server refuses what would change an answer then,
    but not `going` of somebody who is going, nor a guest less."""
    event = await tap.bot.api.get(f"/events/{event_id}", tap.person)
    if event["status"] != "cancelled":
        return False
    await tap.toast(say(tap.person.language, "taps.cancelled"), alert=True)
    return True


async def _step(tap: Tap, delta: int) -> None:
    path = f"/events/{tap.argument}/rsvp"
    result = await tap.bot.api.call("PATCH", path, tap.person, json={"guests_delta": delta}, key=tap.key)
    if delta < 0 and not result["registration"]:
        return await tap.toast(say(tap.person.language, "taps.no_guests"))
    return await _finish(tap, result)


async def _going(tap: Tap) -> None:
    await _answer(tap, "going")


async def _maybe(tap: Tap) -> None:
    await _answer(tap, "maybe")


async def _declined(tap: Tap) -> None:
    await _answer(tap, "declined")


async def _plus(tap: Tap) -> None:
    await _step(tap, 1)


async def _minus(tap: Tap) -> None:
    if not await _is_late(tap, tap.argument):
        await _step(tap, -1)


async def _finish(tap: Tap, result: dict[str, Any]) -> None:
    """Answers the tap, and has the cards edited."""
    tap.bot.news.set()
    words = describe(result, tap.person.language)
    if await _needs_hint(tap):
        words += "\n" + say(tap.person.language, "taps.press_start", username=tap.bot.username)
    await tap.toast(words)
    await keep_current(tap, result["event_id"])


async def keep_current(tap: Tap, event_id: str) -> None:
    """Tells the server of a card that this process has not seen yet: one from before a crash. `inline` does it for
    inline ones, whose language only their first buttons know."""
    if tap.chat is None or tap.bot.cards.is_known(tap.chat, tap.message_id):
        return
    language = await tap.bot.chat_language(tap.chat, tap.person)
    host = await tap.bot.cards.host_of(event_id)
    await tap.bot.cards.place(event_id, tap.chat, tap.message_id, language, host)
    tap.bot.cards.note_place(tap.chat, tap.message_id)
    tap.bot.news.set()


async def _needs_hint(tap: Tap) -> bool:
    """Returns true once for somebody to whom the bot cannot write yet."""
    if tap.chat == tap.person.id:
        return False
    kept = await tap.bot.state.get(PERSON, tap.person.id)
    if kept.get("is_started") or kept.get("is_hinted"):
        return False
    await tap.bot.keep(tap.person, is_hinted=True)
    return True


def describe(result: dict[str, Any], language: str) -> str:
    """Returns what an answer means for the person: a seat, a place in the queue, or none."""
    registration, counts = result["registration"], result["counts"]
    if registration is None:
        return say(language, f"taps.{result['answer']}") if result["answer"] else say(language, "taps.declined")
    if not registration["approved"]:
        return say(language, "taps.pending")
    guests = registration["guests"]
    if position := registration["waitlist_position"]:
        if guests:
            return say(language, "taps.waiting_with", position=position, count=guests)
        return say(language, "taps.waiting", position=position)
    words = say(language, "taps.going_with", count=guests) if guests else say(language, "taps.going")
    if counts["capacity"] is None:
        return words
    return f"{words} " + say(language, "taps.seats", taken=counts["registered"], capacity=counts["capacity"])


FEATURE = Feature(taps={"g": _going, "p": _plus, "m": _minus, "y": _maybe, "n": _declined, "a": _answer_news})
