"""Taps on buttons and inline queries, with the answers to them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from eventorg.testing import running_fake
from eventorg.testing.telegram import Limits
from tests.testing.telegram.api import Api, Refused

CARD = {"inline_keyboard": [[{"text": "✅ Going", "callback_data": "go"}, {"text": "Site", "url": "x.org"}]]}
TEA = {"type": "article", "id": "tea", "title": "Tea", "input_message_content": {"message_text": "Tea"}}


class Acting:
    """Acts in a thread, so that the test can be the bot meanwhile."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self._result: Any = None

        def run() -> None:
            self._result = act()

        self._thread = threading.Thread(target=run)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join()
        return self._result


def asked(api: Api, tg: Any, kind: str) -> Any:
    """Returns the next query of this kind, and confirms it."""
    while not (updates := api("getUpdates", timeout=10)):
        pass
    api("getUpdates", offset=updates[-1]["update_id"] + 1)
    return updates[-1][kind]


def test_a_tap_is_answered_with_a_toast(api: Api, tg: Any, anna: Any, group: Any) -> None:
    sent = api("sendMessage", chat_id=group.id, text="Tea", reply_markup=CARD)
    card = group.wait_for(lambda message: message.buttons)
    tap = Acting(lambda: anna.tap(card, "Going"))
    query = asked(api, tg, "callback_query")
    assert query["data"] == "go"
    assert query["from"]["language_code"] == "ru"
    assert query["message"]["message_id"] == sent["message_id"]
    assert api("answerCallbackQuery", callback_query_id=query["id"], text="x" * 200, show_alert="true") is True
    assert tap.result() == {"text": "x" * 200, "show_alert": True, "url": None}
    with pytest.raises(Refused, match="query is too old"):
        api("answerCallbackQuery", callback_query_id=query["id"])


def test_answers_that_are_not_right_are_refused(api: Api, tg: Any, anna: Any, group: Any) -> None:
    api("sendMessage", chat_id=group.id, text="Tea", reply_markup=CARD)
    tap = Acting(lambda: anna.tap(group.wait_for(lambda message: message.buttons), "go"))
    query_id = asked(api, tg, "callback_query")["id"]
    for wrong, words in (
        ({"text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ({"url": "https://x.org"}, "URL_INVALID"),
        ({"callback_query_id": "1"}, "query is too old"),
        ({"callback_query_id": None}, "query is too old"),
    ):
        with pytest.raises(Refused, match=words):
            api("answerCallbackQuery", **({"callback_query_id": query_id} | wrong))
    url = "https://t.me/eventorg_bot?start=c1"
    api("answerCallbackQuery", callback_query_id=query_id, url=url)
    assert tap.result()["url"] == url


def test_an_exact_label_wins_over_a_part_of_one(api: Api, anna: Any) -> None:
    labels = ("Going home", "Going", "Home")
    rows = [[{"text": each, "callback_data": each.lower()} for each in labels]]
    api("sendMessage", chat_id=anna.start().chat.id, text="Tea", reply_markup={"inline_keyboard": rows})
    card = anna.chat.shown[-1]
    found = [card.button(wanted)["text"] for wanted in ("Going", "going", "home", "Hom")]
    assert found == ["Going", "Going", "Home", "Home"]


def test_a_link_does_not_reach_the_bot(api: Api, anna: Any) -> None:
    api("sendMessage", chat_id=anna.id, text="Tea", reply_markup=CARD)
    with pytest.raises(LookupError, match="no callback button"):
        anna.tap(anna.chat.shown[-1], "Site")


def test_a_query_can_be_answered_only_for_a_while() -> None:
    limits = Limits(callback_seconds=0.0, inline_seconds=0.0)
    with running_fake(limits=limits) as tg, Api(tg.url, tg.token) as api:
        anna = tg.person("Anna")
        anna.start()
        api("sendMessage", chat_id=anna.id, text="Tea", reply_markup=CARD)
        query_id, _ = anna.press(anna.chat.shown[-1], "Going")
        with pytest.raises(Refused, match="query is too old"):
            api("answerCallbackQuery", callback_query_id=query_id)


def test_an_inline_query_gets_results_that_can_be_posted(api: Api, tg: Any, anna: Any, group: Any) -> None:
    asking = Acting(lambda: anna.inline("te", where=group))
    query = asked(api, tg, "inline_query")
    assert (query["query"], query["offset"], query["chat_type"]) == ("te", "", "group")
    more = {"cache_time": 0, "is_personal": True, "next_offset": "10"}
    button = {"text": "New", "start_parameter": "new"}
    results = [TEA | {"reply_markup": CARD}]
    assert api("answerInlineQuery", inline_query_id=query["id"], results=results, button=button, **more) is True
    answer = asking.result()
    assert answer == {"results": results, "button": button} | more
    card = anna.choose("tea", group)
    assert card.inline_message_id
    tap = Acting(lambda: anna.tap(card, "Going"))
    query = asked(api, tg, "callback_query")
    assert query["inline_message_id"] == card.inline_message_id
    assert "message" not in query
    api("answerCallbackQuery", callback_query_id=query["id"])
    assert tap.result()["text"] == ""


def test_without_inline_mode_no_query_comes() -> None:
    with running_fake(inline=False) as tg, Api(tg.url, tg.token) as api:
        assert api("getMe")["supports_inline_queries"] is False
        with pytest.raises(TimeoutError):
            tg.person("Anna").inline("te", timeout=0.01)
        assert not tg.pending


def test_results_that_are_not_right_are_refused(api: Api, tg: Any, anna: Any) -> None:
    asking = Acting(lambda: anna.inline(""))
    query_id = asked(api, tg, "inline_query")["id"]
    for wrong, words in (
        ({"results": None}, "Expected an Array"),
        ({"results": [TEA] * 2}, "RESULT_ID_DUPLICATE"),
        ({"results": [TEA] * 51}, "RESULTS_TOO_MUCH"),
        ({"results": [TEA | {"id": "x" * 65}]}, "RESULT_ID_INVALID"),
        ({"results": [TEA | {"title": ""}]}, 'find field "title"'),
        ({"results": [TEA | {"input_message_content": None}]}, 'find field "input_message_content"'),
        ({"results": [TEA | {"input_message_content": {"message_text": ""}}]}, "message text is empty"),
        ({"results": [TEA | {"input_message_content": {"message_text": "x" * 4097}}]}, "MESSAGE_TOO_LONG"),
        ({"results": [TEA | {"reply_markup": {"keyboard": [["x"]]}}]}, "inline keyboard expected"),
        ({"next_offset": "x" * 65}, "NEXT_OFFSET_INVALID"),
        ({"button": {"text": "x", "start_parameter": "a b"}}, "START_PARAM_INVALID"),
        ({"inline_query_id": "1"}, "query is too old"),
    ):
        with pytest.raises(Refused, match=words):
            api("answerInlineQuery", **({"inline_query_id": query_id, "results": [TEA]} | wrong))
    api("answerInlineQuery", inline_query_id=query_id, results=[])
    assert asking.result()["results"] == []
