"""The pace: a message a second with short bursts, twenty a minute in a group, thirty a second overall."""

from typing import Any

import pytest

from eventorg.testing import running_fake
from eventorg.testing.telegram import ApiError, Limits, limits
from eventorg.testing.telegram.limits import Pace
from tests.testing.telegram.api import Api, Refused


class Seconds:
    """The monotonic clock of a pace."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    """Puts a clock that the test moves in the place of the module `time`."""
    seconds = Seconds()
    monkeypatch.setattr(limits, "time", seconds)
    return seconds


def refused(pace: Pace, chat_id: int, is_group: bool = True) -> int:
    """Returns `retry_after` of a send that comes too soon, or 0 if it is accepted."""
    try:
        pace.spend(chat_id, is_group)
    except ApiError as error:
        return error.parameters["retry_after"] if error.code == 429 else -1
    return 0


def test_a_chat_takes_a_message_a_second_with_short_bursts(seconds: Seconds) -> None:
    pace = Pace(Limits())
    assert [refused(pace, 1, False) for _ in range(4)] == [0, 0, 0, 3]
    seconds.now += 1
    assert refused(pace, 1, False) == 2, "the pause counts down"
    assert refused(pace, 2, False) == 0, "another chat is not closed"
    seconds.now += 2
    assert refused(pace, 1, False) == 0


def test_a_group_takes_twenty_a_minute(seconds: Seconds) -> None:
    pace = Pace(Limits())
    for _ in range(20):
        assert refused(pace, 1) == 0
        assert refused(pace, 2, False) == 0
        seconds.now += 1
    assert refused(pace, 1) == 40
    assert refused(pace, 2, False) == 0, "a private chat has no such limit"
    seconds.now += 40
    assert refused(pace, 1) == 0


def test_all_chats_take_thirty_a_second(seconds: Seconds) -> None:
    pace = Pace(Limits())
    assert [refused(pace, chat_id) for chat_id in range(31)] == [0] * 30 + [1]
    seconds.now += 1
    assert refused(pace, 31) == 0


def test_sends_and_edits_share_the_pace_and_answers_have_none() -> None:
    with running_fake(limits=Limits(burst=2)) as tg, Api(tg.url, tg.token) as api:
        anna = tg.person("Anna")
        anna.start()
        sent = api("sendMessage", chat_id=anna.id, text="1", reply_markup=BUTTONS)
        place = {"chat_id": anna.id, "message_id": sent["message_id"], "reply_markup": BUTTONS}
        api("editMessageText", **place, text="2")
        with pytest.raises(Refused) as too_soon:
            api("editMessageText", **place, text="3")
        assert too_soon.value.code == 429
        assert str(too_soon.value) == f"Too Many Requests: retry after {too_soon.value.parameters['retry_after']}"
        assert 1 <= too_soon.value.parameters["retry_after"] <= 2
        for _ in range(5):
            query_id, _ = anna.press(anna.chat.shown[-1], "Going")
            assert api("answerCallbackQuery", callback_query_id=query_id) is True
        with pytest.raises(Refused, match="not modified"):
            api("editMessageText", **place, text="2")


BUTTONS: dict[str, Any] = {"inline_keyboard": [[{"text": "Going", "callback_data": "go"}]]}
