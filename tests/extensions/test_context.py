"""The key of a request reaches a plugin that was written for 0.1.0, whose `write_once` has no argument for it."""

from collections.abc import Iterator

import pytest

from eventorg.domain.callers import Caller
from eventorg.domain.idempotency import Once, owner_of
from eventorg.extensions.context import _once
from eventorg.repositories.idempotency import request_once

ANNA = Caller(user_id="anna", bot="bot")


@pytest.fixture
def once() -> Iterator[Once]:
    """The key of a request of Anna's bot, in progress."""
    once = Once(owner=owner_of(ANNA), key="key", fingerprint="hmac:")
    token = request_once.set(once)
    yield once
    request_once.reset(token)


def test_a_key_is_found_for_the_caller_of_the_request(once: Once) -> None:
    assert _once(ANNA) is once


@pytest.mark.parametrize("other", [Caller(user_id="anna"), Caller(user_id="boris", bot="bot"), Caller(bot="bot")])
def test_a_key_does_not_cover_a_write_as_somebody_else(once: Once, other: Caller) -> None:
    assert _once(other) is None


def test_outside_a_request_there_is_no_key() -> None:
    assert _once(ANNA) is None
