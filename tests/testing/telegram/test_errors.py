"""The errors of the Bot API, in Telegram's words."""

from typing import Any

import httpx
import pytest

from eventorg.testing.telegram import ApiError
from tests.testing.telegram.api import Api, Refused, result_of


def refusal(api: Api, method: str, **parameters: Any) -> tuple[int, str]:
    """Returns the status and the words of a refused call."""
    with pytest.raises(Refused) as refused:
        api(method, **parameters)
    return refused.value.code, str(refused.value).partition(": ")[2]


def button(**field: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Going", **field}]]}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("bot123456789:wrong/getMe", 401, "Unauthorized"),
        ("bot1:x/sendMessage", 401, "Unauthorized"),
        ("botx/getMe", 404, "Not Found"),
        ("getMe", 404, "Not Found"),
        ("", 404, "Not Found"),
    ],
)
def test_a_wrong_address_is_refused(tg: Any, path: str, status: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        result_of(httpx.get(f"{tg.url}/{path}"))
    assert (refused.value.code, str(refused.value)) == (status, words)


def test_an_unknown_method_is_refused(api: Api) -> None:
    assert refusal(api, "sendTea") == (404, "method not found")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"chat_id": None}, "chat_id is empty"),
        ({"chat_id": 999}, "chat not found"),
        ({"chat_id": "@nowhere"}, "chat not found"),
        ({"text": ""}, "message text is empty"),
        ({"text": " \n "}, "message text is empty"),
        ({"text": None}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "🍵" * 2049}, "message is too long"),
        ({"parse_mode": "HTML", "text": "<h1>Tea</h1>"}, 'Unsupported start tag "h1" at byte offset 0'),
        ({"parse_mode": "RTF"}, "unsupported parse_mode"),
        ({"reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        ({"reply_markup": []}, "object expected as reply markup"),
        ({"reply_markup": {"inline_keyboard": [{}]}}, 'Field "inline_keyboard" must be an Array of Arrays'),
        ({"reply_markup": button()}, "Text buttons are unallowed in the inline keyboard"),
        ({"reply_markup": button(text="", url="x.org")}, 'Field "text" must be of type String'),
        ({"reply_markup": button(callback_data="x" * 65)}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": button(callback_data="ы" * 33)}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": button(callback_data="")}, "BUTTON_DATA_INVALID"),
        (
            {"reply_markup": button(url="not a url")},
            "inline keyboard button URL 'not a url' is invalid: Wrong HTTP URL",
        ),
        ({"reply_markup": button(copy_text={"text": "x" * 257})}, "BUTTON_COPY_TEXT_INVALID"),
        (
            {"reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]] * 101}},
            "reply markup is too long",
        ),
        ({"reply_parameters": {"message_id": 999_999}}, "message to be replied not found"),
    ],
)
def test_a_message_that_is_not_right_is_refused(api: Api, anna: Any, given: dict[str, Any], words: str) -> None:
    code, said = refusal(api, "sendMessage", **({"chat_id": anna.id, "text": "Tea"} | given))
    assert code == 400
    assert said.endswith(words)


@pytest.mark.parametrize("text", ["x" * 4096, "🍵" * 2048, "<b>" + "x" * 4096 + "</b>"])
def test_the_longest_text_is_accepted(api: Api, anna: Any, text: str) -> None:
    mode = "HTML" if text.startswith("<") else ""
    assert api("sendMessage", chat_id=anna.id, text=text, parse_mode=mode)["text"] == text.strip("</b>")


def test_the_longest_callback_data_and_a_hundred_buttons_are_accepted(api: Api, anna: Any) -> None:
    rows = [[{"text": "x", "callback_data": "ы" * 32}]] * 100
    assert api("sendMessage", chat_id=anna.id, text="Tea", reply_markup={"inline_keyboard": rows})


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ({"request_contact": True}, "phone number can be requested in private chats only"),
        ({"request_location": True}, "location can be requested in private chats only"),
        ({"request_users": {"request_id": 1}}, "users can be requested in private chats only"),
    ],
)
def test_a_group_is_not_asked_for_what_is_private(api: Api, group: Any, key: dict[str, Any], words: str) -> None:
    markup = {"keyboard": [[{"text": "x"} | key]]}
    assert refusal(api, "sendMessage", chat_id=group.id, text="?", reply_markup=markup) == (400, words)


def test_a_person_who_has_not_written_gets_nothing(api: Api, tg: Any) -> None:
    boris = tg.person("Boris")
    words = "bot can't initiate conversation with a user"
    assert refusal(api, "sendMessage", chat_id=boris.id, text="Tea") == (403, words)
    boris.start()
    assert api("sendMessage", chat_id=boris.id, text="Tea")


def test_who_has_blocked_the_bot_gets_nothing(api: Api, anna: Any) -> None:
    anna.block()
    assert refusal(api, "sendMessage", chat_id=anna.id, text="Tea") == (403, "bot was blocked by the user")
    anna.say(None, "/start")
    assert api("sendMessage", chat_id=anna.id, text="Tea")


def test_a_bot_that_was_removed_posts_nothing(api: Api, tg: Any, anna: Any, group: Any) -> None:
    group.remove_bot(anna)
    assert refusal(api, "sendMessage", chat_id=group.id, text="x") == (403, "bot was kicked from the group chat")
    other = tg.group("Other", anna, supergroup=True)
    words = "bot is not a member of the supergroup chat"
    assert refusal(api, "getChat", chat_id=other.id) == (403, words)


