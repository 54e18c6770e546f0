"""Each method of the Bot API over plain HTTP, with the result that Telegram gives."""

from typing import Any

import httpx
import pytest

from tests.testing.telegram.api import Api, Send, as_form, as_json, as_multipart, as_query, result_of

BUTTONS = {"inline_keyboard": [[{"text": "Going", "callback_data": "go"}, {"text": "Site", "url": "https://x.org"}]]}


def test_get_me(api: Api) -> None:
    me = api("getMe")
    assert me["is_bot"] is True
    assert me["username"] == "eventorg_bot"
    assert me["can_read_all_group_messages"] is False
    assert me["supports_inline_queries"] is True


@pytest.mark.parametrize("send", [as_json, as_form, as_multipart, as_query])
def test_parameters_come_in_four_ways(api: Api, anna: Any, send: Send) -> None:
    given = {"chat_id": anna.id, "text": "Чай 🍵 & <tea>", "reply_markup": BUTTONS, "disable_notification": True}
    sent = result_of(send(api.client, "sendMessage", given))
    assert sent["text"] == "Чай 🍵 & <tea>"
    assert sent["reply_markup"] == BUTTONS
    assert sent["chat"] == {
        "id": anna.id,
        "type": "private",
        "first_name": "Anna",
        "last_name": "Ivanova",
        "username": "anna_i",
    }
    assert anna.chat.shown[-1].message_id == sent["message_id"]


def test_a_method_is_named_in_any_case(api: Api) -> None:
    assert api("GETME") == api("getme")


def test_a_message_is_a_reply(api: Api, anna: Any, group: Any) -> None:
    said = anna.say(group, "/my")
    sent = api("sendMessage", chat_id=group.id, text="Yours:", reply_parameters={"message_id": said.message_id})
    assert sent["reply_to_message"]["text"] == "/my"
    assert sent["chat"] == {"id": group.id, "type": "group", "title": "Tea"}
    lost = {"message_id": 999_999, "allow_sending_without_reply": True}
    assert "reply_to_message" not in api("sendMessage", chat_id=group.id, text="Yours:", reply_parameters=lost)


@pytest.mark.parametrize(
    ("markup", "keys"),
    [
        ({"keyboard": [["Yes", {"text": "Here", "request_location": True}]]}, ["Yes", "Here"]),
        ({"keyboard": [[{"text": "Me", "request_contact": True}]], "one_time_keyboard": True}, ["Me"]),
        ({"keyboard": [[{"text": "Who", "request_users": {"request_id": 1}}]]}, ["Who"]),
        ({"force_reply": True, "input_field_placeholder": "A title"}, []),
        ({"remove_keyboard": True}, []),
    ],
)
def test_a_message_brings_a_keyboard(api: Api, anna: Any, markup: dict[str, Any], keys: list[str]) -> None:
    sent = api("sendMessage", chat_id=anna.id, text="?", reply_markup=markup)
    assert "reply_markup" not in sent
    assert [key["text"] for key in anna.chat.shown[-1].keys] == keys


def test_a_text_is_edited(api: Api, anna: Any) -> None:
    sent = api("sendMessage", chat_id=anna.id, text="1 of 12", reply_markup=BUTTONS)
    edited = api("editMessageText", chat_id=anna.id, message_id=sent["message_id"], text="2 of 12")
    assert edited["text"] == "2 of 12"
    assert edited["edit_date"] >= sent["date"]
    assert "reply_markup" not in edited
    assert [text for _, text in anna.chat.shown[-1].versions] == ["1 of 12", "2 of 12"]


def test_buttons_are_edited(api: Api, anna: Any) -> None:
    sent = api("sendMessage", chat_id=anna.id, text="Tea")
    edited = api("editMessageReplyMarkup", chat_id=anna.id, message_id=sent["message_id"], reply_markup=BUTTONS)
    assert edited["text"] == "Tea"
    assert edited["reply_markup"] == BUTTONS


def test_an_inline_message_is_edited_by_its_own_id(api: Api, tg: Any, anna: Any) -> None:
    content = {"message_text": "<b>Tea</b>", "parse_mode": "HTML"}
    result = {"type": "article", "id": "1", "title": "Tea", "input_message_content": content, "reply_markup": BUTTONS}
    elsewhere = tg.group("Elsewhere", anna)
    posted = anna.choose(result, elsewhere)
    assert posted.text == "Tea"
    assert posted.json()["via_bot"]["username"] == "eventorg_bot"
    assert api("editMessageText", inline_message_id=posted.inline_message_id, text="Tea: 1") is True
    assert elsewhere.shown[-1].text == "Tea: 1"
    chosen = [update["chosen_inline_result"] for update in tg.pending.values() if "chosen_inline_result" in update]
    assert chosen[-1]["inline_message_id"] == posted.inline_message_id


def test_messages_are_deleted(api: Api, anna: Any) -> None:
    numbers = [api("sendMessage", chat_id=anna.id, text=text)["message_id"] for text in "abc"]
    assert api("deleteMessage", chat_id=anna.id, message_id=numbers[0]) is True
    assert api("deleteMessages", chat_id=anna.id, message_ids=[*numbers[1:], 999_999]) is True
    assert not set(numbers) & {message.message_id for message in anna.chat.shown}


