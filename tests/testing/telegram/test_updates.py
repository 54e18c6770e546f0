"""Updates: what the bot is told, by getUpdates or a webhook, and what confirms them."""

import json
import queue
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest

from eventorg.testing import running_fake
from tests.testing.telegram.api import Api, Refused

PATIENCE = 30


@pytest.fixture(autouse=True)
def no_updates(tg: Any, api: Api) -> Iterator[None]:
    """Each test begins with no updates, and leaves no webhook."""
    tg.pending.clear()
    yield
    api("deleteWebhook", drop_pending_updates=True)


def test_updates_come_again_until_they_are_confirmed(api: Api, anna: Any) -> None:
    for text in ("a", "b", "c"):
        anna.say(None, text)
    first = api("getUpdates", limit=2)
    assert [update["message"]["text"] for update in first] == ["a", "b"]
    assert api("getUpdates", limit=2) == first
    rest = api("getUpdates", offset=first[-1]["update_id"] + 1)
    assert [update["message"]["text"] for update in rest] == ["c"]
    assert api("getUpdates", offset=rest[-1]["update_id"] + 1) == []


def test_a_negative_offset_keeps_the_last(api: Api, anna: Any) -> None:
    for text in ("a", "b", "c"):
        anna.say(None, text)
    assert [update["message"]["text"] for update in api("getUpdates", offset=-1)] == ["c"]
    assert len(api("getUpdates")) == 1


def test_a_long_poll_ends_with_the_update_it_waits_for(api: Api, tg: Any, anna: Any) -> None:
    got: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=lambda: got.put(api("getUpdates", timeout=50))).start()
    tg.wait_until(lambda: tg.updates.is_polled, PATIENCE)
    anna.say(None, "/my")
    (update,) = got.get(timeout=PATIENCE)
    assert update["message"]["entities"] == [{"type": "bot_command", "offset": 0, "length": 3}]


def test_a_long_poll_breaks_when_the_fake_ends(caplog: pytest.LogCaptureFixture) -> None:
    broken: queue.Queue[str] = queue.Queue()

    def poll(url: str, token: str) -> None:
        with Api(url, token) as api, pytest.raises(httpx.TransportError) as error:
            api("getUpdates", timeout=50)
        broken.put(error.typename)

    with running_fake() as fake:
        threading.Thread(target=poll, args=[fake.url, fake.token]).start()
        fake.wait_until(lambda: fake.updates.is_polled, PATIENCE)
    assert broken.get(timeout=PATIENCE)
    assert not [record for record in caplog.records if record.exc_info]


def test_a_long_poll_ends_without_updates(api: Api) -> None:
    began = time.monotonic()
    assert api("getUpdates", timeout=1) == []
    assert time.monotonic() - began >= 1


def test_the_older_of_two_pollers_gets_409(api: Api, tg: Any) -> None:
    refused: queue.Queue[Refused] = queue.Queue()

    def poll() -> None:
        try:
            api("getUpdates", timeout=50)
        except Refused as error:
            refused.put(error)

    threading.Thread(target=poll).start()
    tg.wait_until(lambda: tg.updates.is_polled, PATIENCE)
    assert api("getUpdates") == []
    error = refused.get(timeout=PATIENCE)
    assert error.code == 409
    assert "terminated by other getUpdates request" in str(error)


def test_a_poller_that_waits_is_ended_by_a_webhook(api: Api, tg: Any) -> None:
    refused: queue.Queue[Refused] = queue.Queue()

    def poll() -> None:
        try:
            api("getUpdates", timeout=50)
        except Refused as error:
            refused.put(error)

    threading.Thread(target=poll).start()
    tg.wait_until(lambda: tg.updates.is_polled, PATIENCE)
    api("setWebhook", url="https://bot.example/hook")
    assert str(refused.get(timeout=PATIENCE)) == "Conflict: terminated by setWebhook request"


def test_kinds_that_are_not_asked_for_do_not_come(api: Api, tg: Any, anna: Any) -> None:
    api("getUpdates", allowed_updates=["callback_query"])
    anna.say(None, "/my")
    assert api("getUpdates") == []
    api("getUpdates", allowed_updates=[])
    tg.tell("chat_member", {})
    anna.say(None, "/my")
    assert [list(update)[1] for update in api("getUpdates")] == ["message"]
    with pytest.raises(Refused, match="Expected an Array of String"):
        api("getUpdates", allowed_updates="1")


def test_an_update_need_not_be_readable(api: Api, tg: Any) -> None:
    tg.tell("message", {"message_id": "not a number"})
    tg.tell("something_new", [1, 2])
    assert [list(update.values())[1] for update in api("getUpdates")] == [{"message_id": "not a number"}, [1, 2]]


