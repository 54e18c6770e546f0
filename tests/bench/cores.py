"""Pins processes to cores, and reads their processor time and memory from Linux's /proc."""

import os
import time
from pathlib import Path

_ALL = sorted(os.sched_getaffinity(0))
LOAD_CORES = {_ALL[0]}
SERVER_CORES = {_ALL[-1]}
"""The measured server has one core and the load generator another, or the same one if there is only one."""
ALL_CORES = set(_ALL)
_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE_SHARE = 0.05
_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 6.0


def pin(pid: int, cores: set[int]) -> None:
    """Pins all threads of a process to these cores. Later threads inherit this."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), cores)


def family(pid: int) -> list[int]:
    """Returns the ids of a process and of all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Returns the processor time that a process and its descendants have used, in seconds."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(user) + int(system) for *_, user, system in (line[:13] for line in fields)) / _TICKS


def resident_mib(pid: int) -> float:
    """Returns the resident memory of a process and its descendants, in MiB."""
    return sum(_resident_kib(one) for one in family(pid)) / 1024


def _resident_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def settle(pid: int) -> None:
    """Waits until a process is idle, at most a few seconds: some work is done after the answer."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    used = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        before, used = used, cpu_seconds(pid)
        if used - before <= _IDLE_SHARE * _LOOK_SECONDS:
            return
