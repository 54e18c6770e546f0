"""`eventorg webhooks …`, run as programs of their own beside a running server."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import Struct
from standardwebhooks import Webhook

from eventorg.testing import Clock, Server, User

from ..commands import COMMANDS
from .hosting import add, log_of, state_of
from .receiver import Answer, Receiver


class Said(Struct, frozen=True):
    """The output and exit status of a command."""

    returncode: int
    stdout: str
    stderr: str


Say = Callable[..., Said]


@pytest.fixture
def settings(eventorg: Server) -> dict[str, str]:
    """The environment of commands on the server's database."""
    return {
        "EVENTORG_DATABASE": str(eventorg.settings.database_path),
        "EVENTORG_WEBHOOKS_ALLOW_PRIVATE": "true",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


@pytest.fixture
def program(settings: dict[str, str]) -> Say:
    """Runs `eventorg webhooks …` as a program of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}

    def run(*arguments: str) -> Said:
        command = [sys.executable, "-m", "eventorg", "webhooks", *arguments]
        done = subprocess.run(command, env=kept | settings, capture_output=True, text=True, timeout=60, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def command(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """The same in this process, which is quicker."""
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["eventorg", "webhooks", *arguments])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("eventorg", run_name="__main__")
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


def test_the_operator_has_all_changes_told(
    eventorg: Server, host: User, receiver: Receiver, receivers_clock: Clock, program: Say, command: Say
) -> None:
    added = program("add", receiver.url, "--types", "user.created,registration.*")
    assert added.returncode == 0, added.stderr
    *before, secret = added.stdout.splitlines()
    assert before == []
    webhook_id = added.stderr.split()[1].rstrip(".")

    guest = eventorg.sign_up()
    guest.post(f"/events/{host.create_event(visibility='private')['id']}/register")  # 404: not told
    guest.post(f"/events/{host.create_event()['id']}/register")
    eventorg.wait_for(lambda: len(receiver.received) == 2)
    told = [Webhook(secret).verify(message.body, message.headers) for message in receiver.received]
    assert [each["type"] for each in told] == ["user.created", "registration.created"]
    assert told[0]["data"]["user_id"] == guest.id
    assert "event" not in told[0]["data"]

    assert command("list").stdout == f"{webhook_id}\tall events\t{receiver.url}\tregistration.*,user.created\tok\n"
    newest, oldest = command("log", webhook_id).stdout.splitlines()
    delivery_id, at, *rest = oldest.split("\t")
    assert receiver.received[0].id == f"msg_{delivery_id}"
    assert at == "2027-01-01T12:00:00Z"
    assert rest == ["user.created", "delivered", "1 attempt", "204"]
    assert newest.split("\t")[2] == "registration.created"

    assert program("replay", delivery_id).stdout == "1 queued for sending\n"
    eventorg.wait_for(lambda: len(receiver.received) == 3)
    assert receiver.received[2].body == receiver.received[0].body
    assert command("remove", webhook_id).stdout == f"removed {webhook_id}\n"


def test_the_operator_sees_the_webhooks_of_hosts_and_turns_them_on(
    eventorg: Server, host: User, receiver: Receiver, command: Say
) -> None:
    receiver.answer = Answer(410)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: host.get(f"/events/{event['id']}/webhooks").json()["webhooks"][0]["disabled_at"])
    line = f"{webhook['id']}\tevent {event['id']}\t{receiver.url}\t*\t"
    assert command("list").stdout == f"{line}disabled since 2027-01-01T12:00:00Z: gone\n"
    receiver.answer = Answer(200)
    assert command("enable", webhook["id"]).stdout == f"enabled {webhook['id']}\n"
    assert command("list").stdout == f"{line}ok\n"
    for arguments, count in (
        (("2027-01-01", "--failed"), 1),
        (("2027-01-01", "--failed"), 0),
        (("2027-01-01T12:00:00Z", "--webhook", webhook["id"]), 1),
        (("2027-01-02",), 0),
    ):
        assert command("replay", "--since", *arguments).stdout == f"{count} queued for sending\n", arguments
    eventorg.wait_for(lambda: all(one["status"] == "delivered" for one in log_of(host, webhook)))
    receiver.answer = Answer(410)
    host.patch(f"/events/{event['id']}", json={"title": "newer"})
    eventorg.wait_for(lambda: state_of(host, webhook)["disabled_at"])
    for which in ([log_of(host, webhook)[0]["id"]], ["--since", "2027-01-01", "--webhook", webhook["id"]]):
        off = command("replay", *which)
        assert (off.returncode, off.stderr) == (1, "eventorg: The webhook is disabled. Enable it first.\n")
    assert log_of(host, webhook)[0]["status"] != "pending"
    assert command("remove", webhook["id"]).stdout == f"removed {webhook['id']}\n"
    assert command("list").stdout == ""


def test_what_cannot_be_done_is_said_in_a_sentence(command: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = (
        (("add", "ftp://example.com"), 1, "must begin with http:// or https://"),
        (("add", "http://127.0.0.1/", "--types", "event.born"), 1, "contains an unknown type of change"),
        (("add", "http://127.0.0.1/"), 1, "has no address, or its address is private"),
        (("remove", "nobody"), 1, "There is no webhook nobody."),
        (("enable", "nobody"), 1, "There is no webhook nobody."),
        (("log", "nobody"), 1, "There is no webhook nobody."),
        (("replay", "nobody"), 1, "There is no delivery nobody."),
        (("replay", "--since", "2027-01-01", "--webhook", "nobody"), 1, "There is no webhook nobody."),
        (("replay", "nobody", "--failed"), 2, "need --since."),
        (("replay", "--since", "soon"), 2, "soon"),
        (("log", "nobody", "--limit", "0"), 2, "0"),
        (("replay",), 2, "Specify either DELIVERY_ID or --since."),
    )
    monkeypatch.setenv("EVENTORG_WEBHOOKS_ALLOW_PRIVATE", "false")
    for arguments, status, said in cases:
        answer = command(*arguments)
        assert (answer.returncode, answer.stdout) == (status, ""), arguments
        assert said in answer.stderr
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("name", ["add", "list", "remove", "enable", "log", "replay"])
def test_every_help_has_an_example(name: str) -> None:
    command = next(each for each in COMMANDS if each.name == name)
    assert f"Example: eventorg webhooks {name}" in str(command.help)
