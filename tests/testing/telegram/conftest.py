"""One fake for each module. It has no pace, except in the tests of the pace."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.testing import running_fake
from eventorg.testing.telegram import Limits
from tests.testing.telegram.api import Api


@pytest.fixture(scope="module")
def tg() -> Iterator[Any]:
    """Runs a fake in a thread."""
    with running_fake(limits=Limits(enforced=False)) as tg:
        yield tg


@pytest.fixture(scope="module")
def api(tg: Any) -> Iterator[Api]:
    """Returns a client of the fake."""
    with Api(tg.url, tg.token) as api:
        yield api


@pytest.fixture
def anna(tg: Any) -> Any:
    """Returns a person who has written to the bot."""
    anna = tg.person("Anna", last_name="Ivanova", username="anna_i", language_code="ru")
    anna.start()
    tg.pending.clear()
    return anna


@pytest.fixture
def group(tg: Any, anna: Any) -> Any:
    """Returns a group of Anna's that the bot is in."""
    group = tg.group("Tea", anna)
    group.add_bot(anna)
    tg.pending.clear()
    return group
