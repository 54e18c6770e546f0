"""Updates the README's tables from the code and from the benchmark's results: `python -m tests.readme`."""

import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from eventorg.application import create_app
from eventorg.settings import PREFIX, Settings
from eventorg.web.problem_pages import explain_all
from tests.bench.capacity import capacity
from tests.bench.results import Results

README = Path(__file__).parent.parent / "README.md"
RESULTS = Path(__file__).parent / "bench" / "results.json"
_METHODS = ("get", "post", "put", "patch", "delete")


def rendered(readme: str) -> str:
    """Returns the README with its tables made from the code, and its numbers from the benchmark's results."""
    tables = {"routes": _routes(), "settings": _settings(), "errors": _errors(), "capacity": _capacity()}
    for name, table in tables.items():
        before, rest = readme.split(f"<!-- {name} -->\n")
        _, after = rest.split(f"<!-- /{name} -->")
        readme = f"{before}<!-- {name} -->\n{table}<!-- /{name} -->{after}"
    return readme


def _routes() -> str:
    document: dict[str, Any] = create_app(Settings(plugins="none")).openapi_schema.to_schema()
    rows = [
        f"| `{method.upper()} {path}` | {operation['summary']} |\n"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    ]
    return "| request | what it does |\n|---|---|\n" + "".join(rows)


def _capacity() -> str:
    return capacity(msgspec.json.decode(RESULTS.read_bytes(), type=Results))


def _errors() -> str:
    explanations = explain_all("en", {})
    problems = "".join(f"| `{each.code}` | {each.status} | {_plain(each.detail)} |\n" for each in explanations.problems)
    fields = "".join(f"| `{each.code}` | {_plain(each.title)} |\n" for each in explanations.fields)
    return (
        f"| code | status | meaning |\n|---|---|---|\n{problems}\n"
        f"Codes in `errors`, with status 422:\n\n| code | meaning |\n|---|---|\n{fields}"
    )


def _plain(text: str) -> str:
    """Returns a text in which placeholders are not taken for HTML."""
    return re.sub("(<[a-z]+>)", r"`\1`", text)


def _settings() -> str:
    rows = "".join(
        f"| `{PREFIX}{field.name.upper()}` | {_default(field)} | {_description(field)} |\n"
        for field in structs.fields(Settings)
        if field.name != "others"
    )
    return "| name | default | meaning |\n|---|---|---|\n" + rows


def _default(field: structs.FieldInfo) -> str:
    return "" if field.default == "" else f"`{field.default}`"


def _description(field: structs.FieldInfo) -> str:
    return next(str(mark.description) for mark in getattr(field.type, "__metadata__", ()) if mark.description)


if __name__ == "__main__":
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")
