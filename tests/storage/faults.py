"""What goes wrong below a server, made to go wrong: disks that are full, and what a test may do only as root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of so many bytes in a folder; skips the test where it may not be mounted."""
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
    """Files that nobody may write, not even root, until the block ends; skips the test where that cannot be said."""
    if os.geteuid() != 0 or subprocess.run(["chattr", "+i", *files], capture_output=True).returncode != 0:
        pytest.skip("files cannot be made immutable here")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", *files], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is left."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            return file
