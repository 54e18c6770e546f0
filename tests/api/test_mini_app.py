"""Mini App logins: accepted data, and every way to tamper with it."""

import base64
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from init_data_py import validation

from eventorg.testing import Bot, Server, check_problem
from tests.telegram import MAX_ID, MiniApps, init_data, log_in, new_id, user_field


def test_a_login_is_a_token_for_the_user_made_at_first_sight(server: Server) -> None:
    telegram_id = new_id()
    fields = {"last_name": "Ivanova", "username": f"anna_{telegram_id}", "language_code": "pt-br"}
    data = init_data(server.clock, user=user_field(telegram_id, **fields), query_id="AAH")
    first, again = log_in(server, data), log_in(server, data)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.json()["created"], again.json()["created"]) == (True, False)
    assert first.json()["token_type"] == "Bearer"
    user = first.json()["user"]
    assert (user["username"], user["locale"], user["email"]) == (f"anna_{telegram_id}", "pt-br", None)
    me = server.client.get("/users/me", headers={"Authorization": f"Bearer {first.json()['token']}"})
    assert me.json() == user
    bot = server.make_bot("act")
    assert bot.acting_for(f"telegram:{telegram_id}").get("/users/me").json()["id"] == user["id"]


def pairs(server: Server, **fields: str) -> list[tuple[str, str]]:
    """Returns valid init data by field."""
    given: Any = {"user": user_field(new_id()), "query_id": "AAH", "chat_type": "private", "start_param": "x"} | fields
    return parse_qsl(init_data(server.clock, **given), keep_blank_values=True)


@pytest.mark.parametrize("name", ["user", "query_id", "chat_type", "start_param", "auth_date", "hash"])
@pytest.mark.parametrize("change", ["altered", "left out", "twice", "twice, altered", "emptied"])
def test_a_field_that_is_tampered_with_is_refused(server: Server, name: str, change: str) -> None:
    good = pairs(server)
    assert log_in(server, urlencode(good)).status_code == 200
    value = dict(good)[name]
    altered = {"user": value.replace("Anna", "Hanna"), "auth_date": str(int(value) - 1) if name == "auth_date" else ""}
    other = altered.get(name) or ("0" if value[0] != "0" else "1") + value[1:]
    changed = {
        "altered": [(key, other if key == name else kept) for key, kept in good],
        "left out": [(key, kept) for key, kept in good if key != name],
        "twice": [*good, (name, value)],
        "twice, altered": [(name, other), *good],
        "emptied": [(key, "" if key == name else kept) for key, kept in good],
    }[change]
    check_problem(log_in(server, urlencode(changed)), 401, "init_data_invalid")


def test_a_field_that_is_added_is_refused_and_one_that_is_signed_is_harmless(server: Server) -> None:
    check_problem(log_in(server, urlencode([*pairs(server), ("new", "x")])), 401, "init_data_invalid")
    assert log_in(server, urlencode(pairs(server, new="x", newer="", can_send_after="5"))).status_code == 200
    user = user_field(new_id(), a_new_field={"deep": [1, 2, {"er": None}]}, is_premium="yes")
    assert log_in(server, urlencode(pairs(server, user=user))).status_code == 200


def test_a_signature_is_part_of_what_the_hash_is_made_of(server: Server) -> None:
    good = pairs(server, signature="A" * 86)
    assert log_in(server, urlencode(good)).status_code == 200
    for changed in ([pair for pair in good if pair[0] != "signature"], [*good[:-1], ("signature", "B" * 86)]):
        check_problem(log_in(server, urlencode(changed)), 401, "init_data_invalid")


def test_values_are_decoded_once(server: Server) -> None:
    data = init_data(server.clock, user=user_field(new_id(), first_name="100%25"), start_param="a%2525b%26hash=c")
    assert "%252525" in data
    assert log_in(server, data).json()["user"]["first_name"] == "100%25"
    check_problem(log_in(server, data.replace("%252525", "%2525")), 401, "init_data_invalid")
    plus = init_data(server.clock, user=user_field(new_id(), first_name="a+b c"))
    assert log_in(server, plus).json()["user"]["first_name"] == "a+b c"
    assert log_in(server, plus.replace("+", "%20")).json()["user"]["first_name"] == "a+b c"


def test_another_bots_data_is_refused(server: Server) -> None:
    data = init_data(server.clock, bot_token="42:OTHER", user=user_field(new_id()))
    check_problem(log_in(server, data), 401, "init_data_invalid")


@pytest.mark.parametrize(
    ("settings", "age", "code"),
    [
        ({}, 3600, None),
        ({}, 3601, "init_data_expired"),
        ({}, -30, None),
        ({}, -31, "init_data_invalid"),
        ({"telegram_max_age": 60}, 60, None),
        ({"telegram_max_age": 60}, 61, "init_data_expired"),
        ({"telegram_max_ahead": 0}, 0, None),
        ({"telegram_max_ahead": 0}, -1, "init_data_invalid"),
        ({"telegram_max_ahead": 90}, -90, None),
    ],
)
def test_it_must_be_of_now(mini_apps: MiniApps, settings: dict[str, int], age: int, code: str | None) -> None:
    server = mini_apps.serve(**settings)
    response = log_in(server, init_data(server.clock, age=age, user=user_field(42)))
    if code is None:
        assert response.status_code == 200, response.text
    else:
        check_problem(response, 401, code)


