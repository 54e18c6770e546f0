"""The benchmark runs and writes its results. These tests do not check any speed."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import httpx
import msgspec
import pytest

from tests.bench import goals
from tests.bench.checking import Reference
from tests.bench.dataset import SMALL, Dataset
from tests.bench.load import Failed
from tests.bench.results import Results
from tests.bench.scenarios import SCENARIOS
from tests.bench.servers import VARIANTS, Server
from tests.programs import CHECKOUT

TITLE = "GET /events/{id} with a token; 32 connections"
DATA = Dataset(
    path=Path("none.db"),
    size=SMALL,
    callers=["anna"],
    tokens=["a.b.cccccccccc"],
    calendars=[],
    largest=None,
    hundreds=["event"],
    empty=[],
    full="",
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_first_look_prints_the_table_and_writes_every_number(tmp_path: Path) -> None:
    options = ["--quick", "--only", "event", "--variants", "eventorg,bare", "--output", tmp_path]
    command = [sys.executable, "-m", "tests.bench", *map(str, options)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    table = run.stdout[run.stdout.index(TITLE) :].splitlines()
    assert [line.split("  ")[0] for line in table[2:4]] == ["eventorg", "a bare Litestar route"]
    written = (tmp_path / "results.json").read_bytes()
    assert msgspec.json.decode(written).keys() == set(Results.__struct_fields__)
    results = msgspec.json.decode(written, type=Results)
    assert results.machine.processor
    (comparison,) = results.comparisons
    for name in ("eventorg", "bare"):
        summary = comparison.of(name)
        assert summary is not None
        assert None not in msgspec.structs.astuple(summary)
    assert [goal.name for goal in results.goals] == ["event: eventorg / bare", "MiB resident after the load"]


def test_the_goals_name_what_is_measured() -> None:
    measured = {(scenario.name, variant) for scenario in SCENARIOS for variant in scenario.variants}
    assert {(scenario, variant) for scenario, variants, _ in goals.RATIOS for variant in variants} <= measured
    assert {variant for _, variant in measured} == {variant.name for variant in VARIANTS}


def answering(name: str, body: bytes) -> Server:
    """Returns a variant that answers every request with this body."""
    (variant,) = (one for one in VARIANTS if one.name == name)
    server = Server(variant, DATA.path, cast("subprocess.Popen[bytes]", None), "http://bench")

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})

    server.client = httpx.Client(base_url=server.url, transport=httpx.MockTransport(answer))
    return server


@pytest.mark.parametrize("name", ["bare", "fastify"])
def test_a_wrong_answer_is_not_timed(name: str) -> None:
    reference = Reference(answering("eventorg", b'{"title":"x","capacity":null}'), DATA)
    with pytest.raises(Failed, match="where eventorg answers"):
        reference.check(answering(name, b'{"title":"x"}'), SCENARIOS[0], SCENARIOS[0].load(DATA))


def test_a_server_that_ignores_tokens_is_not_timed() -> None:
    body = b'{"title":"x"}'
    reference = Reference(answering("eventorg", body), DATA)
    with pytest.raises(Failed, match="with a forged token"):
        reference.check(answering("fastify", body), SCENARIOS[0], SCENARIOS[0].load(DATA))
