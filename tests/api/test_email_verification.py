"""A user proves an address with a code from a mail, and only proved addresses get other mail."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from eventorg.testing import Server, User, check_problem
from tests import telegram
from tests.api.codes import Post, mailing
from tests.mailbox import Mailbox
from tests.web.keyed import is_replayed

PATH = "/users/me/email-verification"


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    mailbox = Mailbox()
    with mailbox.open(), mailing(tmp_path, mailbox) as server:
        yield Post(server, mailbox)


def code_for(post: Post, user: User, number: int = 1, address: str = "") -> str:
    """Asks for a code and returns it: that of the address's mail of this number."""
    assert user.post(PATH).status_code == 202
    return post.codes(address or user.account["email"], number)[-1]


def confirm(user: User, code: str, **headers: str) -> httpx.Response:
    response: httpx.Response = user.post(f"{PATH}/confirm", json={"code": code}, headers=headers)
    return response


def is_verified(user: User) -> bool:
    return bool(user.get("/users/me").json()["email_verified"])


@pytest.mark.parametrize(
    ("locale", "subject"),
    [("en", "Verify your email address"), ("ru-RU", "Подтверждение адреса электронной почты")],
)
def test_a_code_verifies_the_address(post: Post, locale: str, subject: str) -> None:
    user, stranger = post.server.sign_up(locale=locale), post.server.sign_up()
    assert user.account["email_verified"] is False
    before = user.get("/users/me")
    code = code_for(post, user)
    (mail,) = post.mails(user.account["email"])
    assert mail["Subject"] == subject
    last = user.get("/changes").json()["next"]
    response = confirm(user, code)
    assert (response.status_code, response.content) == (204, b"")
    after = user.get("/users/me", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.json()["email_verified"]) == (200, True)
    assert after.json()["version"] == before.json()["version"] + 1
    assert "email_verified" not in stranger.get(f"/users/{user.id}").json()
    assert user.get("/users/me/export").json()["user"]["email_verified"] is True
    (change,) = user.get(f"/changes?after={last}").json()["changes"]
    assert (change["type"], change["data"]) == ("user.updated", {"changed": ["email_verified"]})
    check_problem(confirm(user, code), 404, "code_not_found")
    assert post.server.log_in(user.account["email"]), "the password and the logins stay"


def test_a_bot_that_acts_for_a_user_passes_the_code_on(post: Post) -> None:
    user, bot = post.server.sign_up(), post.server.make_bot("act")
    acting = bot.acting_for(user.id)
    assert acting.post(PATH).status_code == 202
    assert confirm(acting, post.codes(user.account["email"])[0]).status_code == 204
    assert is_verified(user)
    assert acting.get("/users/me").json()["email_verified"] is True


@pytest.mark.parametrize("spelling", ["another@example.com", "UPPER"])
def test_a_changed_address_is_unverified(post: Post, spelling: str) -> None:
    user = post.server.sign_up()
    assert confirm(user, code_for(post, user)).status_code == 204
    unused = code_for(post, user, 2)
    email = spelling if "@" in spelling else user.account["email"].upper()
    assert user.patch("/users/me", json={"first_name": "Anna", "email": user.account["email"]}).status_code == 200
    assert is_verified(user), "the same address"
    last = user.get("/changes").json()["next"]
    changed = user.patch("/users/me", json={"email": email})
    assert changed.json()["email_verified"] is False
    (change,) = user.get(f"/changes?after={last}").json()["changes"]
    assert change["data"] == {"changed": ["email", "email_verified"]}
    check_problem(confirm(user, unused), 404, "code_not_found")
    assert not is_verified(user)


def test_a_code_is_its_users_own(post: Post) -> None:
    user, thief = post.server.sign_up(), post.server.sign_up()
    code = code_for(post, user)
    check_problem(confirm(thief, code), 404, "code_not_found")
    assert not is_verified(thief)
    assert confirm(user, code).status_code == 204


