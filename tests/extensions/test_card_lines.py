"""Lines that plugins add to the card of an event: they end it, and a plugin that fails has none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eventorg.extensions import card_lines
from eventorg.testing import Server, running
from tests.extensions.plugin_files import settings_of

TEA = """
import time
from pathlib import Path

from litestar import put
from litestar.di import NamedDependency
from litestar.params import FromPath

from eventorg.plugin import *

lines = {"tea": "Tea"}


def show(data, language, context, tx):
    match data.event.title:
        case "raise":
            raise KeyError("tea")
        case "exit":
            raise SystemExit(1)
        case "no text":
            return [1]
        case "empty":
            return [" "]
        case "two lines":
            return ["Tea\\nCake"]
        case "too long":
            return ["\U0001f375" * 101]
        case "late":
            time.sleep(0.6)
            return ["Late"]
        case "hang":
            tx.all(context.sql.hang)
        case "write":
            tx.run(context.sql.pour)
        case "none":
            return []
    return [f"{language}: {lines['tea']}", "\U0001f375" * 100]


@put("/tea/{event_id:str}/{tea:str}")
async def change(event_id: FromPath[str], tea: FromPath[str], plugin: NamedDependency[Context]) -> None:
    lines["tea"] = tea
    await plugin.write(lambda tx: plugin.touch_card(tx, event_id))


plugin = Plugin(
    name="NAME",
    card=show,
    routes=ROUTES,
    statements=Path(__file__).parent / "sql",
    migrations=Path(__file__).parent / "m",
)
"""
SQL = """
-- name: hang()
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n FROM numbers WHERE n < 0;

-- name: pour()!
INSERT INTO NAME_cups (id) VALUES (1);
"""
FILES = {
    f"{name}/{path}": text.replace("NAME", name).replace("ROUTES", "[change]" if name == "tea" else "[]")
    for name in ("tea", "zest")
    for path, text in {
        "__init__.py": TEA,
        "sql/tea.sql": SQL,
        "m/0001_cups.sql": "CREATE TABLE NAME_cups (id INTEGER PRIMARY KEY) STRICT;",
    }.items()
}
LEAVES = "\U0001f375" * 100
"""A line of 200 UTF-16 code units."""


@pytest.fixture(scope="module")
def teahouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits longer for lines than others, because the machine can be busy."""
    with pytest.MonkeyPatch.context() as patch, running(settings_of(tmp_path_factory.mktemp("tea"), FILES)) as server:
        patch.setattr(card_lines, "MAX_SECONDS", 0.5)
        yield server


def card(user: Any, event: dict[str, Any]) -> Any:
    return user.get(f"/events/{event['id']}/card?locale=en")


def test_lines_follow_the_cores_in_the_order_of_the_plugins(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    text = card(anna, anna.create_event(description="Bring cups.")).json()["text"]
    assert text.endswith(f"Bring cups.\n\nen: Tea\n{LEAVES}\nen: Tea\n{LEAVES}")


@pytest.mark.parametrize(
    "title", ["raise", "exit", "no text", "empty", "two lines", "too long", "late", "hang", "write", "none"]
)
def test_a_plugin_that_fails_or_is_late_has_no_lines(teahouse: Server, title: str) -> None:
    anna = teahouse.sign_up()
    answer = card(anna, anna.create_event(title=title))
    assert answer.status_code == 200
    assert answer.json()["text"].endswith("0 participants")


def test_lines_are_cut_before_the_cores(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    title = "t" * 150
    base = len(card(anna, anna.create_event(title="none", description="x")).json()["text"]) - len("nonex") + len(title)
    for room, end in ((0, "x"), (50, "en: Tea"), (212, LEAVES)):
        description = "x" * (4_096 - base - room)
        text = card(anna, anna.create_event(title=title, description=description)).json()["text"]
        assert description in text
        assert text.endswith(end)
        assert len(text.encode("utf-16-le")) // 2 <= 4_096


def test_a_new_line_changes_the_tags(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    event = anna.create_event()
    before = card(anna, event)
    assert anna.put(f"/tea/{event['id']}/Coffee").status_code == 200
    after = card(anna, event)
    assert before.json()["card_etag"] != after.json()["card_etag"]
    assert before.headers["etag"] != after.headers["etag"]
    assert "en: Coffee" in after.json()["text"]
    assert anna.put(f"/tea/{event['id']}/Tea").status_code == 200


def test_without_plugins_nothing_is_asked(tmp_path: Path) -> None:
    with running(settings_of(tmp_path, FILES, plugins="none")) as server:
        anna = server.sign_up()
        assert card(anna, anna.create_event()).json()["text"].endswith("0 participants")
