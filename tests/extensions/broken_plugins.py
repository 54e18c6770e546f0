"""Plugins and settings that are refused, each with the sentence that says so."""

from eventorg import __version__

HEAD = """\
from datetime import timedelta
from pathlib import Path
from msgspec import Struct
from litestar import get
from eventorg.plugin import *
from eventorg.plugin import Job
HERE = Path(__file__).parent
async def hear(fact, context): ...
"""
ROUTE = '@get("{path}", sync_to_thread=False)\ndef answer() -> None: ...\n'
NUMBER = "class Own(Struct):\n    number: int\n"
LINE = HEAD.count("\n") + 1
TABLE = "CREATE TABLE tea_cups (id TEXT PRIMARY KEY) STRICT;\n"


def tea(*arguments: str, before: str = "", name: str = "tea") -> str:
    """The source of a plugin."""
    return f"{HEAD}{before}plugin = Plugin({', '.join((f'name={name!r}', *arguments))})\n"


def migrating(script: str) -> dict[str, str]:
    """A plugin with a migration."""
    return {"tea/__init__.py": tea("migrations=HERE"), "tea/0001_initial.sql": script}


def asking(statements: str) -> dict[str, str]:
    """A plugin with statements, on a table of its own."""
    return {
        "tea/__init__.py": tea("migrations=HERE / 'm'", "statements=HERE"),
        "tea/m/0001_initial.sql": TABLE,
        "tea/tea.sql": statements,
    }


MIGRATION = "{dir}/tea/0001_initial.sql:1: "
OTHERS_TABLE = MIGRATION + (
    "a migration must not begin or end a transaction, and must change only tables whose names begin with tea_."
)
NO_VIEW = "a plugin reads only tables named tea_… and the views named eventorg_…; "
NOT_OF_ITS_TYPE = "The plugin tea declares {}, which has the wrong type."
TAKEN_PATH = "Cannot add the routes of plugin tea: "

REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "a misspelt field": (
        {"tea.py": tea("rotues=[]")},
        f"The plugin tea cannot be imported: {{dir}}/tea.py:{LINE}: TypeError: Unexpected keyword argument 'rotues'.",
    ),
    "an import that fails": (
        {"tea.py": "\nimport no_tea\n"},
        "The plugin tea cannot be imported: {dir}/tea.py:2: ModuleNotFoundError: No module named 'no_tea'.",
    ),
    "a name that the interface does not have": (
        {"tea.py": "from eventorg.plugin import Pulgin\n"},
        "The plugin tea cannot be imported: {dir}/tea.py:1: ImportError: cannot import name 'Pulgin'",
    ),
    "an import that fails in another module of it": (
        {"tea/__init__.py": "from . import cups\n", "tea/cups.py": "\n\n1 / 0\n"},
        "The plugin tea cannot be imported: {dir}/tea/cups.py:3: ZeroDivisionError: division by zero.",
    ),
    "a syntax error": (
        {"tea.py": "x = 1\nplugin = (\n"},
        "The plugin tea cannot be imported: {dir}/tea.py:2: SyntaxError: '(' was never closed",
    ),
    "bytes that are no source": (
        {"tea.py": "\0"},
        "The plugin tea cannot be imported: SyntaxError: source code string cannot contain null bytes.",
    ),
    "an exit at import": (
        {"tea.py": "import sys\nsys.exit(0)\n"},
        "The plugin tea cannot be imported: {dir}/tea.py:2: SystemExit: 0.",
    ),
    "an error of many lines": (
        {"tea.py": "raise RuntimeError('one\\ntwo\\n\\nthree.')\n"},
        "The plugin tea cannot be imported: {dir}/tea.py:1: RuntimeError: one two three.",
    ),
    "no plugin": ({"tea.py": ""}, "The plugin tea has no `plugin = Plugin(…)`."),
    "another name": (
        {"tea.py": tea(name="coffee")},
        'The plugin in tea declares name="coffee". Use the same name in both places.',
    ),
    "a name that is none": ({"tea-pot.py": tea()}, "A plugin cannot be named tea-pot. Use 2 to 31 lowercase"),
    "the name of a command": (
        {"check.py": tea()},
        "The plugin name check is reserved. Choose another name.",
    ),
    "the beginning of a setting": ({"log.py": tea()}, "The plugin name log is reserved."),
    "the beginning of a table": ({"event.py": tea()}, "The plugin name event is reserved."),
    "one name twice": (
        {"tea.py": tea(), "tea/__init__.py": tea()},
        "There are two plugins named tea. Remove one: {dir}/tea or {dir}/tea.py.",
    ),
    "a name that begins with another": (
        {"tea.py": tea(), "tea_pot.py": tea(name="tea_pot")},
        "The plugin names tea and tea_pot conflict, because tea_pot begins with tea_. Rename one of them.",
    ),
    "a path of the core": (
        {"tea.py": tea("routes=[answer]", before=ROUTE.format(path="/events"))},
        TAKEN_PATH,
    ),
    "a path of the core under another parameter's name": (
        {"tea.py": tea("routes=[answer]", before=ROUTE.format(path="/events/{any_id:str}"))},
        TAKEN_PATH + "/events/{any_id:str} matches the existing route /events/{event_id:str}.",
    ),
    "a path that is one of the core's": (
        {"tea.py": tea("routes=[answer]", before=ROUTE.format(path="/users/me"))},
        TAKEN_PATH + "/users/me matches the existing route /users/{user_id:str}.",
    ),
    "a path that is one of the core's for every user": (
        {"tea.py": tea("routes=[answer]", before=ROUTE.format(path="/events/{any_id:str}/participants/{one:str}"))},
        TAKEN_PATH,
    ),
    "a path of another plugin": (
        {
            name + ".py": tea("routes=[answer]", before=ROUTE.format(path="/cups"), name=name)
            for name in ("coffee", "tea")
        },
        TAKEN_PATH,
    ),
    "a newer eventorg needed": (
        {"tea.py": tea("requires='>=99'")},
        f"The plugin tea requires eventorg >=99. This is {__version__}.",
    ),
    "another interface": (
        {"tea.py": tea("api=99")},
        "The plugin tea was written for version 99 of the plugin interface. This eventorg has version 1.",
    ),
    "versions that are none": (
        {"tea.py": tea("requires='soon'")},
        "The plugin tea requires 'soon', which is not a version specifier.",
    ),
    "a fact with a name that is none": (
        {"tea.py": tea("facts=[FactType(name='tea poured', audience='user')]")},
        "The plugin tea declares the fact 'tea poured'. Give each its own name of 2 to 31 lowercase letters",
    ),
    "a fact of its own that it does not declare": (
        {"tea.py": tea("on={FactType(name='poured', audience='user'): hear}")},
        "The plugin tea handles FactType(name='poured', data=None, audience='user'), which is not a type of fact.",
    ),
    "an unknown fact": (
        {"tea.py": tea("on={Event: hear}")},
        "The plugin tea handles <class 'eventorg.domain.events.Event'>, which is not a type of fact.",
    ),
    "a handler that cannot wait": (
        {"tea.py": tea("on={EventCreated: print}")},
        "The function print of the plugin tea must be an `async def`.",
    ),
    "a job that cannot wait": (
        {"tea.py": tea("jobs=[Job(name='pour', every=timedelta(1), run=print)]")},
        "The function print of the plugin tea must be an `async def`.",
    ),
    "an export that waits": (
        {"tea.py": tea("export=hear")},
        "The export of the plugin tea, hear, must not be an `async def`.",
    ),
    "a filter that waits": (
        {"tea.py": tea("filter=hear")},
        "The filter of the plugin tea, hear, must not be an `async def`.",
    ),
    "a filter under its old name that waits": (
        {"tea.py": tea("choose=hear")},
        "The filter of the plugin tea, hear, must not be an `async def`.",
    ),
    "a filter under both names": (
        {"tea.py": tea("choose=print", "filter=print")},
        f"The plugin tea cannot be imported: {{dir}}/tea.py:{LINE}: ValueError: `choose` is the old name of `filter`",
    ),
    "a lifespan that is no context manager": (
        {"tea.py": tea("lifespan=hear")},
        "The lifespan hear of the plugin tea is not a context manager. Decorate it with contextlib.asynccontextmanager",
    ),
    "a gate that waits": (
        {"tea.py": tea("gates=[Gate(check=answer)]", before="async def answer(asked, context, tx): ...\n")},
        "The gate answer of the plugin tea must not be an `async def`.",
    ),
    "a refusal with a code that is none": (
        {"tea.py": tea("refusals=[Refusal('No tea', {'ru': 'Нет', 'en': 'No'})]")},
        "The plugin tea declares the refusal 'No tea'. Give each its own code of 2 to 31 lowercase letters",
    ),
    "a refusal that is declared twice": (
        {"tea.py": tea("refusals=[Refusal('full', {'ru': 'Нет', 'en': 'No'})] * 2")},
        "The plugin tea declares the refusal 'full'. Give each its own code of 2 to 31 lowercase letters",
    ),
    "a refusal in one language": (
        {"tea.py": tea("refusals=[Refusal('full', {'en': 'No'})]")},
        "The refusal full of the plugin tea needs each text in ru and en.",
    ),
    "a refusal without a text": (
        {"tea.py": tea("refusals=[Refusal('full', {})]")},
        "The refusal full of the plugin tea needs a text.",
    ),
    "a job without a pause": (
        {"tea.py": tea("jobs=[Job(name='pour', every=timedelta(0), run=hear)]")},
        f"The plugin tea cannot be imported: {{dir}}/tea.py:{LINE}: ValueError: the job pour needs a positive every.",
    ),
    "a job without time to run": (
        {"tea.py": tea("jobs=[Job(name='pour', every=timedelta(1), timeout=timedelta(0), run=hear)]")},
        f"The plugin tea cannot be imported: {{dir}}/tea.py:{LINE}: ValueError: the job pour needs a positive timeout.",
    ),
    "text for a folder": (
        {"tea.py": tea("migrations='sql'")},
        NOT_OF_ITS_TYPE.format("migrations='sql'"),
    ),
    "one job for a list": ({"tea.py": tea("jobs=3")}, NOT_OF_ITS_TYPE.format("jobs=3")),
    "a folder that is missing": (
        {"tea.py": tea("statements=HERE / 'sqll'")},
        "The plugin tea declares statements='{dir}/sqll', which is not a folder.",
    ),
    "a migration with an error": (
        migrating("\n\nCREATE TABEL tea_cups (id TEXT);"),
        '{dir}/tea/0001_initial.sql:3: near "TABEL": syntax error.',
    ),
    "a migration out of form": (
        {"tea/__init__.py": tea("migrations=HERE"), "tea/initial.sql": TABLE},
        "Rename the migration {dir}/tea/initial.sql to a name such as 0001_initial.sql.",
    ),
    "a table without the prefix": (migrating("CREATE TABLE cups (id TEXT) STRICT;"), OTHERS_TABLE),
    "a migration that alters a table of the core": (migrating("ALTER TABLE users ADD COLUMN tea TEXT;"), OTHERS_TABLE),
    "a migration that changes rows of the core": (migrating("UPDATE users SET first_name = 'Tea';"), OTHERS_TABLE),
    "a migration that deletes rows of the core": (migrating("DELETE FROM events;"), OTHERS_TABLE),
    "a migration that drops a table of the core": (migrating("DROP TABLE changes;"), OTHERS_TABLE),
    "an index on a table of the core": (migrating("CREATE INDEX tea_events ON events (title);"), OTHERS_TABLE),
    "a trigger on a table of the core": (
        migrating("CREATE TRIGGER tea_more AFTER INSERT ON events BEGIN SELECT 1; END;"),
        OTHERS_TABLE,
    ),
    "a pragma": (migrating("PRAGMA application_id = 1;"), OTHERS_TABLE),
    "another file": (migrating("ATTACH ':memory:' AS tea_memory;"), OTHERS_TABLE),
    "a transaction in a migration": (migrating("COMMIT;"), OTHERS_TABLE),
    "a reference that holds rows of the core back": (
        migrating("CREATE TABLE tea_cups (event_id TEXT REFERENCES events (id)) STRICT;"),
        "{dir}/tea/0001_initial.sql: tea_cups refers to events without ON DELETE CASCADE or SET NULL. The core could "
        "then not delete rows of events.",
    ),
    "a statement that writes to a table of the core": (
        asking("-- name: empty()!\nDELETE FROM registrations;\n"),
        "{dir}/tea/tea.sql:1: empty: a plugin writes only to tables named tea_….",
    ),
    "a statement that drops a table of the core": (
        asking("-- name: empty()!\nDROP TABLE registrations;\n"),
        "{dir}/tea/tea.sql:1: empty: a plugin writes only to tables named tea_….",
    ),
    "a statement that reads a table of the core": (
        asking("-- name: list_titles()\nSELECT title FROM events;\n"),
        "{dir}/tea/tea.sql:1: list_titles: " + NO_VIEW + "use eventorg_events in place of events.",
    ),
    "a statement that reads what no view shows": (
        asking("-- name: list_hashes()\nSELECT token_sha256 FROM bots;\n"),
        "{dir}/tea/tea.sql:1: list_hashes: " + NO_VIEW + "none of them has what is in bots.",
    ),
    "a migration that reads a table of the core": (
        migrating(TABLE + "INSERT INTO tea_cups (id) SELECT id FROM events;\n"),
        "{dir}/tea/0001_initial.sql:2: " + NO_VIEW + "use eventorg_events in place of events.",
    ),
    "a view that reads a table of the core": (
        migrating("CREATE VIEW tea_users AS SELECT email FROM users;\n"),
        "{dir}/tea/0001_initial.sql: tea_users: " + NO_VIEW + "use eventorg_users in place of users.",
    ),
    "a trigger that changes a table of the core": (
        migrating(TABLE + "CREATE TRIGGER tea_gone AFTER DELETE ON tea_cups BEGIN DELETE FROM users; END;\n"),
        "{dir}/tea/0001_initial.sql: tea_cups: " + NO_VIEW + "use eventorg_users in place of users.",
    ),
    "a statement on a table that is not there": (
        asking("-- name: empty()!\nDELETE FROM tea_pots;\n"),
        "{dir}/tea/tea.sql:1: empty: no such table: tea_pots.",
    ),
}
SETTINGS_REFUSED = {
    "an unknown plugin": (
        {"tea.py": tea()},
        {"PLUGINS": "tea,coffee"},
        "Invalid setting EVENTORG_PLUGINS. There is no plugin coffee. Available plugins: ",
    ),
    "a folder that is none": (
        {},
        {"PLUGINS_DIR": "missing"},
        "Invalid setting EVENTORG_PLUGINS_DIR. There is no folder {cwd}/missing.",
    ),
    "an unknown setting": (
        {"tea.py": tea("settings=Own", before=NUMBER)},
        {"TEA_NUMBER": "1", "TEA_SUGAR": "2"},
        "Unknown setting EVENTORG_TEA_SUGAR.",
    ),
    "a setting of a plugin without any": (
        {"tea.py": tea()},
        {"TEA_SUGAR": "2"},
        "Unknown setting EVENTORG_TEA_SUGAR.",
    ),
    "a setting of no plugin": (
        {},
        {"COFFEE_SUGAR": "2"},
        "Unknown setting EVENTORG_COFFEE_SUGAR.",
    ),
    "a wrong value": (
        {"tea.py": tea("settings=Own", before=NUMBER)},
        {"TEA_NUMBER": "many"},
        "Invalid setting EVENTORG_TEA_NUMBER. Expected a whole number.",
    ),
    "a missing value": (
        {"tea.py": tea("settings=Own", before=NUMBER)},
        {},
        "Invalid setting EVENTORG_TEA_NUMBER. A value is required.",
    ),
}