def test_in_a_group_privacy_hides_what_is_not_for_the_bot(api: Api, tg: Any, anna: Any, group: Any) -> None:
    card = api("sendMessage", chat_id=group.id, text="Tea")
    message = next(one for one in group.shown if one.message_id == card["message_id"])
    for text in ("Hello!", "/my", "/my@eventorg_bot", "/my@other_bot", "@eventorg_bot, hello"):
        anna.say(group, text)
    anna.say(group, "See you", message)
    anna.share_location(55.7, 37.6, group)
    heard = [update["message"].get("text") for update in api("getUpdates")]
    assert heard == ["/my", "/my@eventorg_bot", "@eventorg_bot, hello", "See you"]
    group.remove_bot(anna)
    anna.say(group, "/my")
    assert [list(update)[1] for update in api("getUpdates")][-1] == "my_chat_member"


def test_people_share_places_contacts_and_users(api: Api, tg: Any, anna: Any) -> None:
    boris = tg.person("Boris", last_name="Petrov")
    anna.share_location(55.7, 37.6)
    anna.share_contact(boris)
    anna.share_users(7, boris)
    anna.forward(boris.start())
    anna.forward(boris.start(), is_hidden=True)
    messages = [update["message"] for update in api("getUpdates") if update["message"]["from"]["id"] == anna.id]
    assert messages[0]["location"] == {"latitude": 55.7, "longitude": 37.6}
    assert messages[1]["contact"]["user_id"] == boris.id
    assert messages[1]["contact"]["last_name"] == "Petrov"
    assert messages[2]["users_shared"]["request_id"] == 7
    assert messages[2]["users_shared"]["users"][0]["user_id"] == boris.id
    assert messages[3]["forward_origin"]["sender_user"]["id"] == boris.id
    assert messages[4]["forward_origin"]["sender_user_name"] == "Boris"


def test_the_bot_hears_of_its_status(api: Api, tg: Any, anna: Any) -> None:
    group = tg.group("Tea", anna)
    group.add_bot(anna, admin=True, payload="c1")
    anna.block()
    anna.unblock()
    updates = api("getUpdates")
    changes = [update["my_chat_member"] for update in updates if "my_chat_member" in update]
    assert [(one["old_chat_member"]["status"], one["new_chat_member"]["status"]) for one in changes] == [
        ("left", "administrator"),
        ("member", "kicked"),
        ("kicked", "member"),
    ]
    texts = [update["message"].get("text") for update in updates if "message" in update]
    assert texts == [None, "/start@eventorg_bot c1"]


def test_an_edited_message_is_told_and_a_deleted_one_is_not(api: Api, anna: Any) -> None:
    said = anna.say(None, "/my")
    anna.edit(said, "/help")
    anna.delete(said)
    assert [list(update)[1] for update in api("getUpdates")] == ["message", "edited_message"]
    assert said not in anna.chat.shown


class Hook(HTTPServer):
    """A webhook that answers the first posts with these statuses, and later ones with 200 and a body."""

    def __init__(self, statuses: list[int], body: bytes = b"") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses, self.body = statuses, body
        self.got: queue.Queue[tuple[str | None, Any]] = queue.Queue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        update = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.got.put((self.headers.get("X-Telegram-Bot-Api-Secret-Token"), update))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.end_headers()
        self.wfile.write(self.server.body if status == 200 else b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    """Runs a webhook that fails once and then answers with a method."""
    body = {"method": "sendMessage", "chat_id": 1, "text": "nobody"}
    with Hook([500], json.dumps(body).encode()) as hook:
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        yield hook
        hook.shutdown()
        thread.join()


def test_a_webhook_gets_updates_in_order_and_again_after_an_error(api: Api, tg: Any, anna: Any, hook: Hook) -> None:
    assert api("setWebhook", url=hook.url, secret_token="s-1", max_connections=1, allowed_updates=["message"]) is True
    with pytest.raises(Refused, match="can't use getUpdates method while webhook is active"):
        api("getUpdates")
    anna.say(None, "a")
    anna.say(None, "b")
    got = [hook.got.get(timeout=PATIENCE) for _ in range(3)]
    assert [secret for secret, _ in got] == ["s-1"] * 3
    assert [update["message"]["text"] for _, update in got] == ["a", "a", "b"]
    tg.wait_until(lambda: not tg.pending, PATIENCE)
    info = api("getWebhookInfo")
    assert info["url"] == hook.url
    assert info["allowed_updates"] == ["message"]
    assert "500" in info["last_error_message"]
    tg.wait_until(lambda: len([call for call in tg.calls("sendMessage") if call.error]) == 2, PATIENCE)
    assert api("deleteWebhook") is True
    assert api("getWebhookInfo")["url"] == ""
    assert api("getUpdates") == []


def test_a_webhook_without_a_secret_gets_no_secret(api: Api, anna: Any, hook: Hook) -> None:
    hook.statuses.clear()
    api("setWebhook", url=hook.url)
    anna.say(None, "a")
    assert hook.got.get(timeout=PATIENCE)[0] is None
    api("setWebhook", url="")
    assert api("getWebhookInfo")["url"] == ""
