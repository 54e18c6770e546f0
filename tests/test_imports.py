"""The floors of the house: which module may import which, read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import CHECKOUT

WIRING = {
    "eventorg.application",
    "eventorg.cli",
    "eventorg.plugin",  # the door leads to every floor
    "eventorg.server",
    "eventorg.testing",
    "eventorg.__main__",
}
API = ("eventorg.api", "litestar", "uvicorn")
STORAGE = (
    "eventorg.database",
    "eventorg.storage",
    "eventorg.transactions",
    "eventorg.statements",
    "eventorg.migrations",
    "eventorg.preparation",
    "sqlite3",
)
DRIVERS = ("aiosqlite", "aiosql", "pypika")

MODULES = {
    ".".join(file.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted((CHECKOUT / "eventorg").rglob("*.py"))
}


def imported(file: Path) -> Iterator[str]:
    """The modules a file imports anywhere in it; of `from a import b`, both `a` and `a.b`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: a relative import"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def offences(floor: str, *forbidden: str) -> list[str]:
    """What the modules of a floor import of that which is not for them."""
    modules = {name: file for name, file in MODULES.items() if within(name, (floor,))}
    assert modules, floor
    return [
        f"{name} imports {other}"
        for name, file in modules.items()
        for other in imported(file)
        if within(other, forbidden)
    ]


def test_the_domain_imports_nothing_of_ours_but_itself() -> None:
    domain = {name: file for name, file in MODULES.items() if within(name, ("eventorg.domain",))}
    ours = {other for file in domain.values() for other in imported(file) if within(other, ("eventorg",))}
    assert domain
    assert {name for name in ours if not within(name, ("eventorg.domain",))} == set()
    assert offences("eventorg.domain", "litestar", "uvicorn", "sqlite3", *DRIVERS) == []


def test_repositories_know_nothing_of_http() -> None:
    assert offences("eventorg.repositories", *API, "eventorg.application", "eventorg.cli", "eventorg.server") == []


def test_the_api_knows_nothing_of_sql() -> None:
    assert offences("eventorg.api", *STORAGE, *DRIVERS, "eventorg.application", "eventorg.cli") == []


@pytest.mark.parametrize("floor", ["eventorg.security", "eventorg.settings", "eventorg.locales", "eventorg.resources"])
def test_the_cellar_knows_nothing_of_the_floors_above(floor: str) -> None:
    assert offences(floor, *API, *STORAGE, *DRIVERS, "eventorg.repositories", "eventorg.application") == []


def test_only_the_wiring_imports_from_both_sides() -> None:
    both = {
        name
        for name, file in MODULES.items()
        if (names := list(imported(file)))
        and any(within(other, ("eventorg.api",)) for other in names)
        and any(within(other, STORAGE) for other in names)
    }
    assert both <= WIRING
    assert "eventorg.application" in both  # or nothing was looked at


def test_only_one_module_knows_the_driver() -> None:
    assert {
        name for name, file in MODULES.items() if any(within(other, ("aiosqlite",)) for other in imported(file))
    } == {"eventorg.database"}
