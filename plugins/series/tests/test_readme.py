"""The README's commands work."""

import json
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
    (script,) = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    named = {"api": scene.server.url, "host": scene.host.token, "event": scene.event()["id"]}
    run = subprocess.run(["bash", "-ec", script], env=os.environ | named, capture_output=True, check=True)
    listed = run.stdout.decode().partition('"events":')[2]
    events = json.JSONDecoder().raw_decode(listed)[0]
    assert [(event["title"], event["start_time"][:10]) for event in events] == [
        ("Choir", "2027-01-05"),
        ("Choir", "2027-01-12"),
        ("Choir", "2027-01-19"),
    ]
