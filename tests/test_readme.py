"""What the README claims."""

import json
import re
import subprocess

from eventorg.testing import Server
from tests.readme import README, rendered

TEXT = README.read_text(encoding="utf-8")


def block(language: str, number: int = 0) -> str:
    """A code block of a language, counted from 0."""
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return found[number]


def test_its_tables_are_those_of_the_code() -> None:
    assert rendered(TEXT) == TEXT


def test_it_opens_with_two_commands_of_one_line() -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[:2]
    assert [language for language, _ in blocks] == ["sh", "sh"]
    assert [command.count("\n") for _, command in blocks] == [1, 1]
    assert "app.py" in blocks[0][1]
    assert "pytest" in blocks[1][1]


def test_the_story_can_be_told(fresh_server: Server) -> None:
    story = block("bash").replace("http://127.0.0.1:8000", fresh_server.url)
    run = subprocess.run(["bash", "-euo", "pipefail", "-c", story], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    answered = json.loads(run.stdout[run.stdout.rindex('{"id"') :])
    shown = json.loads(block("json"))
    assert answered.keys() == shown.keys()
    by_chance = {"id", "code", "organizer_id", "created_at", "updated_at"}
    assert {key: answered[key] for key in shown if key not in by_chance} == {
        key: value for key, value in shown.items() if key not in by_chance
    }
