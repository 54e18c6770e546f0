"""The benchmark runs and writes its results. These tests do not check any speed."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import httpx
import msgspec
import pytest
from msgspec import structs

from tests.bench import goals, soak
from tests.bench.capacity import capacity
from tests.bench.checking import Reference
from tests.bench.dataset import SMALL, Dataset
from tests.bench.load import Failed
from tests.bench.report import render
from tests.bench.results import Results
from tests.bench.scenarios import SCENARIOS
from tests.bench.servers import VARIANTS, Server
from tests.programs import CHECKOUT

TITLE = "GET /events/{id} with a token"
PUBLISHED = CHECKOUT / "tests" / "bench" / "results.json"
DATA = Dataset(
    path=Path("none.db"),
    size=SMALL,
    callers=["anna"],
    tokens=["a.b.cccccccccc"],
    calendars=[],
    largest=None,
    hundreds=["event"],
    empty=[],
    answered=[],
    full="",
    telegram_ids=[],
    organizer="",
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_a_first_look_prints_the_table_and_writes_every_number(tmp_path: Path) -> None:
    options = ["--quick", "--only", "event", "--variants", "eventorg,bare", "--output", tmp_path]
    command = [sys.executable, "-m", "tests.bench", *map(str, options)]
    run = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stderr
    table = run.stdout[run.stdout.index(TITLE) :].splitlines()
    assert [line.split("  ")[0] for line in table[:2]] == [TITLE, "32 connections"]
    assert table[3].split()[:3] == ["eventorg", "is", "1.00"]
    written = (tmp_path / "results.json").read_bytes()
    assert msgspec.json.decode(written).keys() == set(Results.__struct_fields__)
    results = msgspec.json.decode(written, type=Results)
    assert results.machine.processor
    (comparison,) = results.comparisons
    for name in ("eventorg", "bare"):
        summary = comparison.of(name)
        assert summary is not None
        assert None not in msgspec.structs.astuple(summary)
    assert results.goals == []


def test_the_goals_name_what_is_measured() -> None:
    measured = {(scenario.name, variant) for scenario in SCENARIOS for variant in scenario.variants}
    assert {(scenario, variant) for scenario, variants, _ in goals.RATIOS for variant in variants} <= measured
    assert {variant for _, variant in measured} == {variant.name for variant in VARIANTS}


def published() -> Results:
    return msgspec.json.decode(PUBLISHED.read_bytes(), type=Results)


def test_one_round_judges_nothing() -> None:
    results = published()
    assert {goal.name for goal in goals.judge(results)} >= {"event: eventorg / bare", "event: eventorg / fastify"}
    results.pace = structs.replace(results.pace, rounds=1)
    assert goals.judge(results) == []


def test_one_table_has_every_variant_side_by_side() -> None:
    results = published()
    lines = render(results).splitlines()
    (head,) = (line.split() for line in lines if line.split()[:2] == ["eventorg", "normal"])
    (event,) = (number for number, line in enumerate(lines) if line.startswith(TITLE))
    ratios = lines[event + 3].removeprefix("  ").split("eventorg is")[1].split(" x")
    measured = {one.variant: one.summary for one in results.comparisons[0].results}
    shown = [f"{summary.ratio:.2f}" for name in head if (summary := measured.get(name))]
    assert [ratio.strip() for ratio in ratios if ratio.strip()] == shown


def samples(*memory: float, wal: float = 4, server_errors: int = 0) -> list[soak.Sample]:
    return [
        soak.Sample(seconds=place, memory_mib=mib, wal_mib=wal, answers=9, server_errors=server_errors, broken=0)
        for place, mib in enumerate(memory)
    ]


def test_a_soak_tells_growth_after_the_warm_up_and_5xx() -> None:
    assert list(soak.faults(samples(80, 100, 101, 105))) == []
    assert list(soak.faults(samples(80, 100, 105, 120))) == ["The memory grew from 100 to 120 MiB."]
    assert list(soak.faults(samples(1, 1, 1, 1, wal=65))) == ["The write-ahead log had 65 MiB."]
    assert list(soak.faults(samples(1, 1, 1, 1, server_errors=2))) == ["2 responses were 5xx."]


def test_the_readme_tells_what_was_measured_and_leaves_out_the_rest() -> None:
    results = published()
    told = capacity(results)
    register = next(one for one in results.comparisons if one.scenario == "register").of("eventorg")
    assert register is not None
    assert f"| {register.rate:,.0f} |" in told
    results.comparisons, results.followers = [], None
    assert f"| {register.rate:,.0f} |" not in capacity(results)
    assert "wait at `GET /changes`" in told
    assert "wait at `GET /changes`" not in capacity(results)


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
