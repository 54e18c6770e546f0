"""Whatever a parameter is, a method has a result or an error of the Bot API, and never an exception of Python."""

import json
from contextlib import suppress
from typing import Any

import pytest

from eventorg.testing import FakeTelegram
from eventorg.testing.telegram import ApiError, Limits
from eventorg.testing.telegram.fake import METHODS
from eventorg.testing.telegram.parameters import Parameters

VALUES: tuple[Any, ...] = (
    5,
    2**70,
    True,
    "x",
    "{",
    [],
    [5],
    [[5]],
    {},
    {"inline_keyboard": 5},
    [{"type": 5}],
    [{"command": 5}],
)
PARAMETERS = (
    *("chat_id", "message_id", "text", "entities", "caption_entities", "parse_mode", "reply_markup", "scope"),
    *("reply_parameters", "message_ids", "document", "latitude", "results", "button", "commands", "menu_button"),
)


@pytest.mark.anyio
@pytest.mark.parametrize("method", sorted(METHODS))
async def test_a_strange_value_is_refused_or_accepted(method: str) -> None:
    tg = FakeTelegram(limits=Limits(enforced=False))
    anna = tg.person("Anna")
    sent = await anna.start()
    query_id, _ = tg.ask("inline")
    sane = {"chat_id": anna.id, "text": "Tea", "message_id": sent.message_id, "inline_query_id": query_id}
    for name in PARAMETERS:
        for value in VALUES:
            with suppress(ApiError):
                json.dumps(await tg.call(method, Parameters(sane | {name: value, "url": ""})))
    assert len(tg.calls(method)) == len(PARAMETERS) * len(VALUES)
