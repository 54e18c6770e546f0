"""The README's claims."""

import re
import threading
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from eventorg.testing import Clock, Server, User

from .. import Settings
from ..commands import COMMANDS
from ..sending import SCHEDULE
from .hosting import add

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_receiver_of_the_readme_verifies_what_it_is_sent(
    eventorg: Server, host: User, receivers_clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    event = host.create_event()
    block = re.findall(r"```python\n(.+?)```", README, re.DOTALL)[0]
    code, serve, _ = block.partition('HTTPServer(("127.0.0.1", 8080), Receiver).serve_forever()')
    assert serve
    names: dict[str, Any] = {}
    with HTTPServer(("127.0.0.1", 0), lambda *arguments: names["Receiver"](*arguments)) as server:
        good = add(host, event, f"http://127.0.0.1:{server.server_port}/")
        exec(code.replace("whsec_…", good["secret"]), names)
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        add(host, event, f"http://127.0.0.1:{server.server_port}/another-secret")
        host.patch(f"/events/{event['id']}", json={"title": "new"})
        said = ""

        def answered() -> bool:
            nonlocal said
            said += "".join(capsys.readouterr())
            return said.count("POST") == 2

        eventorg.wait_for(answered)
        server.shutdown()
    assert f"event.updated {event['id']}" in said
    assert '"POST / HTTP/1.1" 204' in said
    assert '"POST /another-secret HTTP/1.1" 400' in said


def test_the_schedule_the_settings_and_the_commands_are_described() -> None:
    def words(seconds: int) -> str:
        for size, unit in ((3600, "hours"), (60, "minutes")):
            if seconds % size == 0:
                return f"{seconds // size} {unit}"
        return f"{seconds} seconds"

    *most, last = (words(int(pause.total_seconds())) for pause in SCHEDULE)
    assert f"{', '.join(most)}, and {last}. Each pause is a little longer" in " ".join(README.split())
    for field in structs.fields(Settings):
        default = str(field.default).lower()
        assert f"| `EVENTORG_WEBHOOKS_{field.name.upper()}` | `{default}` |" in README
    assert {command.name for command in COMMANDS} == set(re.findall(r"\$ eventorg webhooks (\w+)", README))
