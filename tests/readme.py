"""Writes the README's tables from the code: `python -m tests.readme`."""

import re
from pathlib import Path
from typing import Any

from msgspec import structs

from eventorg.application import create_app
from eventorg.settings import PREFIX, Settings

README = Path(__file__).parent.parent / "README.md"
_METHODS = ("get", "post", "put", "patch", "delete")


def rendered(readme: str) -> str:
    """The README with both tables as the code has them."""
    for name, table in {"routes": _routes(), "settings": _settings()}.items():
        readme = re.sub(
            rf"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)", lambda _, rows=table: rows, readme, flags=re.DOTALL
        )
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


def _settings() -> str:
    rows = "".join(
        f"| `{PREFIX}{field.name.upper()}` | {f'`{field.default}`' if field.default else ''} | {_description(field)} |\n"
        for field in structs.fields(Settings)
        if field.name != "others"
    )
    return "| name | default | meaning |\n|---|---|---|\n" + rows


def _description(field: structs.FieldInfo) -> str:
    return next(mark.description for mark in getattr(field.type, "__metadata__", ()) if mark.description)


if __name__ == "__main__":
    README.write_text(rendered(README.read_text(encoding="utf-8")), encoding="utf-8")
