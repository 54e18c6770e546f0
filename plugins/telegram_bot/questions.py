"""Questions at registration: a tap that is refused for want of answers begins a dialog in private."""

import re
from http import HTTPStatus
from typing import Any, Final

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from . import invitations
from .api import Problem
from .bot import Bot
from .client import Gone, TelegramError
from .people import Person
from .router import Feature, Said, Tap
from .state import DIALOG, PERSON, Values
from .taps import describe
from .texts import say, shorten

PARAMETER: Final = "q_"
"""What stands before the code of the event in the parameter of `/start`."""
UNANSWERED: Final = "questions_unanswered"
_KIND: Final = "questions"
_TAP: Final = "dq"
_ID: Final = 8
"""The length of the part of a question's ID that buttons have."""
_MAX_ANSWER: Final = 1000
_MAX_NUMBER: Final = 10**15
_NUMBER: Final = re.compile(r"[+\-−]?\d{1,16}(?:[.,]\d{1,15})?")
_LABEL: Final = 100


async def _begin(tap: Tap, problem: Problem) -> None:
    """Begins the dialog after a refused tap: in private, or with a link to there."""
    how, code = _meaning(tap.query.data or "")
    bot, person = tap.bot, tap.person
    kept = await _open(bot, person, how, code, problem, tap.key)
    if tap.chat == person.id:
        await tap.toast()
        return await _ask(bot, person, kept)
    if (await bot.state.get(PERSON, person.id)).get("is_started"):
        try:
            await _ask(bot, person, kept)
        except Gone:
            pass  # blocked, which the bot has not heard of
        else:
            return await tap.toast(say(person.language, "questions.in_private"), alert=True)
    return await tap.toast(url=bot.link(f"{PARAMETER}{code}"))


def _meaning(data: str) -> tuple[str, str]:
    """Returns what a button does, and the code of its event or invitation."""
    parts = data.split(":")
    if parts[0] == "i":  # an inline card, with its language
        parts = parts[2:]
    if parts[0] == invitations.TAP:
        return "invitation", parts[-1]
    return ("plus" if parts[0] == "p" else "going"), parts[-1]


async def resume(said: Said, code: str) -> None:
    """Goes on with the dialog about an event, from a link. Without a dialog, the person registers."""
    kept = await said.bot.state.get(DIALOG, said.person.id)
    if kept.get("kind") == _KIND and kept["code"] == code:
        return await _ask(said.bot, said.person, kept)
    values = {"how": "going", "code": code, "answers": {}, "key": f"telegram:{said.update_id}"}
    return await _register(said.bot, said.person, values)


async def _open(bot: Bot, person: Person, how: str, code: str, problem: Problem, key: str) -> Values:
    path = f"/invitations/{code}" if how == "invitation" else f"/events/{code}"
    event = await bot.api.get(path, person)
    questions = problem.document["data"]["questions"]
    kept = {"kind": _KIND, "how": how, "code": code, "title": event["title"], "key": key, "count": len(questions)}
    kept |= {"questions": questions, "answers": {}, "chosen": []}
    await _keep(bot, person, kept)
    return kept


async def _keep(bot: Bot, person: Person, kept: Values) -> None:
    await bot.state.set(DIALOG, person.id, kept, await bot.api.user_id(person))


async def _ask(bot: Bot, person: Person, kept: Values) -> None:
    """Sends the next question."""
    question = kept["questions"][0]
    text = _text(kept, person.language)
    message = await bot.telegram.send(person.id, text, keyboard=_keyboard(question, kept["chosen"], person.language))
    kept["message"] = message.message_id
    await _keep(bot, person, kept)


def _text(kept: Values, language: str) -> str:
    question = kept["questions"][0]
    lines = [question["label"]]
    if kept["count"] == len(kept["questions"]):
        title = shorten(kept["title"], _LABEL)
        lines = [say(language, "questions.intro", count=kept["count"], title=title), "", *lines]
    if question["kind"] in ("text", "number", "choices"):
        lines.append(say(language, f"questions.how_{question['kind']}"))
    return "\n".join(lines)


def _keyboard(question: dict[str, Any], chosen: list[int], language: str) -> InlineKeyboardMarkup:
    def button(text: str, data: object) -> InlineKeyboardButton:
        return InlineKeyboardButton(text, callback_data=f"{_TAP}:{question['id'][:_ID]}:{data}")

    rows = []
    if question["kind"] == "yes_no":
        rows.append([button(say(language, f"questions.{each}"), each) for each in ("yes", "no")])
    for at, option in enumerate(question["options"] or ()):
        mark = "☑️ " if at in chosen else ""
        rows.append([button(mark + shorten(option, _LABEL), at)])
    if question["kind"] == "choices":
        rows.append([button(say(language, "questions.done"), "done")])
    if not question["required"]:
        rows.append([button(say(language, "questions.skip"), "skip")])
    rows.append([button(say(language, "questions.stop"), "stop")])
    return InlineKeyboardMarkup(rows)


