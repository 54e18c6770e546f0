"""The fake alone, as a program, with people who act by HTTP."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.programs import CHECKOUT
from tests.testing.telegram.api import NO_CERTIFICATES, Api, Refused

BUTTONS = {"inline_keyboard": [[{"text": "Going", "callback_data": "go"}]]}


class Program:
    """The running program: the bot's side and the people's side."""

    def __init__(self, url: str, token: str) -> None:
        self.api = Api(url, token)
        self._people = httpx.Client(base_url=f"{url}/test/", verify=NO_CERTIFICATES, timeout=30)

    def act(self, verb: str, status: int = 200, **said: Any) -> Any:
        """Posts a verb and returns the body of the response."""
        response = self._people.post(verb, json=said)
        assert response.status_code == status, response.text
        return response.json()

    def close(self) -> None:
        self.api.client.close()
        self._people.close()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    """Starts the program on a free port, and interrupts it at the end."""
    arguments = [sys.executable, "-m", "eventorg.testing.telegram", "--port", "0", "--token", "42:abc"]
    with subprocess.Popen(
        arguments, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        url, token = process.stdout.readline().split()
        program = Program(url, token)
        yield program
        program.close()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["exec", "trap '' INT; exec"], ids=["foreground", "background"])
def test_a_signal_ends_the_program(number: int, command: str) -> None:
    """A shell has the programs in its background ignore SIGINT."""
    script = f"{command} {sys.executable} -m eventorg.testing.telegram --port 0"
    with subprocess.Popen(["sh", "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline().startswith("http://")
            process.send_signal(number)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_people_act_by_http(program: Program) -> None:
    act, api = program.act, program.api
    anna = act("person", first_name="Anna", language_code="ru")["id"]
    boris = act("person", first_name="Boris", id=77)["id"]
    assert boris == 77
    group = act("group", title="Tea", owner=anna)["id"]
    act("join", chat=group, user=boris)
    act("add_bot", chat=group, user=anna, admin=True, payload="c1")
    said = act("say", user=boris, chat=group, text="/my")["message_id"]
    act("say", user=boris, chat=group, text="This", reply_to=said)
    act("start", user=anna, payload="c1")
    act("location", user=anna, latitude=55.7, longitude=37.6)
    act("contact", user=anna, of=boris)
    act("users", user=anna, request_id=1, users=[boris])
    act("forward", user=boris, chat=group, message_id=said)
    act("edit", user=boris, chat=group, message_id=said, text="/help")
    act("delete", user=boris, chat=group, message_id=said)
    act("tell", kind="message", update={"message_id": "not a number"})
    card = api("sendMessage", chat_id=group, text="Tea", reply_markup=BUTTONS)["message_id"]
    answers: list[Any] = []
    tapping = threading.Thread(
        target=lambda: answers.append(act("tap", user=boris, chat=group, message_id=card, button="Going"))
    )
    tapping.start()
    offset = 0
    while not answers:
        for update in api("getUpdates", offset=offset, timeout=1):
            offset = update["update_id"] + 1
            if "callback_query" in update:
                api("answerCallbackQuery", callback_query_id=update["callback_query"]["id"], text="Seat 1")
                tapping.join()
    assert answers == [{"text": "Seat 1", "show_alert": False, "url": None}]
    content = {"message_text": "Tea"}
    result = {"type": "article", "id": "1", "title": "Tea", "input_message_content": content}
    assert act("choose", user=boris, chat=group, result=result)["message_id"] > card
    assert act("messages", chat=group)["messages"][-1]["text"] == "Tea"
    moved = act("migrate", chat=group)["id"]
    act("part", chat=moved, user=boris)
    act("remove_bot", chat=moved, user=anna)
    assert ["sendMessage", None] in [call[1:] for call in act("journal")["calls"]]
    verbs = [(entry["by"], entry["verb"]) for entry in act("transcript")["entries"]]
    assert verbs[:3] == [("Anna", "add_bot"), ("Anna", "say"), ("Boris", "say")]
    assert ("Boris", "tap") in verbs


def test_faults_are_asked_for_by_http(program: Program) -> None:
    program.act("fail", method="getMe", code=429, description="Too Many Requests", parameters={"retry_after": 3})
    with pytest.raises(Refused) as refused:
        program.api("getMe")
    assert refused.value.parameters == {"retry_after": 3}
    program.act("down", down=True)
    assert program.api.client.get("getMe").status_code == 502
    program.act("down", down=False)
    anna = program.act("person", first_name="Anna")["id"]
    program.act("start", user=anna)
    program.act("block", user=anna)
    with pytest.raises(Refused, match="blocked by the user"):
        program.api("sendMessage", chat_id=anna, text="Tea")
    program.act("unblock", user=anna)
    assert program.api("sendMessage", chat_id=anna, text="Tea")


def test_what_cannot_be_done_is_an_error(program: Program) -> None:
    assert program.act("dance", 404)["error"] == "no verb dance"
    assert "error" in program.act("say", 400, user=999, text="Hello")
    assert "error" in program.act("person", 400, name="Anna")
    anna = program.act("person", first_name="Anna")["id"]
    assert program.act("say", 400, user=anna, chat=-5, text="Hello")["error"] == "no chat -5"
    assert program.act("messages", 400, chat=-5)["error"] == "no chat -5"
    assert program.act("messages", 400)["error"] == "chat is missing"
    group = program.act("group", title="Tea", owner=anna)["id"]
    assert program.act("choose", 400, user=anna, chat=group, result="1")["error"] == "no result '1' among []"
    assert program.act("forward", 400, user=anna, message_id=999_999)["error"] == "no message 999999"


def test_a_port_in_use_is_said_in_one_sentence(program: Program) -> None:
    port = str(program.api.client.base_url.port)
    arguments = [sys.executable, "-m", "eventorg.testing.telegram", "--port", port]
    done = subprocess.run(arguments, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == f"Error: Cannot listen on 127.0.0.1:{port}: Address already in use\n"
