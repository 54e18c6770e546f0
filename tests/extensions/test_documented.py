"""The documentation of the plugin interface is complete, and a plugin written against that of 0.1.0 still works."""

import re
from pathlib import Path

from eventorg import plugin
from eventorg.settings import Settings
from eventorg.testing import running
from tests.programs import CHECKOUT

FOLDER = Path(__file__).parent / "plugins_0_1_0"
"""The plugin `example` of that tutorial. Never edit it."""


def test_a_plugin_of_0_1_0_works_with_its_old_names(tmp_path: Path) -> None:
    source = (FOLDER / "example" / "__init__.py").read_text(encoding="utf-8")
    assert "choose=choose_events_with_notes" in source
    assert "Happened" in source
    settings = Settings(
        database=str(tmp_path / "eventorg.db"), plugins="example", plugins_dir=str(FOLDER), log_level="error"
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


def test_every_export_of_the_interface_is_listed() -> None:
    readme = (CHECKOUT / "plugins" / "README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `(\w+)` \| .+\. \|$", re.MULTILINE)
    _, _, rest = readme.partition("## Everything in `eventorg.plugin`")
    listed = row.findall(rest.partition("\n## ")[0])
    facts = {kind.__name__ for kind in plugin.FACTS.values()}  # they have a table of their own in the tutorial
    assert sorted(listed) == sorted(set(plugin.__all__) - facts)
    assert facts <= set(row.findall(readme))