def test_a_code_is_for_one_purpose(post: Post) -> None:
    user = post.server.sign_up()
    verification, reset = code_for(post, user), post.reset(user.account["email"], 2)
    check_problem(confirm(user, reset), 404, "code_not_found")
    body = {"code": verification, "password": "a password that is new"}
    check_problem(post.server.client.post("/password-resets/confirm", json=body), 404, "code_not_found")
    assert confirm(user, verification).status_code == 204
    body["code"] = reset
    assert post.server.client.post("/password-resets/confirm", json=body).status_code == 204


def test_a_code_expires_after_an_hour(post: Post) -> None:
    user = post.server.sign_up()
    code = code_for(post, user)
    post.server.clock.advance(hours=1)
    check_problem(confirm(user, code), 404, "code_not_found")


def test_a_user_without_an_address_has_nothing_to_verify(post: Post) -> None:
    person = telegram.Person(post.server, post.server.make_bot("act"))
    check_problem(person.bot.post(PATH), 409, "email_missing")
    assert person.bot.get("/users/me").json()["email_verified"] is False


def test_an_address_gets_five_mails_an_hour_and_resets_count_by_themselves(post: Post) -> None:
    user = post.server.sign_up()
    for number in range(5):
        assert user.post(PATH).status_code == 202, number
        post.server.clock.advance(minutes=1)
    refused = user.post(PATH)
    check_problem(refused, 429, "too_many_requests")
    assert refused.headers["retry-after"] == str(55 * 60)
    assert post.reset(user.account["email"], 6)
    assert user.patch("/users/me", json={"email": "other@example.com"}).status_code == 200
    assert code_for(post, user, address="other@example.com")
    post.server.clock.advance(minutes=55)
    assert user.patch("/users/me", json={"email": user.account["email"]}).status_code == 200
    assert code_for(post, user, 7)


def test_a_user_has_twenty_mails_an_hour_sent_to_whatever_addresses(post: Post) -> None:
    user = post.server.sign_up()
    for number in range(20):
        assert user.patch("/users/me", json={"email": f"victim-{number}@example.com"}).status_code == 200
        assert user.post(PATH).status_code == 202
    assert user.patch("/users/me", json={"email": "victim@example.com"}).status_code == 200
    check_problem(user.post(PATH), 429, "too_many_requests")


def test_the_requests_of_one_client_are_limited_and_those_of_bots_are_not(tmp_path: Path) -> None:
    with mailing(tmp_path, Mailbox(), signups_per_minute=3) as server:
        users, bot = [server.sign_up() for _ in range(3)], server.make_bot("act")
        server.clock.advance(minutes=1)
        statuses = [user.post(PATH).status_code for user in (*users, users[0])]
        assert statuses == [202, 202, 202, 429]
        assert bot.acting_for(users[0].id).post(PATH).status_code == 202


def test_a_repeated_request_sends_one_mail_and_keeps_no_code(post: Post) -> None:
    user, key = post.server.sign_up(), {"Idempotency-Key": "ask"}
    first, again = (user.post(PATH, headers=key) for _ in range(2))
    assert (again.status_code, again.content, is_replayed(again)) == (202, first.content, True)
    (code,) = post.codes(user.account["email"])
    for wrong in (code[:-1], code[:-1]):
        check_problem(confirm(user, wrong, **{"Idempotency-Key": "wrong"}), 404, "code_not_found")
    done, repeated = (confirm(user, code, **{"Idempotency-Key": "confirm"}) for _ in range(2))
    assert [(one.status_code, is_replayed(one)) for one in (done, repeated)] == [(204, False), (204, True)]
    kept = repr(post.rows("SELECT * FROM idempotency_records"))
    assert kept.count("'null'") == 2
    assert code not in kept
    assert code[:-1] not in kept


def test_without_a_mail_server_there_are_no_codes(server: Server) -> None:
    user = server.sign_up()
    check_problem(user.post(PATH), 409, "mail_not_configured")
    check_problem(confirm(user, "x"), 409, "mail_not_configured")
    check_problem(server.client.post("/password-resets", json={"email": "a@example.com"}), 409, "mail_not_configured")
    body = {"code": "x", "password": "a password that is new"}
    check_problem(server.client.post("/password-resets/confirm", json=body), 409, "mail_not_configured")
