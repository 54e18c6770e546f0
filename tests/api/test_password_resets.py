"""A forgotten password is replaced with a code from a mail, and nobody learns which addresses have an account."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.security.passwords import Passwords
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction
from eventorg.testing import PASSWORD, Clock, Server, User, check_problem
from tests import telegram
from tests.api.codes import Post, code_of, mailing
from tests.mailbox import TAKEN, Mailbox

NEW = "a password that is new"
UNIQUE = ("date", "x-request-id")
"""The headers that no two responses share."""


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    mailbox = Mailbox()
    with mailbox.open(), mailing(tmp_path, mailbox) as server:
        yield Post(server, mailbox)


def ask(server: Server, email: str, **headers: str) -> httpx.Response:
    return server.client.post("/password-resets", json={"email": email}, headers=headers)


def confirm(server: Server, code: str, password: str = NEW) -> httpx.Response:
    return server.client.post("/password-resets/confirm", json={"code": code, "password": password})


def can_log_in(server: Server, user: User, password: str) -> bool:
    login = {"email": user.account["email"], "password": password}
    return server.client.post("/login", json=login).status_code == 200


@pytest.mark.parametrize(
    ("locale", "subject", "hint"),
    [("en-GB", "Reset your password", "within one hour"), ("ru", "Сброс пароля", "в течение часа")],
)
def test_a_reset_sets_the_password_and_ends_all_logins(post: Post, locale: str, subject: str, hint: str) -> None:
    server, user = post.server, post.server.sign_up(locale=locale)
    other = User(server.client, user.account, server.log_in(user.account["email"]))
    code = post.reset(user.account["email"])
    (mail,) = post.mails(user.account["email"])
    assert mail["Subject"] == mail.get_content().splitlines()[0] == subject
    assert hint in mail.get_content()
    assert f"\n{code}\n" in str(mail.get_payload()).replace("\r", ""), "the line is as it is in the message as sent too"
    assert (mail["To"], mail["Auto-Submitted"], mail["List-Unsubscribe"]) == (
        user.account["email"], "auto-generated", None
    )  # fmt: skip
    assert mail.get_content_type() == "text/plain"
    before = user.get("/changes").json()["next"]
    response = confirm(server, code)
    assert (response.status_code, response.content) == (204, b"")
    for login in (user, other):
        check_problem(login.get("/users/me"), 401, "token_revoked")
    assert (can_log_in(server, user, PASSWORD), can_log_in(server, user, NEW)) == (False, True)
    user.token = server.log_in(user.account["email"], NEW)
    assert user.get("/users/me").json()["email_verified"] is True
    (change,) = user.get(f"/changes?after={before}").json()["changes"]
    assert (change["type"], change["data"]) == ("user.updated", {"changed": ["email_verified", "password"]})


def test_a_code_works_once(post: Post) -> None:
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    assert confirm(post.server, code).status_code == 204
    check_problem(confirm(post.server, code, "another password"), 404, "code_not_found")
    assert can_log_in(post.server, user, NEW)


def test_a_code_works_for_an_hour(post: Post) -> None:
    user = post.server.sign_up()
    early, late = post.reset(user.account["email"]), post.reset(user.account["email"], 2)
    post.server.clock.advance(minutes=59, seconds=59)
    assert confirm(post.server, early).status_code == 204
    late = post.reset(user.account["email"], 3)
    post.server.clock.advance(hours=1)
    check_problem(confirm(post.server, late), 404, "code_not_found")


def test_a_reset_ends_the_other_codes(post: Post) -> None:
    user = post.server.sign_up()
    codes = [post.reset(user.account["email"], number) for number in (1, 2)]
    assert confirm(post.server, codes[0]).status_code == 204
    check_problem(confirm(post.server, codes[1]), 404, "code_not_found")


def test_a_wrong_code_costs_no_hash(post: Post) -> None:
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    passwords: Passwords = post.server._core.users._passwords
    before = passwords.computed
    for wrong in ("x", code.swapcase(), code[:-1], "1" * 22):
        check_problem(confirm(post.server, wrong), 404, "code_not_found")
    assert passwords.computed == before
    assert confirm(post.server, f" {code} ").status_code == 204  # as copied
    assert passwords.computed == before + 1


@pytest.mark.parametrize("body", [{"code": "x", "password": "short"}, {"code": "", "password": NEW}, {"code": "x"}, {}])
def test_a_malformed_confirmation_is_422(post: Post, body: Any) -> None:
    check_problem(post.server.client.post("/password-resets/confirm", json=body), 422)


@pytest.mark.parametrize("email", ["", "nobody", "a@", 1, None])
def test_what_is_no_address_is_422(post: Post, email: Any) -> None:
    check_problem(post.server.client.post("/password-resets", json={"email": email}), 422)


def test_of_two_at_once_one_wins(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have found the code before either one uses it."""
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    both = threading.Barrier(2)
    hash_password = Passwords.hash

    async def hash_together(self: Passwords, password: str, sender: str | None = None) -> str:
        await asyncio.to_thread(both.wait, 10)
        return await hash_password(self, password, sender)

    monkeypatch.setattr(Passwords, "hash", hash_together)
    with ThreadPoolExecutor() as pool:
        passwords = ("the first password", "the second password")
        responses = [*pool.map(lambda password: confirm(post.server, code, password), passwords)]
    assert sorted(response.status_code for response in responses) == [204, 404]
    won = [response.status_code == 204 for response in responses]
    assert [can_log_in(post.server, user, password) for password in passwords] == won


