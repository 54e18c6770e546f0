"""Keyboards below messages and in place of the keyboard, as Telegram checks them."""

import re
from typing import Any

from eventorg.testing.telegram.errors import ApiError, Json, bad
from eventorg.testing.telegram.parameters import Parameters

MOST_BUTTONS = 100
INLINE_KINDS = {
    *("url", "callback_data", "web_app", "login_url", "switch_inline_query", "switch_inline_query_current_chat"),
    *("switch_inline_query_chosen_chat", "copy_text", "callback_game", "pay"),
}
PRIVATE_ONLY = {
    "request_contact": "phone number can be requested in private chats only",
    "request_location": "location can be requested in private chats only",
    "request_users": "users can be requested in private chats only",
    "request_chat": "chats can be requested in private chats only",
    "request_poll": "polls can be requested in private chats only",
    "web_app": "web App buttons can be used in private chats only",
}


def read_markup(given: Parameters, *, is_private: bool, inline_only: bool = False) -> Json | None:
    """Returns the keyboard of a call, or None if there is none. Raises the error 400 if Telegram would refuse it."""
    markup = given.json("reply_markup", "reply keyboard markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" in markup:
        return _inline_keyboard(markup, is_private)
    if inline_only and markup:
        raise bad("inline keyboard expected")
    if "keyboard" in markup:
        return _keyboard(markup, is_private)
    if markup.get("force_reply") or markup.get("remove_keyboard"):
        _check_placeholder(markup)
        return markup
    return None


def _inline_keyboard(markup: Json, is_private: bool) -> Json | None:
    rows = _rows(markup, "inline_keyboard")
    buttons = [button for row in rows for button in row]
    for button in buttons:
        _check_inline_button(button, is_private)
    if len(buttons) > MOST_BUTTONS:
        raise bad("reply markup is too long")
    return markup if buttons else None


def _check_inline_button(button: Any, is_private: bool) -> None:
    if not isinstance(button, dict):
        raise _button_fault("Expected an Object")
    if not isinstance(button.get("text"), str) or not button["text"]:
        raise _button_fault('Field "text" must be of type String')
    kinds = {kind for kind in INLINE_KINDS & button.keys() if button[kind] is not None}
    if not kinds:
        raise _button_fault("Text buttons are unallowed in the inline keyboard")
    if "callback_data" in kinds and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in kinds and not re.match(r"(https?|tg)://\S+$|[\w.-]+\.\w+", str(button["url"])):
        raise bad(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if "copy_text" in kinds and not 1 <= len((button["copy_text"] or {}).get("text", "")) <= 256:
        raise bad("BUTTON_COPY_TEXT_INVALID")
    if "web_app" in kinds and not is_private:
        raise bad("BUTTON_TYPE_INVALID")


def _keyboard(markup: Json, is_private: bool) -> Json:
    for row in _rows(markup, "keyboard"):
        for key in row:
            if not isinstance(key, str) and not (isinstance(key, dict) and isinstance(key.get("text"), str)):
                raise bad('can\'t parse keyboard button: Field "text" must be of type String')
            for kind, refusal in PRIVATE_ONLY.items():
                if isinstance(key, dict) and key.get(kind) and not is_private:
                    raise bad(refusal)
    _check_placeholder(markup)
    return markup


def _rows(markup: Json, key: str) -> list[list[Any]]:
    rows = markup[key]
    if not isinstance(rows, list):
        raise bad(f'can\'t parse reply keyboard markup: Field "{key}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        raise bad(f'can\'t parse reply keyboard markup: Field "{key}" must be an Array of Arrays')
    return rows


def _check_placeholder(markup: Json) -> None:
    if len(markup.get("input_field_placeholder") or "") > 64:
        raise bad("INPUT_FIELD_PLACEHOLDER_INVALID")


def _button_fault(description: str) -> ApiError:
    return bad(f"can't parse inline keyboard button: {description}")
