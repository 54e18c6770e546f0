# `just` alone runs everything that must pass before a change is merged.

python := ".venv/bin/python"

default: lint types test

# Creates an environment with eventorg, its tests and its linters.
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
    {{python}} -m pytest {{arguments}}

# Runs the tests and prints the lines and branches that they do not reach.
coverage *arguments:
    {{python}} -m pip install --quiet --editable '.[coverage]' && {{python}} -m pytest --cov {{arguments}}

# Runs the long forms of tests, such as kill -9 under load.
faults:
    {{python}} -m pytest -m 'slow and not fuzz'

# Fuzzes the API at length, with more than 10,000 requests, and tests a generated client and the small Telegram.
fuzz:
    {{python}} -m pip install --quiet --editable '.[fuzz]' && {{python}} -m pytest -n 0 -m fuzz -s

# Runs the tests against the newest releases of all dependencies, also of those that pyproject.toml caps.
latest:
    python3 -m venv --clear .latest && .latest/bin/pip install --quiet --editable '.[test]'
    .latest/bin/pip install --quiet --upgrade aiosqlite dateparser litestar python-telegram-bot tzfpy uvicorn
    .latest/bin/python -m pytest

# Renews the versions that the container gets: the newest that pyproject.toml allows.
constraints:
    python3 -m venv --clear .constraints && .constraints/bin/pip install --quiet '.[mail]'
    (head -n 1 .ci/constraints.txt && .constraints/bin/pip freeze --exclude eventorg) > constraints.new && mv constraints.new .ci/constraints.txt
    rm -r .constraints

# Measures the performance in a quarter of an hour and writes tests/bench/results.json; `just bench --medium` takes five
# minutes.
bench *arguments:
    {{python}} -m tests.bench {{arguments}}

# Puts a mixed load on a server for 30 minutes (`--minutes N`), and shows its memory, its write-ahead log, and 5xx.
soak *arguments:
    {{python}} -m tests.bench.soak {{arguments}}

# Puts small faults into the code, one at a time, and lists those that no test notices. Takes hours.
mutants *names:
    {{python}} -m pip install --quiet --editable '.[mutants]' && {{python}} -m mutmut run {{names}}

# Looks for common mistakes in the code and for known vulnerabilities in the dependencies (asks PyPI).
audit:
    {{python}} -m pip install --quiet --editable '.[audit]'
    {{python}} -m bandit --quiet --configfile pyproject.toml --recursive eventorg plugins app.py
    {{python}} -m pip_audit --skip-editable
