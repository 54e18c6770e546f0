"""The answers to callback queries and inline queries."""

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.formatting import formatted
from eventorg.testing.telegram.html_parser import units
from eventorg.testing.telegram.keyboards import read_markup
from eventorg.testing.telegram.parameters import Parameters
from eventorg.testing.telegram.targets import LONGEST_TEXT

if TYPE_CHECKING:
    from eventorg.testing.telegram.fake import FakeTelegram

LONGEST_ANSWER = 200
MOST_RESULTS = 50
TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def answer_callback_query(tg: "FakeTelegram", given: Parameters) -> bool:
    """Shows the answer to whoever tapped: a toast, an alert, or a link to open."""
    answer = _open_query(tg, "callback", given.text("callback_query_id"), tg.limits.callback_seconds)
    text, url = given.text("text"), given.text("url")
    if units(text) > LONGEST_ANSWER:
        raise bad("MESSAGE_TOO_LONG")
    if url and not re.match(rf"(https://)?t\.me/{tg.me['username']}\?start=", url):
        raise bad("URL_INVALID")
    answer.set_result({"text": text, "show_alert": given.flag("show_alert"), "url": url or None})
    return True


async def answer_inline_query(tg: "FakeTelegram", given: Parameters) -> bool:
    """Shows results below an inline query."""
    answer = _open_query(tg, "inline", given.text("inline_query_id"), tg.limits.inline_seconds)
    results = given.json("results", "inline query results")
    if not isinstance(results, list):
        raise bad("can't parse inline query results: Expected an Array")
    if len(results) > MOST_RESULTS:
        raise bad("RESULTS_TOO_MUCH")
    ids = [str(result.get("id", "")) for result in results]
    if any(not 1 <= len(one.encode()) <= 64 for one in ids):
        raise bad("RESULT_ID_INVALID")
    if len(set(ids)) != len(ids):
        raise bad("RESULT_ID_DUPLICATE")
    for result in results:
        _check_result(tg, result)
    if len(given.text("next_offset").encode()) > 64:
        raise bad("NEXT_OFFSET_INVALID")
    button = given.json("button", "inline query results button")
    if button and "start_parameter" in button and not START_PARAMETER.fullmatch(button["start_parameter"]):
        raise bad("START_PARAM_INVALID")
    answer.set_result(
        {
            "results": results,
            "cache_time": given.number("cache_time", 300),
            "is_personal": given.flag("is_personal"),
            "next_offset": given.text("next_offset"),
            "button": button,
        }
    )
    return True


def _open_query(tg: "FakeTelegram", kind: str, query_id: str, seconds: float) -> "asyncio.Future[Json]":
    """Returns the future answer of a query that is open. Raises the error 400."""
    at, answer = tg.asked[kind].get(query_id, (0.0, None))
    if answer is None or answer.done() or time.monotonic() - at > seconds:
        raise bad(TOO_OLD)
    return answer


def _check_result(tg: "FakeTelegram", result: Any) -> None:
    if not isinstance(result, dict):
        raise bad("can't parse inline query result: Inline query result must be an object")
    content = result.get("input_message_content") or {}
    if result.get("type") == "article" and not result.get("title"):
        raise bad("can't parse inline query result: Can't find field \"title\"")
    if result.get("type") == "article" and not content:
        raise bad("can't parse inline query result: Can't find field \"input_message_content\"")
    if "message_text" in content:
        mode = content.get("parse_mode") or ""
        text, _ = formatted(content["message_text"], mode, content.get("entities"), tg.find_user)
        if not text:
            raise bad("message text is empty")
        if units(text) > LONGEST_TEXT:
            raise bad("MESSAGE_TOO_LONG")
    read_markup(Parameters(result), is_private=False, inline_only=True)


METHODS = {"answerCallbackQuery": answer_callback_query, "answerInlineQuery": answer_inline_query}