@pytest.mark.parametrize(
    "auth_date", ["0", "-1", "99999999999999", "9" * 19, "9" * 400, "1e9", "١٦٦٢", " 1", "1.5", ""]
)
def test_no_auth_date_is_a_server_error(server: Server, auth_date: str) -> None:
    changed = [(key, auth_date if key == "auth_date" else value) for key, value in pairs(server)]
    check_problem(log_in(server, urlencode(changed)), 401)


@pytest.mark.parametrize(
    "user",
    [
        "", "{}", "null", "[]", "42", '"anna"', "{", "\ud7ff", "[" * 5_000, '{"a":' * 1_100, '{"id": 1}',
        '{"first_name": "Anna"}', '{"id": "1", "first_name": "Anna"}', '{"id": true, "first_name": "Anna"}',
        '{"id": 1.0, "first_name": "Anna"}', '{"id": 0, "first_name": "Anna"}', '{"id": -1, "first_name": "Anna"}',
        '{"id": NaN, "first_name": "Anna"}', '{"id": ' + "9" * 5_000 + ', "first_name": "Anna"}',
        user_field(MAX_ID + 1), user_field(1, is_bot=True), user_field(1, first_name=None),
        user_field(1, first_name=["Anna"]),
    ],
    ids=range(23),
)  # fmt: skip
def test_a_user_that_is_none_is_refused(server: Server, user: str) -> None:
    data = init_data(server.clock, user=user)
    check_problem(log_in(server, data), 401, "init_data_invalid")


@pytest.mark.parametrize(
    "names",
    [
        {"last_name": 42}, {"username": ["x"]}, {"language_code": {"a": 1}}, {"last_name": {}}, {"username": False},
        {"language_code": "../../etc"}, {"first_name": "\ud83d"}, {"first_name": "\x00"}, {"username": "x" * 3_000},
        {"last_name": None, "username": None, "language_code": None},
    ],
)  # fmt: skip
def test_odd_names_never_break_a_login(server: Server, names: dict[str, Any]) -> None:
    telegram_id = new_id()
    response = log_in(server, init_data(server.clock, user=user_field(telegram_id, **names)))
    assert response.status_code == 200, response.text
    token = {"Authorization": f"Bearer {response.json()['token']}"}
    assert server.client.get("/users/me", headers=token).json() == response.json()["user"]


@pytest.mark.parametrize("data", ["", "x" * 16_385])
def test_what_is_too_short_or_too_long_to_be_init_data_is_invalid(server: Server, data: str) -> None:
    check_problem(log_in(server, data), 422, "validation_failed")


@pytest.mark.parametrize("data", ["&", "=", "%", "%FF=%FF", "a=b", "\x00", "user", "hash=" + "0" * 64, "é=é&é=é"])
def test_garbage_is_refused(server: Server, data: str) -> None:
    check_problem(log_in(server, data), 401, "init_data_invalid")


def test_without_a_bot_everything_is_refused(mini_apps: MiniApps) -> None:
    server = mini_apps.serve(telegram_bot_token="")
    for data in (init_data(server.clock, user=user_field(42)), "a=b"):
        check_problem(log_in(server, data), 401, "init_data_invalid")


def signed_by_telegram(monkeypatch: pytest.MonkeyPatch, bot_id: int, fields: dict[str, str]) -> str:
    """Returns init data signed by Telegram's scheme for third parties, with a test key."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    monkeypatch.setattr(validation, "TELEGRAM_PUBLIC_KEYS", {"prod": public.hex()})
    lines = "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))
    signature = base64.urlsafe_b64encode(key.sign(f"{bot_id}:WebAppData\n{lines}".encode())).decode().rstrip("=")
    return urlencode(fields | {"signature": signature, "hash": "0" * 64}, quote_via=quote)


def test_a_signature_of_telegrams_lets_in_where_only_the_bots_id_is_known(
    mini_apps: MiniApps, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = mini_apps.serve(telegram_bot_token="", telegram_bot_id=42)
    fields = {"user": user_field(7), "auth_date": str(int(server.clock().timestamp())), "new": "a%25b"}
    data = signed_by_telegram(monkeypatch, 42, fields)
    assert log_in(server, data).json()["created"] is True
    refused = [
        data.replace("Anna", "Hanna"), data.replace("new=", "newer="), data.replace("signature=", "signature=A"),
        data + "&more=x", data + "&user=%7B%7D", data.partition("&signature")[0] + "&hash=" + "0" * 64,
        signed_by_telegram(monkeypatch, 43, fields),
    ]  # fmt: skip
    for altered in refused:
        check_problem(log_in(server, altered), 401, "init_data_invalid")
    old = signed_by_telegram(monkeypatch, 42, fields | {"auth_date": str(int(fields["auth_date"]) - 3601)})
    check_problem(log_in(server, old), 401, "init_data_expired")


def test_with_closed_sign_up_only_those_known_are_let_in(mini_apps: MiniApps) -> None:
    server = mini_apps.serve(signup="closed")
    bot: Bot = server.make_bot("act")
    assert bot.put("/identities/telegram/42", json={"first_name": "Nina"}).status_code == 201
    known = log_in(server, init_data(server.clock, user=user_field(42)))
    assert (known.status_code, known.json()["created"], known.json()["user"]["first_name"]) == (200, False, "Anna")
    stranger = init_data(server.clock, user=user_field(43))
    check_problem(log_in(server, stranger), 403, "signup_closed")
    check_problem(bot.get("/identities/telegram/43"), 404, "identity_not_found")
