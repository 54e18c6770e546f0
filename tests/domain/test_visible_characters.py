"""A text shows something, and what shows nothing neither counts nor makes a name another one."""

import unicodedata
from typing import Any

import pytest

from eventorg.domain.normal_forms import email_key, name_key, visible
from eventorg.testing import PASSWORD, Server, check_problem
from tests import telegram
from tests.factories import new_event, new_user

INVISIBLE = [
    "\u00ad",  # soft hyphen
    "\u034f",  # combining grapheme joiner
    "\u115f",  # Hangul fillers
    "\u1160",
    "\u3164",
    "\uffa0",
    "\u180e",  # Mongolian vowel separator
    "\u200b",  # zero-width space, joiner and marks of direction
    "\u200d",
    "\u200f",
    "\u202e",
    "\u2066",
    "\u2060",
    "\u2800",  # blank Braille pattern
    "\ufe0f",  # variation selectors
    "\U000e0101",
    "\ufeff",
    "\U000e0041",  # a tag
]
IN_USERNAMES = [c for c in INVISIBLE if unicodedata.category(c)[0] in "LM"]
FIELDS: list[tuple[str, str, dict[str, Any]]] = [
    ("/events", "title", new_event()),
    ("/events", "description", new_event()),
    ("/events", "location", new_event()),
    ("/users", "first_name", new_user()),
    ("/users", "last_name", new_user()),
]


@pytest.mark.parametrize(("path", "field", "body"), FIELDS, ids=lambda value: str(value)[:12])
def test_a_text_that_shows_nothing_is_refused(server: Server, path: str, field: str, body: dict[str, Any]) -> None:
    user = server.sign_up()
    for character in INVISIBLE:
        for value in (character, f" {character} {character}\u00a0"):
            problem = check_problem(user.post(path, json=body | {field: value}), 422, "validation_failed")
            assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(field, "no_visible_character")]


def test_what_shows_nothing_stays_in_a_text_that_shows_something(server: Server) -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    assert server.sign_up().create_event(title=family)["title"] == family


@pytest.mark.parametrize("character", IN_USERNAMES, ids=ascii)
def test_usernames_do_not_differ_in_what_shows_nothing(server: Server, character: str) -> None:
    name = f"seen-{ord(character):x}"
    first = server.sign_up(username=f"{name}{character}")
    for other in (name, f"{character}{name}", f"{name[0]}{character * 2}{name[1:]}", name.upper()):
        check_problem(server.client.post("/users", json=new_user(username=other)), 409, "username_taken")
    assert first.patch("/users/me", json={"username": name}).json()["username"] == name


def test_what_shows_nothing_does_not_count_in_a_username(server: Server) -> None:
    for name in ("\u3164" * 3, "ab\u3164", "a\ufe0fb\ufe0f"):
        (fault,) = check_problem(server.client.post("/users", json=new_user(username=name)), 422)["errors"]
        assert (fault["field"], fault["code"]) == ("username", "too_short")


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_a_telegram_account_without_a_visible_name_has_none(server: Server, character: str) -> None:
    bot = server.make_bot("act")
    names = {"username": character * 3, "first_name": character, "last_name": f" {character}"}
    user = bot.put(f"/identities/telegram/{telegram.new_id()}", json=names).json()
    assert (user["username"], user["first_name"], user["last_name"]) == (None, None, None)


DOMAINS = ["\u043f\u043e\u0447\u0442\u0430.\u0440\u0444", "xn--80a1acny.xn--p1ai", "XN--80A1ACNY.\u0420\u0424"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_and_its_ascii_form_are_one(server: Server, domain: str) -> None:
    local = f"user-{DOMAINS.index(domain)}"
    email = f"{local}@{domain}"
    user = server.client.post("/users", json=new_user(email=email))
    assert (user.status_code, user.json()["email"]) == (201, email)
    for other in DOMAINS:
        check_problem(server.client.post("/users", json=new_user(email=f"{local}@{other}")), 409, "email_taken")
        assert server.log_in(f"{local.upper()}@{other}")


@pytest.mark.parametrize("email", ["a@xn--.com", "a@xn--\u00e9.com", f"a@xn--{'a' * 80}.com", "xn--", "@", ""])
def test_what_is_no_domain_has_a_key_too(email: str) -> None:
    assert email_key(email) == name_key(email)


def test_a_login_that_is_guessed_in_two_forms_is_one_login(fresh_server: Server) -> None:
    fresh_server.client.post("/users", json=new_user(email=f"a@{DOMAINS[0]}"))
    for number in range(10):
        guess = {"email": f"a@{DOMAINS[number % 2]}", "password": f"{PASSWORD} {number}"}
        check_problem(fresh_server.client.post("/login", json=guess), 401)
    guess = {"email": f"a@{DOMAINS[2]}", "password": PASSWORD}
    check_problem(fresh_server.client.post("/login", json=guess), 429, "too_many_logins")


def test_no_letter_of_an_alphabet_is_taken_for_nothing() -> None:
    """Only fillers, selectors and joiners are letters or marks that show nothing."""
    hidden = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] in "LMNPS"]
    names = {unicodedata.name(c, "") for c in hidden if not visible(c)}
    kinds = ("FILLER", "SELECTOR", "JOINER", "INHERENT", "BLANK", "MUSICAL SYMBOL BEGIN", "MUSICAL SYMBOL END")
    assert {name for name in names if not any(kind in name for kind in kinds)} == set()
