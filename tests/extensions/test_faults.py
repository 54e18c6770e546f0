"""The places of errors that plugins raise."""

import json
from collections.abc import Callable

import pytest

from eventorg.extensions.faults import describe_error, find_place
from eventorg.plugin import DomainError, NewEvent


def _raised(work: Callable[[], object]) -> Exception:
    with pytest.raises((ValueError, LookupError, DomainError)) as caught:
        work()
    return caught.value


@pytest.mark.parametrize(
    "work",
    [
        lambda: json.loads("{"),
        lambda: NewEvent(title="Tea", start_time="2027-01-01T10:00:00Z", end_time="2027-01-01T09:00:00Z"),
    ],
    ids=["python", "core"],
)
def test_the_place_is_neither_in_python_nor_in_the_core(work: Callable[[], object]) -> None:
    file, _, line = (find_place(_raised(work)) or "").rpartition(":")
    assert (file, line) == (__file__, str(work.__code__.co_firstlineno))


def test_an_error_that_nobody_raised_has_no_place() -> None:
    assert find_place(KeyError("tea")) is None


def test_a_group_of_one_is_its_member() -> None:
    group = ExceptionGroup("many", [_raised(lambda: [][1])])
    assert (find_place(group) or "").startswith(__file__)
    assert describe_error(group) == "IndexError: list index out of range"
