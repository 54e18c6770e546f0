"""The server as the operator runs it: started, stopped, and installed from a wheel."""

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from eventorg.serving.server import listen
from eventorg.storage.invariants import find_miscounts
from eventorg.storage.schema import core_component, find_faults
from eventorg.storage.sqlite import connect_reader
from eventorg.testing import Server, User
from tests.programs import APP, CHECKOUT, Program, run, sentence, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eventorg.db"


def tell_the_story(server: Server) -> tuple[User, str]:
    """Creates an event with one registration. Returns the organizer and the event."""
    organizer, guest = server.sign_up(), server.sign_up()
    event_id = organizer.create_event(title="Встреча")["id"]
    assert guest.post(f"/events/{event_id}/register").status_code == 201
    assert organizer.patch(f"/events/{event_id}", json={"location": "Москва"}).status_code == 200
    listed = organizer.get(f"/events/{event_id}/participants").json()["participants"]
    assert [one["user_id"] for one in listed] == [guest.id]
    passing = organizer.create_event()["id"]
    assert organizer.delete(f"/events/{passing}").status_code == 200
    return organizer, event_id


def test_data_and_tokens_survive_a_restart(path: Path) -> None:
    with serving(path) as server:
        organizer, event_id = tell_the_story(server)
        before = organizer.get(f"/events/{event_id}/participants").json()
    assert server.wait() == 0
    assert [record["event"] for record in server.records if record["event"] != "request"] == ["serving", "stopped"]
    with serving(path) as server:
        again = server.client.get(f"/events/{event_id}/participants", headers=organizer.headers)
        assert again.json() == before  # the token is still valid: the secret is kept
        server.log_in(organizer.account["email"])
    assert find_faults(path, [core_component()]) == find_miscounts(path) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_finishes_after_sigterm(path: Path, number: signal.Signals) -> None:
    body = b'{"title": "Late", "start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}'
    with serving(path) as server:
        user = server.sign_up()
        head = f"POST /events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        with connected(server) as idle, connected(server) as running:
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            running.sendall(head.encode())
            assert running.recv(4096).startswith(b"HTTP/1.1 100")  # now the handler waits for the body
            server.process.send_signal(number)
            while idle.recv(4096):
                pass  # the idle connection is closed: the server is stopping
            running.sendall(body)
            assert running.recv(4096).startswith(b"HTTP/1.1 201")
        assert server.wait() == 0
    with closing(connect_reader(path)) as connection:
        assert [row["title"] for row in connection.execute("SELECT title FROM events")] == ["Late"]


@contextmanager
def connected(server: Program) -> Iterator[socket.socket]:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 0), timeout=10) as connection:
        yield connection


def test_a_port_in_use_is_one_sentence(path: Path) -> None:
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        said = sentence(run(path, program=APP, port=port))
    assert said == f"Port {port} is already in use on 127.0.0.1. Set EVENTORG_PORT to another port."


@pytest.mark.parametrize(
    ("host", "reason"),
    [("192.0.2.1", r"192\.0\.2\.1:0: cannot assign requested address"), ("no host", "no host:0: .+")],
)
def test_an_address_that_cannot_be_bound_is_one_sentence(path: Path, host: str, reason: str) -> None:
    said = sentence(run(path, "serve", host=host))
    assert re.fullmatch(rf"Cannot listen on {reason}\. Check EVENTORG_HOST and EVENTORG_PORT\.", said)


@pytest.mark.slow
def test_it_serves_from_a_wheel_outside_the_checkout(tmp_path: Path, path: Path) -> None:
    """The wheel is built and installed offline, with the dependencies of this environment."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(CHECKOUT)], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("eventorg-*.whl")
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, "--ignore-installed", str(wheel)], check=True, cwd=tmp_path)

    where = "import eventorg, eventorg.package_data as r; print(eventorg.__file__, r.data_folder('sql'))"
    found = subprocess.run([python, "-c", where], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert found.stdout.split() == [str(site / "eventorg" / "__init__.py"), str(site / "eventorg" / "sql")]
    with serving(path, program=[str(python.parent / "eventorg"), "serve"], cwd=tmp_path) as server:
        tell_the_story(server)
    assert server.wait() == 0
    assert os.listdir(site / "eventorg" / "plugins")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM registrations").fetchone() == (1,)
