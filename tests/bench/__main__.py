"""The benchmark command. It prepares the files, measures, prints tables, and writes results.json and results.svg."""

import argparse
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import structs

from eventorg.core import utc_now
from eventorg.domain.values import rfc3339
from tests.bench import cores
from tests.bench.comparison import Pace, running_fleet
from tests.bench.crowds import measure_crowds
from tests.bench.dataset import LARGE, MEDIUM, SMALL, prepare
from tests.bench.environments import ALONE, CHECKOUT, PEERS, WORK, Missing
from tests.bench.followers import measure_followers
from tests.bench.goals import judge
from tests.bench.growth import measure_files, measure_growth
from tests.bench.load import Failed
from tests.bench.meanwhile import OTHERS, measure_meanwhile
from tests.bench.progress import say
from tests.bench.report import render
from tests.bench.results import Results, describe_machine, version
from tests.bench.scenarios import SCENARIOS
from tests.bench.servers import VARIANTS, started

WHOLE = Pace(rounds=6, seconds=1, warm_up=True, followers=1_000)
MEDIAL = Pace(rounds=2, seconds=1, warm_up=True, followers=1_000)
QUICK = Pace(rounds=1, seconds=1, warm_up=True, followers=100)
PUBLISHED = Path(__file__).parent
BESIDES = (*OTHERS, "crowds", "followers", "start", "growth")
LEFT_OUT = {"medium": ("all-participants", "registrations"), "quick": ("all-participants", "login", *BESIDES)}
"""The measurements that the shorter forms leave out unless `--only` names them."""


def main() -> None:
    """Measures what the arguments name. The exit status is 1 if one of them failed."""
    arguments = _parse()
    if not shutil.which("wrk"):
        sys.exit("The benchmark needs wrk, which generates the load: apt install wrk.")
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most_files, 65_536), most_files))
    os.sched_setaffinity(0, cores.LOAD_CORES)
    pace = QUICK if arguments.quick else MEDIAL if arguments.medium else WHOLE
    pace = structs.replace(pace, rounds=arguments.rounds or pace.rounds, seconds=arguments.seconds or pace.seconds)
    WORK.mkdir(exist_ok=True)
    try:
        if not arguments.quick:
            ALONE.require()
        with TemporaryDirectory(dir=WORK) as folder:
            results = _measure(pace, arguments, Path(folder))
    except (Missing, Failed) as error:
        say("")
        sys.exit(f"bench: {error}")
    results.goals = judge(results)
    sys.stdout.write(render(results))
    _write(results, arguments.output)
    failed = [one for comparison in results.comparisons for one in comparison.results if one.failure]
    sys.exit(1 if failed else 0)


def _parse() -> argparse.Namespace:
    names = [scenario.name for scenario in SCENARIOS]
    variants = [variant.name for variant in VARIANTS]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the performance of eventorg.")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="measure one round of the requests, and judge nothing")
    form.add_argument(
        "--medium", action="store_true", help="measure two rounds, with files of up to 50,000 registrations"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help=f"the number of rounds ({WHOLE.rounds})")
    parser.add_argument("--seconds", type=int, metavar="S", help=f"the length of a round in seconds ({WHOLE.seconds})")
    parser.add_argument(
        "--only", type=_chosen([*names, *BESIDES]), metavar="NAME,…", help=f"some of {', '.join([*names, *BESIDES])}"
    )
    parser.add_argument(
        "--variants", type=_chosen(variants), metavar="NAME,…", default=variants, help=f"some of {', '.join(variants)}"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="the folder of results.json and results.svg (tests/bench for the long and the medium form, else .bench)",
    )
    is_published = sys.argv[1:] in ([], ["--medium"])
    arguments = parser.parse_args()
    arguments.output = arguments.output or (PUBLISHED if is_published else WORK)
    left_out = LEFT_OUT["quick"] if arguments.quick else LEFT_OUT["medium"] if arguments.medium else ()
    arguments.only = arguments.only or [name for name in (*names, *BESIDES) if name not in left_out]
    return arguments


def _chosen(names: list[str]):  # type: ignore[no-untyped-def]
    """Returns a parser for a comma-separated list of these names."""

    def read(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := set(chosen) - set(names):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is none of {', '.join(names)}")
        return chosen

    return read


def _measure(pace: Pace, arguments: argparse.Namespace, folder: Path) -> Results:
    only = set(arguments.only)
    say("preparing the file")
    data = prepare(folder / "usual.db", MEDIUM)
    results = Results(
        version=version(),
        made_at=rfc3339(utc_now()),
        machine=describe_machine(),
        pace=pace,
        users=MEDIUM.users,
        events=MEDIUM.events,
        registrations=MEDIUM.registrations,
    )
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in only]
    if scenarios:
        asked = {"eventorg", *arguments.variants} & {name for one in scenarios for name in one.variants}
        with running_fleet(data, [one for one in VARIANTS if one.name in asked], folder) as fleet:
            results.comparisons = [fleet.compare(scenario, pace) for scenario in scenarios]
            results.footprints = fleet.footprints()
    if "start" in only:
        for number in range(-1, pace.rounds):  # the first one looks for damage in a file that is not its own
            with started(VARIANTS[0], data.path, cores.ALL_CORES) as server:
                results.start_seconds += [server.start_seconds] if number >= 0 else []
    results.meanwhile = [measure_meanwhile(what, data, pace) for what in OTHERS if what in only]
    if "crowds" in only:
        results.crowds = measure_crowds(data, pace)
    if "followers" in only:
        results.followers = measure_followers(data, pace)
    if "growth" in only:
        say("preparing a small and a large file")
        chosen = (SMALL, MEDIUM if arguments.medium else LARGE)
        sizes = [prepare(folder / f"growth-{size.name}.db", size) for size in chosen]
        results.files = measure_files(sizes, pace)
        results.growths = measure_growth(sizes, [one for one in SCENARIOS if one.grows], pace)
    say("")
    return results


def _write(results: Results, folder: Path) -> None:
    """Writes the results, and into the README those that are published. The picture needs matplotlib, which is in the
    environment of the peers."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers, picture = folder / "results.json", folder / "results.svg"
    numbers.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    picture.unlink(missing_ok=True)
    if PEERS.is_made():
        subprocess.run([PEERS.python, "-m", "tests.bench.picture", numbers, picture], cwd=CHECKOUT, check=True)
    if folder == PUBLISHED:
        subprocess.run([sys.executable, "-m", "tests.readme"], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    main()