def test_a_group_that_moved_says_where(api: Api, group: Any) -> None:
    card = api("sendMessage", chat_id=group.id, text="1 of 12")["message_id"]
    moved = group.migrate()
    with pytest.raises(Refused, match="group chat was upgraded to a supergroup chat") as refused:
        api("sendMessage", chat_id=group.id, text="Tea")
    assert refused.value.parameters == {"migrate_to_chat_id": moved.id}
    assert api("editMessageText", chat_id=group.id, message_id=card, text="2 of 12")["text"] == "2 of 12"
    assert api("sendMessage", chat_id=moved.id, text="Tea")["chat"]["type"] == "supergroup"


def test_what_cannot_be_edited_is_refused(api: Api, tg: Any, anna: Any, group: Any) -> None:
    sent = api("sendMessage", chat_id=group.id, text="Tea", reply_markup=button(callback_data="x"))
    place = {"chat_id": group.id, "message_id": sent["message_id"]}
    same = {"text": "Tea", "reply_markup": button(callback_data="x")}
    assert refusal(api, "editMessageText", **place, **same)[1].startswith("message is not modified")
    assert refusal(api, "editMessageText", **place, text="x" * 4097) == (400, "MESSAGE_TOO_LONG")
    assert refusal(api, "editMessageCaption", **place, caption="x")[1] == "there is no caption in the message to edit"
    keyboard = {"keyboard": [["Yes"]]}
    assert refusal(api, "editMessageText", **place, text="x", reply_markup=keyboard)[1] == "inline keyboard expected"
    theirs = anna.say(group, "/my").message_id
    assert refusal(api, "editMessageText", chat_id=group.id, message_id=theirs, text="x")[1] == (
        "message can't be edited"
    )
    api("deleteMessage", **place)
    assert refusal(api, "editMessageText", **place, text="x") == (400, "message to edit not found")
    assert refusal(api, "deleteMessage", **place) == (400, "message to delete not found")
    assert refusal(api, "editMessageText", chat_id=group.id, text="x")[1] == "message identifier is not specified"
    assert refusal(api, "editMessageText", inline_message_id="AAAA", text="x") == (400, "MESSAGE_ID_INVALID")


def test_a_member_cannot_delete_or_pin(api: Api, anna: Any, group: Any) -> None:
    said = anna.say(group, "/my").message_id
    place = {"chat_id": group.id, "message_id": said}
    assert refusal(api, "deleteMessage", **place)[1] == "message can't be deleted for everyone"
    assert refusal(api, "pinChatMessage", **place)[1] == "not enough rights to manage pinned messages in the chat"
    group.set_bot(anna, "administrator")
    assert api("deleteMessage", **place) is True


def test_a_file_that_is_not_there_is_refused(api: Api, tg: Any, anna: Any) -> None:
    assert refusal(api, "sendDocument", chat_id=anna.id) == (400, "there is no document in the request")
    with pytest.raises(Refused, match="file must be non-empty"):
        result_of(api.client.post("sendDocument", data={"chat_id": str(anna.id)}, files={"document": ("a.csv", b"")}))
    assert refusal(api, "getFile", file_id="x") == (400, "invalid file_id")
    assert httpx.get(f"{tg.url}/file/bot{tg.token}/documents/x").status_code == 404


def test_bodies_that_cannot_be_read_are_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    for body in ("{", "[1]"):
        with pytest.raises(Refused, match="can't parse request JSON object"):
            result_of(api.client.post("sendMessage", content=body, headers=headers))
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with pytest.raises(Refused, match="Bad Request"):
        result_of(api.client.post("sendMessage", content="nothing", headers=headers))


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        ("setMyCommands", {"commands": [{"command": "New", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [{"command": "new"}]}, "BOT_COMMAND_DESCRIPTION_INVALID"),
        ("setMyCommands", {"commands": [{"command": "a", "description": "x"}] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ("setMyShortDescription", {"short_description": "x" * 121}, "bot short description is too long"),
        ("setWebhook", {"url": "http://x.org"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ("setWebhook", {"url": "https://x.org", "secret_token": "a b"}, "secret token contains unallowed characters"),
        ("getUpdates", {"limit": "x"}, "invalid limit specified"),
    ],
)
def test_settings_that_are_not_right_are_refused(api: Api, method: str, given: dict[str, Any], words: str) -> None:
    assert refusal(api, method, **given) == (400, words)


def test_a_test_asks_for_an_error(api: Api, tg: Any) -> None:
    tg.fail("getMe", ApiError(429, "Too Many Requests: retry after 5", retry_after=5), times=2)
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            api("getMe")
        assert refused.value.parameters == {"retry_after": 5}
    assert api("getMe")
    assert [call.error for call in tg.calls("getMe")][-3:] == [*["Too Many Requests: retry after 5"] * 2, None]


def test_a_connection_breaks_before_or_after_the_call(api: Api, tg: Any, anna: Any) -> None:
    for when, posted in (("sendMessage", 0), ("sendMessage:answer", 1)):
        before = len(anna.chat.shown)
        tg.fail(when, "lost")
        with pytest.raises(httpx.HTTPError):
            api("sendMessage", chat_id=anna.id, text="Tea")
        assert len(anna.chat.shown) == before + posted


def test_a_proxy_answers_while_telegram_is_down(api: Api, tg: Any) -> None:
    tg.down = True
    response = api.client.get("getMe")
    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")
    tg.down = False
    assert api("getMe")