@pytest.mark.parametrize(("name", "kind"), [("guests.csv", "text/csv"), ("Чай.ics", "text/calendar")])
def test_a_document_is_sent_and_downloaded(api: Api, tg: Any, anna: Any, name: str, kind: str) -> None:
    form = {"chat_id": str(anna.id), "caption": "<i>Guests</i>", "parse_mode": "HTML"}
    sent = result_of(api.client.post("sendDocument", data=form, files={"document": (name, b"a,b\r\n", kind)}))
    document = sent["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == (name, kind, 5)
    assert sent["caption"] == "Guests"
    assert sent["caption_entities"] == [{"type": "italic", "offset": 0, "length": 6}]
    path = api("getFile", file_id=document["file_id"])["file_path"]
    assert httpx.get(f"{tg.url}/file/bot{tg.token}/{path}").content == b"a,b\r\n"
    again = api("sendDocument", chat_id=anna.id, document=document["file_id"])
    assert again["document"]["file_id"] == document["file_id"]
    edited = api("editMessageCaption", chat_id=anna.id, message_id=sent["message_id"], caption="All guests")
    assert edited["caption"] == "All guests"


def test_an_attached_file_is_named_by_a_parameter(api: Api, anna: Any) -> None:
    form = {"chat_id": str(anna.id), "document": "attach://file0"}
    sent = result_of(api.client.post("sendDocument", data=form, files={"file0": ("a.txt", b"a", "text/plain")}))
    assert sent["document"]["file_name"] == "a.txt"


def test_a_photo_and_a_place_are_sent(api: Api, anna: Any) -> None:
    form = {"chat_id": str(anna.id), "caption": "Tea"}
    sent = result_of(api.client.post("sendPhoto", data=form, files={"photo": ("a.png", b"png", "image/png")}))
    assert sent["photo"][0]["file_size"] == 3
    assert sent["caption"] == "Tea"
    place = api("sendLocation", chat_id=anna.id, latitude=55.7, longitude=37.6)["location"]
    assert place == {"latitude": 55.7, "longitude": 37.6}


def test_a_chat_and_its_members_are_read(api: Api, tg: Any, anna: Any, group: Any) -> None:
    boris, me = tg.person("Boris"), tg.me["id"]
    group.add(boris)
    assert api("getChat", chat_id=group.id)["title"] == "Tea"
    assert api("getChat", chat_id=anna.id)["username"] == "anna_i"
    assert api("getChatMember", chat_id=group.id, user_id=boris.id)["status"] == "member"
    assert api("getChatMember", chat_id=group.id, user_id=anna.id)["status"] == "creator"
    assert api("getChatMemberCount", chat_id=group.id) == 3
    assert [one["user"]["id"] for one in api("getChatAdministrators", chat_id=group.id)] == [anna.id]
    group.set_bot(anna, "administrator")
    assert api("getChatMember", chat_id=group.id, user_id=me)["can_pin_messages"] is True
    group.remove(boris)
    assert api("getChatMember", chat_id=group.id, user_id=boris.id)["status"] == "left"


def test_a_message_is_pinned_and_unpinned(api: Api, anna: Any, group: Any) -> None:
    group.set_bot(anna, "administrator")
    sent = api("sendMessage", chat_id=group.id, text="Tea")
    assert api("pinChatMessage", chat_id=group.id, message_id=sent["message_id"], disable_notification=True) is True
    assert api("getChat", chat_id=group.id)["pinned_message"]["text"] == "Tea"
    assert group.shown[-1].json()["pinned_message"]["message_id"] == sent["message_id"]
    assert api("unpinChatMessage", chat_id=group.id) is True
    assert "pinned_message" not in api("getChat", chat_id=group.id)


def test_the_bot_types_and_leaves(api: Api, group: Any) -> None:
    assert api("sendChatAction", chat_id=group.id, action="typing") is True
    assert api("leaveChat", chat_id=group.id) is True


def test_commands_are_kept_by_scope_and_language(api: Api) -> None:
    commands = [{"command": "new", "description": "Create an event"}]
    groups = {"type": "all_group_chats"}
    assert api("setMyCommands", commands=commands, scope=groups, language_code="ru") is True
    assert api("getMyCommands", scope=groups, language_code="ru") == commands
    assert api("getMyCommands") == []
    assert api("deleteMyCommands", scope=groups, language_code="ru") is True
    assert api("getMyCommands", scope=groups, language_code="ru") == []


@pytest.mark.parametrize(
    ("name", "key", "most"),
    [("Name", "name", 64), ("Description", "description", 512), ("ShortDescription", "short_description", 120)],
)
def test_the_texts_of_the_bot_are_kept_by_language(api: Api, name: str, key: str, most: int) -> None:
    assert api(f"setMy{name}", **{key: "x" * most}) is True
    assert api(f"setMy{name}", **{key: "ы"}, language_code="ru") is True
    assert api(f"getMy{name}") == {key: "x" * most}
    assert api(f"getMy{name}", language_code="ru") == {key: "ы"}
    assert api(f"getMy{name}", language_code="de") == {key: "x" * most}


def test_the_menu_button_is_kept(api: Api, anna: Any) -> None:
    button = {"type": "web_app", "text": "Open", "web_app": {"url": "https://x.org"}}
    assert api("getChatMenuButton", chat_id=anna.id) == {"type": "commands"}
    assert api("setChatMenuButton", chat_id=anna.id, menu_button=button) is True
    assert api("getChatMenuButton", chat_id=anna.id) == button


@pytest.mark.parametrize("method", ["logOut", "close"])
def test_the_bot_can_log_out(api: Api, method: str) -> None:
    assert api(method) is True
