"""The documentation of the plugin interface is complete, and a plugin written against that of 0.1.0 still works."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec import Struct

from eventorg import plugin
from eventorg.core import Core
from eventorg.domain.events import Event
from eventorg.domain.facts import Change
from eventorg.domain.hosts import Host
from eventorg.domain.registrations import Registration
from eventorg.domain.users import User
from eventorg.errors import OperatorError
from eventorg.settings import Settings
from eventorg.storage.schema import core_component, prepare
from eventorg.testing import Clock, running
from tests.programs import CHECKOUT

FOLDER = Path(__file__).parent / "plugins_0_1_0"
"""The plugin `example` of that tutorial. Never edit it."""


def test_a_plugin_of_0_1_0_that_reads_a_table_is_told_which_view_to_read(tmp_path: Path) -> None:
    settings = Settings(
        database=str(tmp_path / "eventorg.db"), plugins="example", plugins_dir=str(FOLDER), log_level="error"
    )
    with pytest.raises(OperatorError, match=r"delete_old_notes: .* use eventorg_events in place of events"):
        opened(settings)


def test_a_plugin_of_0_1_0_that_reads_the_view_works_with_its_old_names(tmp_path: Path) -> None:
    folder = tmp_path / "plugins"
    shutil.copytree(FOLDER, folder)
    statements = folder / "example" / "sql" / "notes.sql"
    sql = statements.read_text(encoding="utf-8")
    statements.write_text(sql.replace("FROM events", "FROM eventorg_events"), encoding="utf-8")
    source = (folder / "example" / "__init__.py").read_text(encoding="utf-8")
    assert "choose=choose_events_with_notes" in source
    assert "Happened" in source
    settings = Settings(
        database=str(tmp_path / "eventorg.db"), plugins="example", plugins_dir=str(folder), log_level="error"
    )
    with running(settings) as server:
        anna, boris = server.sign_up(), server.sign_up()
        event = f"/events/{anna.create_event()['id']}"
        boris.post(f"{event}/register")
        assert boris.post(f"{event}/example", json={"text": "I bring a cake."}).status_code == 201
        exported = boris.get("/users/me/export").json()["plugins"]["example"]["notes"]
        assert [note["text"] for note in exported] == ["I bring a cake."]
        assert server.run("example", "count") == "1\n"
        boris.delete(f"{event}/register")
        server.wait_for(lambda: anna.get(f"{event}/example").json() == {"notes": []})
        assert server.client.get("/health").json()["plugins"] == {"example": "ok"}


def opened(settings: Settings) -> None:
    """Prepares the database and compiles the statements, as the server does when it starts."""
    core = Core(settings)
    core.prepare()
    core.check_statements()


def documented_views() -> dict[str, list[str]]:
    """Returns the columns of each view in the section Views."""
    readme = (CHECKOUT / "plugins" / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("\n## Views\n")
    parts = rest.partition("\n## ")[0].split("\n### `")[1:]
    return {part.partition("`")[0]: re.findall(r"^\| `(\w+)` \| .+\. \|$", part, re.MULTILINE) for part in parts}


def test_every_column_of_every_view_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "eventorg.db"
    prepare(path, [core_component()], Clock())
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT views.name, columns.name FROM sqlite_master AS views JOIN pragma_table_info(views.name) AS columns "
            "WHERE views.type = 'view' AND views.name GLOB 'eventorg_*' ORDER BY columns.cid"
        ).fetchall()
    found: dict[str, list[str]] = {}
    for view, column in rows:
        found.setdefault(view, []).append(column)
    assert found == documented_views()


@pytest.mark.parametrize(
    ("view", "kind", "others"),
    [
        ("eventorg_events", Event, {"role", "metadata"}),
        ("eventorg_users", User, {"email", "email_verified"}),
        ("eventorg_registrations", Registration, {"waitlist_position"}),
        ("eventorg_changes", Change, set()),
        ("eventorg_hosts", Host, set()),
    ],
)
def test_columns_have_the_names_of_the_apis_fields(view: str, kind: type[Struct], others: set[str]) -> None:
    missing = set(kind.__struct_fields__) - set(documented_views()[view])
    assert missing == others


def test_every_export_of_the_interface_is_listed() -> None:
    readme = (CHECKOUT / "plugins" / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `(\w+)` \| .+\. \|$", re.MULTILINE)
    _, _, rest = readme.partition("## Everything in `eventorg.plugin`")
    listed = row.findall(rest.partition("\n## ")[0])
    facts = {kind.__name__ for kind in plugin.FACTS.values()}  # they have a table of their own in the tutorial
    assert sorted(listed) == sorted(set(plugin.__all__) - facts)
    assert facts <= set(row.findall(readme))
