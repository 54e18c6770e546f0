"""The README's commands work."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .scene import Scene

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.skipif(not shutil.which("bash") or not shutil.which("curl"), reason="needs bash and curl")
def test_the_readmes_lines_work(scene: Scene) -> None:
    guest = scene.server.sign_up()
    (script,) = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    named = {"api": scene.server.url, "host": scene.host.token, "guest": guest.token, "event": scene.event["code"]}
    run = subprocess.run(["bash", "-ec", script], env=os.environ | named, capture_output=True, check=True)
    row = run.stdout.decode().splitlines()[-1]
    assert row.startswith(guest.id)
    assert row.endswith(",Funghi")
