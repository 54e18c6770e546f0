"""`eventorg.testing` imports only what is used: the fake without the server, and the other way round."""

import subprocess
import sys

import pytest

from eventorg import testing

PARTS = {"eventorg.application", "pytest", "uvicorn", "eventorg.testing.telegram.fake", "telegram"}


@pytest.mark.parametrize(
    ("statement", "parts"),
    [
        ("import eventorg.testing", set[str]()),
        ("from eventorg.testing import FakeTelegram", {"uvicorn", "eventorg.testing.telegram.fake"}),
        ("from eventorg.testing import running", {"uvicorn", "eventorg.application", "pytest"}),
    ],
)
def test_a_part_is_imported_when_it_is_used(statement: str, parts: set[str]) -> None:
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert PARTS & set(done.stdout.split()) == parts


def test_every_exported_name_exists() -> None:
    assert [name for name in testing.__all__ if not hasattr(testing, name)] == []
    assert not hasattr(testing, "nothing")
