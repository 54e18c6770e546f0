"""Plugins that tests write into a folder, and the settings that load them and no others."""

from pathlib import Path
from typing import Any

from eventorg.settings import Settings

MIGRATION = """
CREATE TABLE diary_entries (
    number   INTEGER PRIMARY KEY,
    seq      INTEGER NOT NULL,
    type     TEXT NOT NULL,
    event_id TEXT,
    user_id  TEXT
) STRICT;
"""
STATEMENTS = """
-- name: write_entry(seq, type, event_id, user_id)!
INSERT INTO diary_entries (seq, type, event_id, user_id) VALUES (:seq, :type, :event_id, :user_id);

-- name: list_entries()
SELECT seq, type, event_id, user_id FROM diary_entries ORDER BY number;
"""
DIARY = """
import asyncio
from pathlib import Path

import click

from eventorg.plugin import FACTS, Plugin

PAUSE = 0.0


async def hear(fact, context):
    await asyncio.sleep(PAUSE)
    entry = {"seq": fact.seq, "type": fact.type, "event_id": fact.event_id, "user_id": fact.user_id}
    await context.write(lambda tx: tx.run(context.sql.write_entry, **entry))


@click.command()
@click.pass_obj
def show(run):
    async def entries(context):
        return await context.read(lambda tx: tx.all(context.sql.list_entries))

    for entry in run(entries):
        click.echo(" ".join(str(value) for value in entry))


plugin = Plugin(
    name="diary",
    on={fact: hear for fact in FACTS.values()},
    statements=Path(__file__).parent / "sql",
    migrations=Path(__file__).parent / "migrations",
    commands=[show],
)
"""
DIARY_FILES = {
    "diary/__init__.py": DIARY,
    "diary/migrations/0001_entries.sql": MIGRATION,
    "diary/sql/entries.sql": STATEMENTS,
}


def write(folder: Path, files: dict[str, str]) -> list[str]:
    """Writes the files; the names of the plugins that they are."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return sorted({name.partition("/")[0].removesuffix(".py") for name in files})


def settings_of(folder: Path, files: dict[str, str], **others: Any) -> Settings:
    """Settings for a new database beside the folder of these plugins."""
    plugins_dir = folder / "plugins"
    names = write(plugins_dir, files)
    given = {"database": str(folder / "eventorg.db"), "log_level": "error", "plugins_dir": str(plugins_dir)}
    return Settings(**{"plugins": ",".join(names)} | given | others)
