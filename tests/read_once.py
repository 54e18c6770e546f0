"""A faster start of the servers in tests."""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from eventorg.storage import statements
from tests.programs import CHECKOUT


@pytest.fixture(scope="session", autouse=True)
def statements_read_once() -> Iterator[None]:
    """Reads each SQL file of the checkout once for all servers of a worker, which takes a sixth of their start."""
    read = statements._read
    kept = cache(lambda file: tuple(read(file)))

    def read_once(file: Path) -> Iterable[statements.Statement]:
        return kept(file) if file.is_relative_to(CHECKOUT) else read(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "_read", read_once)
        yield