async def _tap(tap: Tap) -> None:
    """Takes an answer by button."""
    bot, person, language = tap.bot, tap.person, tap.person.language
    kept = await bot.state.get(DIALOG, person.id)
    short, _, data = tap.argument.partition(":")
    if kept.get("kind") != _KIND or not kept["questions"][0]["id"].startswith(short):
        return await tap.toast(say(language, "errors.unknown_button"))
    question = kept["questions"][0]
    if data == "stop":
        await bot.state.set(DIALOG, person.id, {})
        await tap.toast()
        return await _close(bot, person, kept, say(language, "questions.stopped"))
    if data == "done" and not kept["chosen"]:
        return await tap.toast(say(language, "questions.choose"))
    await tap.toast()
    if data == "skip":
        return await _take(bot, person, kept, None, say(language, "questions.skipped"))
    if data == "done":
        picked = [question["options"][at] for at in sorted(kept["chosen"])]
        return await _take(bot, person, kept, picked, ", ".join(picked))
    if question["kind"] == "yes_no":
        return await _take(bot, person, kept, data == "yes", say(language, f"questions.{data}"))
    if question["kind"] == "choice":
        option = question["options"][int(data)]
        return await _take(bot, person, kept, option, option)
    kept["chosen"] = sorted({*kept["chosen"]} ^ {int(data)})
    await _keep(bot, person, kept)
    keyboard = _keyboard(question, kept["chosen"], language)
    return await bot.telegram.edit(_text(kept, language), chat=tap.chat, message=tap.message_id, keyboard=keyboard)


async def _said(said: Said) -> bool:
    """Takes an answer by message."""
    language, text = said.person.language, said.argument.strip()
    kept = await said.bot.state.get(DIALOG, said.person.id)
    if kept.get("kind") != _KIND or not text:
        return False
    kind = kept["questions"][0]["kind"]
    if kind == "text" and len(text) <= _MAX_ANSWER:
        await _take(said.bot, said.person, kept, text, text)
    elif kind == "number" and (number := _number(text)) is not None:
        await _take(said.bot, said.person, kept, number, text)
    elif kind in ("text", "number"):
        await said.reply(say(language, f"questions.bad_{kind}"))
    else:
        await said.reply(say(language, "questions.use_buttons"))
    return True


def _number(text: str) -> int | float | None:
    if not _NUMBER.fullmatch(text):
        return None
    plain = text.replace(",", ".").replace("−", "-")
    number = float(plain) if "." in plain else int(plain)
    return number if abs(number) <= _MAX_NUMBER else None


async def _take(bot: Bot, person: Person, kept: Values, value: Any, shown: str) -> None:
    """Keeps an answer, None for a question that is skipped, and goes on."""
    await _close(bot, person, kept, f"→ {shown}")
    question = kept["questions"].pop(0)
    kept["chosen"] = []
    if value is not None:
        kept["answers"][question["id"]] = value
    if kept["questions"]:
        return await _ask(bot, person, kept)
    await bot.state.set(DIALOG, person.id, {})
    return await _register(bot, person, kept)


async def _close(bot: Bot, person: Person, kept: Values, words: str) -> None:
    """Takes the buttons from a question, and adds what became of it."""
    text = f"{_text(kept, person.language)}\n\n{words}"
    try:
        await bot.telegram.edit(text, chat=person.id, message=kept["message"])
    except (Gone, TelegramError):
        bot.log.info("telegram_question_not_edited")


async def _register(bot: Bot, person: Person, kept: Values) -> None:
    """Stores the answers and registers the person. If there are new questions, asks them."""
    path = f"/invitations/{kept['code']}" if kept["how"] == "invitation" else f"/events/{kept['code']}"
    if kept["answers"]:
        answers = await _answers_before(bot, person, path) | kept["answers"]
        await bot.api.call("PUT", f"{path}/answers", person, json={"answers": answers})
    try:
        result = await _answer(bot, person, path, kept)
    except Problem as problem:
        if problem.code != UNANSWERED:
            raise
        return await _ask(bot, person, await _open(bot, person, kept["how"], kept["code"], problem, kept["key"]))
    bot.news.set()
    await bot.telegram.send(person.id, describe(result, person.language))
    if kept["how"] == "invitation":
        await bot.cards.post(person.id, result["event_id"], person.language, person)
    return None


async def _answers_before(bot: Bot, person: Person, path: str) -> Values:
    """Returns what a person has answered so far: the server replaces all answers."""
    try:
        found: Values = (await bot.api.get(f"{path}/answers", person))["answers"]
    except Problem as problem:
        if problem.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
            raise
        return {}  # an invitation: its answers can be written only
    return found


async def _answer(bot: Bot, person: Person, path: str, kept: Values) -> Values:
    key = f"{kept['key']}:{'-'.join(kept['answers'])}"[:255]
    if kept["how"] == "invitation":
        return await invitations.accept(bot, person, kept["code"], "going", key)
    if kept["how"] == "plus":
        body: Values = {"guests_delta": 1}
        changed: Values = await bot.api.call("PATCH", f"{path}/rsvp", person, json=body, key=key)
        return changed
    answered: Values = await bot.api.call("PUT", f"{path}/rsvp", person, json={"answer": "going"})
    return answered


FEATURE = Feature(taps={_TAP: _tap}, texts=(_said,), refusals={UNANSWERED: _begin})
