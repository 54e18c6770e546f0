"""`plugins/README.md`: runs every block of the tutorial as a reader would."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from eventorg import testing
from eventorg.domain.facts import FACTS
from eventorg.plugin import Plugin
from eventorg.settings import Settings
from eventorg.testing import Bot, Server, User, check_problem, running
from tests.extensions.tutorial import BLOCKS, EXAMPLES, TEXT, only, texts, write_files
from tests.programs import CHECKOUT, environment, serving

EXAMPLE = CHECKOUT / "eventorg" / "extensions" / "template"
RUN_HERE = {
    "allow_list.py",
    "cake.py",
    "conftest.py",
    "example",
    "heartbeat.py",
    "hello.py",
    "herald.py",
    "members.py",
    "pyproject.toml",
    "regulars",
    "tea.py",
    "test_allow_list.py",
    "test_bot.py",
    "test_hello.py",
    "test_welcome.py",
    "welcome.py",
}
"""Files and folders of the page that this module runs. `test_examples` runs the others."""
GATE = {"start", "register", "refusal"}
"""Captions of the blocks that try the allow list."""
SMALL_TELEGRAM = {"telegram", "person", "answer"}
"""Captions of the section Test a bot."""
TOOLS = TEXT.partition("\n## Everything in `eventorg.testing`\n")[2].partition("\n## ")[0]
MINUTES = 10
WORDS_A_MINUTE = 238
"""The speed of silent reading (Brysbaert 2019). Code counts too, so this is an upper bound."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python` and `eventorg` are those of this run."""
    (tmp_path / "bin").mkdir()
    for name, program in {"eventorg": f"{sys.executable} -m eventorg", "python": sys.executable}.items():
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


