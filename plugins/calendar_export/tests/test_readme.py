"""The README's commands work."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from eventorg.testing import Server

from .calendars import check_lines

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.skipif(not shutil.which("bash") or not shutil.which("curl"), reason="needs bash and curl")
def test_the_readmes_lines_work(eventorg: Server, tmp_path: Path) -> None:
    user = eventorg.sign_up()
    (script,) = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    named = {"api": eventorg.url, "token": user.token, "event": user.create_event()["code"]}
    run = subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=os.environ | named, capture_output=True, check=True)
    check_lines((tmp_path / "event.ics").read_bytes())
    check_lines(eventorg.client.get(json.loads(run.stdout)["url"]).content)
