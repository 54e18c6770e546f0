"""`eventorg webhooks …`, run as programs of their own beside a running server."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from eventorg.testing import Clock, Server, User

from ..commands import COMMANDS
from .hosting import add
from .receiver import Answer, Receiver

Said = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def webhooks(eventorg: Server) -> Said:
    """Runs `eventorg webhooks` on the server's database."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENTORG_")}
    settings = {
        "EVENTORG_DATABASE": str(eventorg.settings.database_path),
        "EVENTORG_WEBHOOKS_ALLOW_PRIVATE": "true",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }

    def run(*arguments: str, allow_private: str = "true") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "eventorg", "webhooks", *arguments],
            env=kept | settings | {"EVENTORG_WEBHOOKS_ALLOW_PRIVATE": allow_private},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_operator_has_all_changes_told(
    eventorg: Server, host: User, receiver: Receiver, receivers_clock: Clock, webhooks: Said
) -> None:
    added = webhooks("add", receiver.url, "--types", "user.created,registration.*")
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

    assert webhooks("list").stdout == f"{webhook_id}\tall events\t{receiver.url}\tregistration.*,user.created\tok\n"
    newest, oldest = webhooks("log", webhook_id).stdout.splitlines()
    delivery_id, at, *rest = oldest.split("\t")
    assert receiver.received[0].id == f"msg_{delivery_id}"
    assert at == "2027-01-01T12:00:00Z"
    assert rest == ["user.created", "delivered", "1 attempts", "204"]
    assert newest.split("\t")[2] == "registration.created"

    assert webhooks("replay", delivery_id).stdout == "1 to be sent again\n"
    eventorg.wait_for(lambda: len(receiver.received) == 3)
    assert receiver.received[2].body == receiver.received[0].body
    assert webhooks("replay", "--since", "2027-01-01T12:00:00Z", "--webhook", webhook_id).stdout[0] == "2"
    eventorg.wait_for(lambda: len(receiver.received) == 5)
    assert webhooks("replay", "--since", "2027-01-02").stdout[0] == "0"

    assert webhooks("remove", webhook_id).stdout == f"removed {webhook_id}\n"
    assert webhooks("list").stdout == ""


def test_the_operator_sees_the_webhooks_of_hosts_and_turns_them_on(
    eventorg: Server, host: User, receiver: Receiver, webhooks: Said
) -> None:
    receiver.answer = Answer(410)
    event = host.create_event()
    webhook = add(host, event, receiver.url)
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    eventorg.wait_for(lambda: host.get(f"/events/{event['id']}/webhooks").json()["webhooks"][0]["disabled_at"])
    line = f"{webhook['id']}\tevent {event['id']}\t{receiver.url}\t*\t"
    assert webhooks("list").stdout == f"{line}off since 2027-01-01T12:00:00Z: gone\n"
    assert webhooks("enable", webhook["id"]).stdout == f"enabled {webhook['id']}\n"
    assert webhooks("list").stdout == f"{line}ok\n"
    assert webhooks("replay", "--since", "2027-01-01", "--failed").stdout == "1 to be sent again\n"


def test_what_cannot_be_done_is_said_in_a_sentence(eventorg: Server, webhooks: Said) -> None:
    for arguments, status, said in (
        (("add", "ftp://example.com"), 1, "no http or https URL"),
        (("add", "http://127.0.0.1/", "--types", "event.born"), 1, "names a type of change that there is not"),
        (("remove", "nobody"), 1, "There is no webhook nobody."),
        (("enable", "nobody"), 1, "There is no webhook nobody."),
        (("log", "nobody"), 1, "There is no webhook nobody."),
        (("replay", "nobody"), 1, "There is no delivery nobody."),
        (("replay",), 2, "Name either a delivery or --since."),
    ):
        answer = webhooks(*arguments)
        assert (answer.returncode, answer.stdout) == (status, ""), arguments
        assert said in answer.stderr
        assert "Traceback" not in answer.stderr
    answer = webhooks("add", "http://127.0.0.1/", allow_private="false")
    assert "into this machine's own networks" in answer.stderr


@pytest.mark.parametrize("name", ["add", "list", "remove", "enable", "log", "replay"])
def test_every_help_has_an_example(name: str) -> None:
    command = next(each for each in COMMANDS if each.name == name)
    assert f"Example: eventorg webhooks {name}" in str(command.help)
