# `just` alone runs everything that must be green.

python := ".venv/bin/python"

default: lint types test

# An environment with eventorg and all that its development needs.
setup:
    python3 -m venv .venv && .venv/bin/pip install --quiet --editable '.[dev]'

serve:
    {{python}} app.py

lint:
    {{python}} -m ruff check . && {{python}} -m ruff format --check .

format:
    {{python}} -m ruff check --fix . && {{python}} -m ruff format .

types:
    {{python}} -m mypy

test *arguments:
    {{python}} -m pytest --cov {{arguments}}

# The long form of the fault tests: 20 times kill -9 under load.
faults:
    {{python}} -m pytest -m slow

# How fast it is: ten minutes, into tests/bench/results.json and results.svg; `just bench --quick` is a first look.
bench *arguments:
    {{python}} -m tests.bench {{arguments}}

# Small faults put into the code on purpose, one at a time: which do the tests not notice? Takes long.
mutants *names:
    {{python}} -m mutmut run {{names}}

# What is known of mistakes in the code, and of holes in what it is built on (asks PyPI).
audit:
    {{python}} -m bandit --quiet --configfile pyproject.toml --recursive eventorg plugins app.py
    {{python}} -m pip_audit --skip-editable

# The long form of the fuzzing: more than 10,000 requests that the description allows, and that it does not.
fuzz:
    {{python}} -m pytest -n 0 -m slow -s tests/web/test_fuzzing.py
