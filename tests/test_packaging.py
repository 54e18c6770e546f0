"""The package metadata, and the recipes and CI commands that depend on it."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
JUSTFILE = (CHECKOUT / "justfile").read_text(encoding="utf-8")
CI = (CHECKOUT / ".ci" / "run").read_text(encoding="utf-8")
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_the_recipe_latest_upgrades_every_capped_dependency() -> None:
    capped = {
        requirement.name
        for requirement in map(Requirement, PROJECT["dependencies"])
        if any(specifier.operator == "<" for specifier in requirement.specifier)
    }
    recipe = re.search(r"--upgrade (?P<names>[a-z -]+)$", JUSTFILE, re.MULTILINE)
    assert recipe
    assert set(recipe["names"].split()) == capped >= {"aiosqlite", "litestar", "uvicorn"}


def test_every_extra_that_is_installed_exists() -> None:
    extras = PROJECT["optional-dependencies"]
    named = set(re.findall(r"'(?:\.|eventorg)\[([a-z,]+)\]'", JUSTFILE + CI + README))
    assert {"dev", "fuzz", "test"} <= named
    assert {extra for names in named for extra in names.split(",")} <= extras.keys()


def test_the_files_that_are_mutated_and_their_tests_exist() -> None:
    mutmut = PYPROJECT["tool"]["mutmut"]
    files = [*mutmut["only_mutate"], *mutmut["pytest_add_cli_args_test_selection"]]
    assert len(files) > 20
    assert [file for file in files if not (CHECKOUT / file).is_file()] == []