def test_an_address_gets_five_mails_an_hour(post: Post) -> None:
    user, other = post.server.sign_up(), post.server.sign_up()
    email = user.account["email"]
    answers = [ask(post.server, spelling) for spelling in (email, email.upper(), email, email, email, email, email)]
    assert {(response.status_code, response.text) for response in answers} == {(202, answers[0].text)}
    codes = post.codes(email, 5)
    assert len({*codes}) == 5
    assert post.reset(other.account["email"])
    post.server.clock.advance(minutes=59, seconds=59)
    assert ask(post.server, email).status_code == 202
    assert post.codes(email, 5) == codes
    post.server.clock.advance(seconds=1)
    assert post.reset(email, 6) not in codes


def test_whoever_asks_again_and_again_keeps_nobody_from_a_mail(post: Post) -> None:
    """What is over the limit does not count, so that the next hour has five mails again."""
    email = post.server.sign_up().account["email"]
    for minute in range(65):
        assert ask(post.server, email).status_code == 202, minute
        post.server.clock.advance(minutes=1)
    assert len(post.mails(email, 10)) == 10


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements about users and their mails that run, in order."""
    ran: list[str] = []

    def recorded(method: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Transaction, statement: Statement, **parameters: Any) -> Any:
            if any(f"/{noun}.sql" in statement.place for noun in ("account_mails", "users")):
                ran.append(statement.name)  # and none that runs in the background
            return method(self, statement, **parameters)

        return run

    for name in ("all", "run"):
        monkeypatch.setattr(Transaction, name, recorded(getattr(Transaction, name)))
    return ran


def test_nobody_learns_whether_an_address_has_an_account(tmp_path: Path, statements: list[str]) -> None:
    """No mail is sent meanwhile, so that only the requests run statements."""
    with mailing(tmp_path, Mailbox(), sends=False) as server:
        user, verified = server.sign_up(), server.sign_up()
        server.verify_email(verified)
        without = telegram.Person(server, server.make_bot("act"))
        assert without.bot.patch("/users/me", json={"email": "without@example.com"}).status_code == 200
        known = [user.account["email"], verified.account["email"], "without@example.com"]
        computed = server._core.users._passwords.computed
        seen = {}
        for email in (*known, "nobody@example.com"):
            for number in range(6):
                statements.clear()
                response = ask(server, email)
                headers = {*response.headers.items()} - {(name, response.headers[name]) for name in UNIQUE}
                seen[email, number] = (response.status_code, response.content, sorted(headers), *statements)
        assert server._core.users._passwords.computed == computed
    for number in range(6):
        assert len({repr(seen[email, number]) for email in (*known, "nobody@example.com")}) == 1
    assert "create_account_mail" in seen[known[0], 4], "the statements are seen"
    assert "create_account_mail" not in seen[known[0], 5], "and a difference would be"


def test_an_account_without_a_password_gets_one(post: Post) -> None:
    person = telegram.Person(post.server, post.server.make_bot("act"))
    assert person.bot.patch("/users/me", json={"email": "gleb@example.com"}).status_code == 200
    assert confirm(post.server, post.reset("gleb@example.com")).status_code == 204
    user = User(post.server.client, {}, post.server.log_in("gleb@example.com", NEW))
    assert (user.get("/users/me").json()["id"], user.get("/users/me").json()["email_verified"]) == (person.id, True)


def test_a_code_ends_with_the_address_it_was_sent_to(post: Post) -> None:
    user = post.server.sign_up()
    old = user.account["email"]
    code = post.reset(old)
    assert user.patch("/users/me", json={"email": "changed@example.com"}).status_code == 200
    check_problem(confirm(post.server, code), 404, "code_not_found")
    assert ask(post.server, old).status_code == 202
    assert confirm(post.server, post.reset("changed@example.com")).status_code == 204
    assert len(post.mailbox.to(old)) == 1


def test_a_code_ends_with_a_new_password(post: Post) -> None:
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    change = {"password": "by hand instead", "current_password": PASSWORD}
    assert user.patch("/users/me", json=change).status_code == 200
    check_problem(confirm(post.server, code), 404, "code_not_found")


def test_another_change_of_the_profile_ends_no_code(post: Post) -> None:
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    assert user.patch("/users/me", json={"first_name": "Anna", "locale": "en"}).status_code == 200
    assert confirm(post.server, code).status_code == 204


def test_a_waiting_mail_is_not_sent_to_an_address_that_was_given_up(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with mailing(tmp_path, mailbox) as server:
        post, moved, gone = Post(server, mailbox), server.sign_up(), server.sign_up()
        for user in (moved, gone):
            assert ask(server, user.account["email"]).status_code == 202
        post.wait_for_retries(2)
        assert moved.patch("/users/me", json={"email": "moved@example.com"}).status_code == 200
        assert gone.delete("/users/me").status_code == 200
        with mailbox.open():
            server.clock.advance(minutes=1)
            server.wait_for(lambda: not post.waiting())
            assert post.reset("moved@example.com")
        assert mailbox.recipients == ["moved@example.com"]


def test_a_merged_account_leaves_its_codes_behind(post: Post) -> None:
    server, bot = post.server, post.server.make_bot("act")
    person, user = telegram.Person(server, bot), server.sign_up()
    assert person.bot.patch("/users/me", json={"email": "merged@example.com"}).status_code == 200
    code = post.reset("merged@example.com")
    own = post.reset(user.account["email"])
    telegram.link(bot, person.telegram_id, user)
    check_problem(confirm(server, code), 404, "code_not_found")
    assert user.get("/users/me").json()["email_verified"] is False
    assert confirm(server, own).status_code == 204


def test_a_deleted_account_leaves_no_code(post: Post) -> None:
    user = post.server.sign_up()
    code = post.reset(user.account["email"])
    assert user.delete("/users/me").status_code == 200
    check_problem(confirm(post.server, code), 404, "code_not_found")
    assert post.rows("SELECT user_id FROM account_mails") == [(None,)], "it still limits the mails to the address"
    assert post.rows("SELECT * FROM account_codes") == []


def test_the_requests_of_one_address_are_limited(tmp_path: Path) -> None:
    with mailing(tmp_path, Mailbox(), signups_per_minute=2) as server:
        statuses = [ask(server, f"nobody-{number}@example.com").status_code for number in range(3)]
        assert statuses == [202, 202, 429]
        check_problem(ask(server, "nobody@example.com"), 429, "too_many_requests")
        server.clock.advance(minutes=1)
        assert ask(server, "nobody@example.com").status_code == 202


def test_neither_the_file_nor_the_log_has_the_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mailbox = Mailbox()
    answers = iter(["451 later"])
    mailbox.answer = lambda _: next(answers, TAKEN)
    with mailbox.open(), mailing(tmp_path, mailbox, log_level="debug") as server:
        post, user = Post(server, mailbox), server.sign_up()
        email = user.account["email"]
        assert ask(server, email).status_code == 202
        post.wait_for_retries()
        server.clock.advance(minutes=1)
        (code,) = post.codes(email)
        check_problem(confirm(server, code[:-1]), 404)
        assert confirm(server, code).status_code == 204
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    logged = capfd.readouterr().err
    assert "mail_attempt_failed" in logged
    assert email.encode() in files
    for text in (code, email):
        assert text not in logged
    assert code.encode() not in files


def test_no_bot_gets_a_code(tmp_path: Path) -> None:
    """Not even that of a user whom the bot could write to."""
    with mailing(tmp_path, Mailbox()) as server:
        bot, user = server.make_bot("act", "changes", "deliver"), server.sign_up()
        telegram.link(bot, telegram.new_id(), user)
        assert ask(server, user.account["email"]).status_code == 202
        assert bot.post("/deliveries/lease", json={"limit": 100}).json() == {"deliveries": []}
        exported = bot.acting_for(user.id).get("/users/me/export").json()
        assert [mail["purpose"] for mail in exported["account_mails"]] == ["reset"]
        assert exported["deliveries"] == []


def test_a_mail_outlives_a_restart_also_in_the_middle_of_an_attempt(tmp_path: Path) -> None:
    mailbox, clock = Mailbox(), Clock()
    with mailing(tmp_path, mailbox, clock, sends=False) as server:
        first, second = server.sign_up(), server.sign_up()
        for user in (first, second):
            assert ask(server, user.account["email"]).status_code == 202
        claimed = server._on_its_loop(server._core.account_mails.claim_mail())
        assert claimed is not None
        assert claimed.email == first.account["email"]
    with mailbox.open(), mailing(tmp_path, mailbox, clock) as server:
        for user in (first, second):
            (code,) = Post(server, mailbox).codes(user.account["email"])
            assert confirm(server, code).status_code == 204


def test_each_attempt_has_its_own_code_and_a_mail_that_came_twice_works_twice_as_well(post: Post) -> None:
    """The first one was taken, but the server did not learn it."""
    user = post.server.sign_up()
    email = user.account["email"]
    lost: list[str] = []

    def answer(mail: Any) -> str:
        lost.append(code_of(mail))
        post.mailbox.answer = lambda _: TAKEN
        return "451 later"

    post.mailbox.answer = answer
    assert ask(post.server, email).status_code == 202
    post.wait_for_retries()
    post.server.clock.advance(seconds=30)
    (code,) = post.codes(email)
    assert code != lost[0]
    assert confirm(post.server, lost[0]).status_code == 204
    check_problem(confirm(post.server, code), 404, "code_not_found")


def test_a_mail_that_could_not_be_sent_within_the_hour_is_not_sent(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with mailing(tmp_path, mailbox, sends=False) as server:
        post, user = Post(server, mailbox), server.sign_up()
        assert ask(server, user.account["email"]).status_code == 202
        server.clock.advance(hours=1)
        assert server._on_its_loop(server._core.account_mails.claim_mail()) is None
        assert not post.rows("SELECT * FROM account_mails WHERE state IN ('waiting', 'retry', 'leased')")


def test_old_rows_are_deleted(post: Post) -> None:
    user = post.server.sign_up()
    post.reset(user.account["email"])
    ask(post.server, "nobody@example.com")
    counts = "SELECT (SELECT count(*) FROM account_mails), (SELECT count(*) FROM account_codes)"
    for step, left in ((3599, (2, 1)), (1, (0, 0))):
        post.server.clock.advance(seconds=step)
        post.server._on_its_loop(post.server._core.account_mails.forget())
        assert post.rows(counts) == [left]
