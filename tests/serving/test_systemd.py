"""The messages to the service manager, over a real socket."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from eventorg.serving.systemd import sd_notify
from tests.programs import APP, PATIENCE, Program, serving


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(PATIENCE)
        yield listener


def files_written_by(program: Program) -> set[str]:
    """The names of the regular files that a program has open for writing."""
    process = Path(f"/proc/{program.process.pid}")
    written = set()
    for link in (process / "fd").iterdir():
        told = dict(line.split(":") for line in (process / "fdinfo" / link.name).read_text().splitlines()[:3])
        if stat.S_ISREG(link.stat().st_mode) and int(told["flags"], 8) & (os.O_WRONLY | os.O_RDWR):
            written.add(link.readlink().name)
    return written


def test_the_manager_hears_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    address = str(tmp_path / "manager")
    told = ("env", f"NOTIFY_SOCKET={address}", *APP)  # only this program: the servers in this process send nothing
    with manager(address) as listener, serving(tmp_path / "eventorg.db", program=told) as program:
        assert listener.recv(100) == b"READY=1"
        assert program.client.get("/health").status_code == 200
        assert listener.recv(100) == b"WATCHDOG=1"
        # There is no log file to rotate: the server logs to standard error.
        assert files_written_by(program) == {f"eventorg.db{end}" for end in ("", "-wal", "-shm", ".lock")}
        program.process.terminate()
        while (said := listener.recv(100)) == b"WATCHDOG=1":
            pass
        assert said == b"STOPPING=1"
        assert program.wait() == 0


def test_an_abstract_socket_works(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"eventorg-{os.getpid()}"
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
    with manager(f"\0{name}") as listener:
        sd_notify("READY=1")
        while listener.recv(100) != b"READY=1":
            pass  # from a server that other tests share


def test_a_missing_socket_is_only_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    log = CapturingLogger()
    monkeypatch.setattr("eventorg.serving.systemd.log", log)
    sd_notify("READY=1")
    assert {call.args for call in log.calls} == {("service_manager_notify_failed",)}


def test_without_a_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    log = CapturingLogger()
    monkeypatch.setattr("eventorg.serving.systemd.log", log)
    sd_notify("READY=1")
    assert log.calls == []