def sh(script: str, cwd: Path, **settings: str) -> str:
    """Runs a block and returns its output."""
    variables = environment(cwd / "eventorg.db", plugins="", **settings)
    done = subprocess.run(
        ["bash", "-euc", script], cwd=cwd, env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_block_has_a_caption_and_is_run_here() -> None:
    assert len(BLOCKS) == TEXT.count("\n```\n") == len(re.findall(r"^```\w+$", TEXT, re.MULTILINE))
    files = {block.caption for block in BLOCKS if "." in block.caption}
    others = {block.caption for block in BLOCKS} - files
    assert (
        others
        == {"serve", "request", "response", "test", "new", "package", "installed", "output"} | GATE | SMALL_TELEGRAM
    )
    assert {name.partition("/")[0] for name in files} == RUN_HERE | EXAMPLES


def test_the_tutorial_takes_ten_minutes_and_has_a_gate_and_a_message() -> None:
    tutorial = TEXT.partition("\n## Tutorial\n")[2].partition("\n## ")[0]
    assert 0 < len(tutorial.split()) <= MINUTES * WORDS_A_MINUTE
    assert "gates=[Gate(" in tutorial
    assert "context.notify(" in tutorial


def test_the_first_plugin_is_short() -> None:
    lines = [line for line in only("hello.py").splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_first_plugin_is_served(here: Path) -> None:
    (here / "hello.py").write_text(only("hello.py"))
    with serving(here / "eventorg.db", program=["bash", "-c", only("serve")], cwd=here, plugins="") as server:
        assert sh(only("request").replace("http://127.0.0.1:8000", server.url), here) == only("response").strip()
        server.sign_up()
        server.wait_for(lambda: "user_created" in server.log)
    assert server.process.returncode == 0


def test_only_people_on_the_list_can_register(here: Path) -> None:
    (here / "allow_list.py").write_text(only("allow_list.py"))
    with serving(
        here / "eventorg.db", plugins="allow_list", plugins_dir=str(here), allow_list_usernames="olga lena"
    ) as server:
        anna = server.sign_up()
        assert server.client.get("/health").json()["plugins"] == {"allow_list": "ok"}
        url = f"/events/{anna.create_event()['id']}/register"
        problem = check_problem(anna.post(url, headers={"Accept-Language": "en"}), 409, "allow_list_not_listed")
        assert (problem["detail"], len(problem["data"])) == ("You are not on the list.", 1)
        assert anna.patch("/users/me", json={"username": "lena"}).status_code == 200
        assert anna.post(url).status_code == 201


def test_a_refusal_is_what_the_page_shows(here: Path) -> None:
    for name in ("hello.py", "allow_list.py"):
        (here / name).write_text(only(name))
    with serving(here / "eventorg.db", program=["bash", "-c", only("start")], cwd=here, plugins="") as server:
        user = server.sign_up()
        event = user.create_event()["id"]
        script = only("register").replace("http://127.0.0.1:8000", server.url)
        shown = json.loads(only("refusal"))
        assert len(shown["data"].pop("event_id")) == len(event)
        answer = json.loads(sh(f"TOKEN={user.token} EVENT={event}\n{script}", here))
        assert answer.pop("data") == {"event_id": event}
        assert answer == {name: value for name, value in shown.items() if name != "data"}
    assert server.process.returncode == 0


def test_a_participant_is_welcomed(here: Path) -> None:
    (here / "welcome.py").write_text(only("welcome.py"))
    settings = Settings(database=str(here / "eventorg.db"), plugins="welcome", plugins_dir=str(here), log_level="error")
    with running(settings) as server:
        host = server.sign_up()
        full, event = (host.create_event(title=title, capacity=1)["id"] for title in ("Full", "Tea"))
        host.post(f"/events/{full}/register")
        bot = server.make_bot("act", "deliver")
        account = bot.put("/identities/telegram/7", json={"locale": "en"}).json()
        acting = bot.acting_for(str(account["id"]))
        assert acting.post(f"/events/{full}/register").json()["status"] == "waitlisted"
        assert acting.post(f"/events/{event}/register").status_code == 201
        leased = []

        def lease() -> bool:
            leased.extend(bot.post("/deliveries/lease", json={}).json()["deliveries"])
            return bool(leased)

        server.wait_for(lease)
        assert [(each["kind"], each["text"]) for each in leased] == [("welcome.welcome", "See you at Tea")]


def test_only_members_of_the_club_can_register(here: Path) -> None:
    (here / "members.py").write_text(only("members.py"))
    with serving(here / "eventorg.db", plugins="members", plugins_dir=str(here)) as server:
        anna, boris = server.sign_up(), server.sign_up()
        event = anna.create_event(metadata={"members": f"{anna.account['username']} lena"})
        url = f"/events/{event['id']}/register"
        check_problem(boris.post(url), 409, "members_no_member")
        assert anna.post(url).status_code == 201
        assert boris.post(f"/events/{anna.create_event()['id']}/register").status_code == 201


def test_the_card_counts_cakes(here: Path) -> None:
    (here / "cake.py").write_text(only("cake.py"))
    with serving(here / "eventorg.db", plugins="cake", plugins_dir=str(here)) as server:
        anna = server.sign_up()
        url = f"/events/{anna.create_event()['id']}"
        anna.post(f"{url}/register")
        assert anna.get(f"{url}/card?locale=en").json()["text"].endswith("\n\nCakes: 1")


def test_tea_is_poured(here: Path) -> None:
    (here / "tea.py").write_text(only("tea.py"))
    with serving(here / "eventorg.db", plugins="tea", plugins_dir=str(here)) as server:
        anna, boris = server.sign_up(), server.sign_up()
        assert boris.post(f"/events/{anna.create_event()['id']}/tea").json() == {"cups": 1}
        assert anna.get("/changes").json()["changes"][-1]["type"] == "tea.poured"
        server.wait_for(lambda: "tea_poured" in server.log)


def test_participants_are_moved(here: Path) -> None:
    write_files(here, "regulars")
    with serving(here / "eventorg.db", plugins="regulars", plugins_dir=str(here)) as server:
        anna, boris = server.sign_up(), server.sign_up()
        event, following = (anna.create_event()["id"] for _ in range(2))
        assert boris.post(f"/events/{event}/register").status_code == 201
        check_problem(boris.post(f"/events/{event}/regulars/{following}"), 403)
        check_problem(anna.post(f"/events/{event}/regulars/{boris.id}"), 404)
        assert anna.get(f"/events/{event}").json()["status"] == "published", "all or nothing"
        assert anna.post(f"/events/{event}/regulars/{following}").json() == {"moved": 1}
        assert anna.get(f"/events/{event}").json()["status"] == "cancelled"
        assert boris.get(f"/events/{following}").json()["role"] == "participant"


def test_the_heartbeat_is_sent(here: Path) -> None:
    (here / "heartbeat.py").write_text(only("heartbeat.py"))
    requested = queue.SimpleQueue[str]()

    class Monitor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.put(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    with HTTPServer(("127.0.0.1", 0), Monitor) as monitor:
        threading.Thread(target=monitor.serve_forever, args=(0.01,)).start()
        url = f"http://127.0.0.1:{monitor.server_port}/ping"
        with serving(here / "eventorg.db", plugins="heartbeat", plugins_dir=str(here), heartbeat_url=url) as server:
            assert requested.get(timeout=10) == "/ping"
            assert server.client.get("/health").json()["plugins"] == {"heartbeat": "ok"}
        monitor.shutdown()
    assert server.process.returncode == 0


def test_the_herald_announces(here: Path) -> None:
    (here / "herald.py").write_text(only("herald.py"))
    with serving(here / "eventorg.db", plugins="herald", plugins_dir=str(here)) as server:
        anna = server.sign_up()

        def is_announced() -> bool:
            anna.create_event(title="Tea")  # those before the plugin's first request are not announced
            return "event_announced" in server.log

        server.wait_for(is_announced)
        assert '"title": "Tea"' in server.log
        assert server.client.get("/health").json()["plugins"] == {"herald": "ok"}


@pytest.mark.slow
def test_its_tests_pass(here: Path) -> None:
    for name in ("hello.py", "allow_list.py", "welcome.py", "conftest.py"):
        (here / name).write_text(only(name))
    for name in ("test_hello.py", "test_allow_list.py", "test_welcome.py"):
        (here / name).write_text(only(name))
    assert "4 passed" in sh(texts("test")[0], here)


def test_the_files_of_the_second_plugin_are_what_the_command_writes(here: Path, tmp_path: Path) -> None:
    assert sh(only("new"), here) == "example\n"
    write_files(tmp_path, "example")
    for file in sorted((tmp_path / "example").rglob("*.*")):
        made = here / file.relative_to(tmp_path)
        shown = [line for line in file.read_text().splitlines() if line]
        assert shown == [line for line in made.read_text().splitlines() if line], file
        assert made.read_text() == (EXAMPLE / file.relative_to(tmp_path / "example")).read_text()
    written = {file.relative_to(here) for file in (here / "example").rglob("*.*")}
    shown_files = {file.relative_to(tmp_path) for file in (tmp_path / "example").rglob("*.*")}
    assert written == shown_files | {Path("example/README.md")}


@pytest.mark.slow  # its files are those of `eventorg plugins new`, whose tests are run by test_plugin
def test_the_tests_of_the_second_plugin_pass(here: Path) -> None:
    write_files(here, "example")
    assert "7 passed" in sh(texts("test")[1], here)


@pytest.mark.slow
def test_it_is_packaged_installed_and_served(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a download: what builds it is taken from this environment."""
    write_files(here, "example")
    (here / "pyproject.toml").write_text(only("pyproject.toml"))
    site = tmp_path / "site"
    offline = only("package").replace("pip wheel", "pip wheel --quiet --no-index --no-build-isolation")
    sh(offline.replace("pip install", f"pip install --quiet --no-index --no-deps --target {site}"), here)
    monkeypatch.setenv("PYTHONPATH", f"{site}:{CHECKOUT}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert only("output") in sh(only("installed"), elsewhere)
    with serving(elsewhere / "eventorg.db", program=["eventorg", "serve"], cwd=elsewhere, plugins="example") as server:
        user = server.sign_up()
        url = f"/events/{user.create_event()['id']}/example"
        check_problem(server.client.get(url), 401)
        assert user.post(url, json={"text": "Tea"}).status_code == 201
        assert server.client.get("/health").json()["plugins"] == {"example": "ok"}


@pytest.mark.parametrize("field", Plugin.__struct_fields__)
def test_every_field_is_described(field: str) -> None:
    tutorial = TEXT.partition("## Everything in")[0]
    assert len(re.findall(rf"^\| `{field}` \| .+ \|$", tutorial, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", testing.__all__)
def test_every_tool_for_tests_is_described(name: str) -> None:
    assert len(re.findall(rf"^\| .*`{name}`.* \| .+ \|$", TOOLS, re.MULTILINE)) == 1


@pytest.mark.parametrize("kind", [Server, User, Bot])
def test_every_method_of_a_tool_is_described(kind: type) -> None:
    (row,) = re.findall(rf"^\| `{kind.__name__}` \| (.+) \|$", TOOLS, re.MULTILINE)
    methods = {name for name in vars(kind) if not name.startswith("_")} - {"headers"}
    assert methods <= set(re.findall(r"`(\w+)", row))


@pytest.mark.parametrize("fact", [kind.__name__ for kind in FACTS.values()])
def test_every_fact_is_described(fact: str) -> None:
    assert len(re.findall(rf"^\| `{fact}` \| .+ \|$", TEXT, re.MULTILINE)) == 1


def test_a_bot_is_tested() -> None:
    module: dict[str, Any] = {}
    exec(only("test_bot.py"), module)
    module["test_a_tap_takes_a_seat"]()


def test_the_small_telegram_runs_alone(here: Path) -> None:
    script = only("telegram").replace("8081", "0")
    with subprocess.Popen(["bash", "-c", f"exec {script}"], cwd=here, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        url, _ = program.stdout.readline().split()
        assert sh(only("person").replace("http://127.0.0.1:8081", url), here) == only("answer").strip()
        program.terminate()
