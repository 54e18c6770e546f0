"""Faults below a server: full disks, and what a test can do only as root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mounts a file system of this size in a folder. Skips the test where mounting is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def immutable(*files: Path) -> Iterator[None]:
    """Makes files read-only, even for root, until the block ends. Skips the test where that is not possible."""
    if os.geteuid() != 0 or subprocess.run(["chattr", "+i", *files], capture_output=True).returncode != 0:
        pytest.skip("files cannot be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


def fill(folder: Path) -> Path:
    """Writes a file that uses all remaining space."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            return file
