"""`eventorg user` beside a running server."""

import io
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from eventorg.cli import cli, main
from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Server, check_problem, running
from tests.programs import at_a_terminal


@pytest.fixture(scope="module")
def closed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with closed sign-up: the operator creates all users."""
    path = tmp_path_factory.mktemp("closed") / "eventorg.db"
    with running(Settings(plugins="none", database=str(path), signup="closed", log_level="error")) as server:
        yield server


@pytest.fixture
def operated(closed_server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("EVENTORG_DATABASE", str(closed_server.settings.database_path))
    monkeypatch.setenv("EVENTORG_PLUGINS", "none")
    return closed_server


def do(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["user", *arguments], input=stdin)


def make(name: str, *options: str) -> str:
    """Creates a user with the common password and returns the ID."""
    made = do("create", name, "--email", f"{name}@example.com", *options, stdin=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    return made.stdout.split()[-1]


def bearer(server: Server, name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.log_in(f'{name}@example.com', password)}"}


def test_create_works_with_closed_sign_up(operated: Server) -> None:
    account = {"username": "anna", "email": "anna@example.com", "password": PASSWORD}
    check_problem(operated.client.post("/users", json=account), 403, "signup_closed")
    user_id = make("anna", "--first-name", "Анна", "--locale", "en", "--timezone", "Asia/Omsk")
    user = operated.client.get("/users/me", headers=bearer(operated, "anna")).json()
    assert (user["id"], user["first_name"], user["locale"], user["timezone"]) == (user_id, "Анна", "en", "Asia/Omsk")


def test_a_generated_password_is_the_last_line(operated: Server) -> None:
    made = do("create", "boris", "--email", "boris@example.com", "--generate")
    first, password = made.stdout.splitlines()
    assert re.fullmatch(r"created boris, [0-9a-f-]{36}", first)
    assert len(password) == 24
    bearer(operated, "boris", password)


@pytest.mark.parametrize("named_by", ["username", "e-mail", "id"])
def test_a_reset_ends_all_sessions(operated: Server, named_by: str) -> None:
    username = f"reset-{named_by}"
    user_id = make(username)
    before = bearer(operated, username)
    name = {"username": username.upper(), "e-mail": f"{username}@EXAMPLE.com", "id": user_id}[named_by]
    done = do("reset-password", name, stdin="another good one\n")
    assert done.stdout == f"new password for {username}, {user_id}; the user is logged out everywhere\n"
    check_problem(operated.client.get("/users/me", headers=before), 401, "token_revoked")
    refused = operated.client.post("/login", json={"email": f"{username}@example.com", "password": PASSWORD})
    check_problem(refused, 401, "invalid_credentials")
    now = operated.client.get("/users/me", headers=bearer(operated, username, "another good one"))
    assert now.status_code == 200


def test_delete_transfers_events_and_frees_seats(operated: Server) -> None:
    gone_id, stays_id = make("gone"), make("heir")
    gone, heir = bearer(operated, "gone"), bearer(operated, "heir")
    times = {"start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}
    client = operated.client
    own = client.post("/events", json={"title": "Own", **times}, headers=gone).json()["id"]
    client.post(f"/events/{own}/hosts", json={"user_id": stays_id}, headers=gone).raise_for_status()
    client.patch(f"/events/{own}", json={"title": "Ours"}, headers=heir).raise_for_status()
    full = client.post("/events", json={"title": "Full", "capacity": 1, **times}, headers=heir).json()["id"]
    assert client.post(f"/events/{full}/register", headers=gone).json()["status"] == "registered"
    assert client.post(f"/events/{full}/register", headers=heir).json()["status"] == "waitlisted"
    assert do("delete", "gone", "--yes").stdout == f"deleted gone, {gone_id}\n"
    assert client.get(f"/events/{own}").json()["organizer_id"] == stays_id
    listed = client.get(f"/events/{full}/participants", headers=heir).json()["participants"]
    assert [(one["user_id"], one["status"]) for one in listed] == [(stays_id, "registered")]
    check_problem(client.get("/users/me", headers=gone), 401, "token_revoked")


def test_users_are_listed_and_shown(operated: Server) -> None:
    user_id = make("vera", "--first-name", "Вера", "--last-name", "Павлова")
    lines = [line.split("\t") for line in do("list").stdout.splitlines()]
    assert [user_id, "vera", "vera@example.com", "Вера Павлова"] in [line[:4] for line in lines]
    shown = do("show", "VERA@example.com").stdout.splitlines()
    assert {f"id: {user_id}", "username: vera", "first_name: Вера", "events: 0, registrations: 0"} <= set(shown)


def test_a_list_longer_than_a_page_is_complete(operated: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = {make(f"page-{number}") for number in range(3)}
    monkeypatch.setattr("eventorg.cli.users.PAGE", 2)
    listed = [line.split("\t")[0] for line in do("list").stdout.splitlines()]
    assert ids <= set(listed)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(
    ("arguments", "stdin", "status", "told"),
    [
        (["show", "nobody"], "", 1, "The user nobody does not exist. Run `eventorg user list`"),
        (
            ["reset-password", "nobody"],
            "",
            1,
            "The user nobody does not exist. Run `eventorg user list`",
        ),
        (
            ["delete", "nobody", "--yes"],
            "",
            1,
            "The user nobody does not exist. Run `eventorg user list`",
        ),
        (
            ["create", "ab", "--email", "x"],
            f"{PASSWORD}\n",
            1,
            "username: Must have 3 or more characters. email: Must have 3 or more characters.",
        ),
        (["create", "abc", "--email", "a@example.com"], "short\n", 1, "password: Must have 8 or more bytes."),
        (["create", "abc", "--email", "a@example.com"], "", 2, "pipe one in, or add --generate."),
        (["create", "abc"], "", 2, "Missing option '--email'."),
        (["create", "TAKEN", "--email", "a@example.com"], f"{PASSWORD}\n", 1, "username"),
        (["reset-password", "taken"], "short\n", 1, "password: Must have 8 or more bytes."),
        (["delete", "taken"], "", 2, "add --yes to confirm."),
    ],
)
def test_operator_mistakes_are_one_sentence_with_a_remedy(
    operated: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    stdin: str,
    status: int,
    told: str,
) -> None:
    if "taken" in "".join(arguments).lower() and do("show", "taken").exit_code:
        make("taken")
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    with pytest.raises(SystemExit, check=lambda end: end.code == status):
        main(["user", *arguments])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("eventorg: ")
    assert printed.err.count("\n") == 1
    assert told in printed.err


def test_a_user_without_an_email_address_gets_no_password(operated: Server) -> None:
    bot = operated.make_bot("act")
    bot.put("/identities/telegram/77", json={"username": "telegram-only"}).raise_for_status()
    done = do("reset-password", "telegram-only", "--generate")
    assert "has no email address and cannot log in" in str(done.exception)
    assert "telegram_id: 77" in do("show", "telegram-only").stdout


@pytest.mark.parametrize("named_by", ["username", "e-mail", "id"])
def test_an_address_is_verified(operated: Server, named_by: str) -> None:
    username = f"verify-{named_by}"
    user_id = make(username)
    name = {"username": username, "e-mail": f"{username}@example.com", "id": user_id}[named_by]
    headers = bearer(operated, username)
    me = operated.client.get("/users/me", headers=headers)
    assert (me.json()["email_verified"], "email_verified: False" in do("show", name).stdout) == (False, True)
    before = unverified()
    for _ in range(2):
        assert do("verify", name).stdout == f"verified {username}@example.com of {username}, {user_id}\n"
        assert unverified() == before - 1
    after = operated.client.get("/users/me", headers=headers | {"If-None-Match": me.headers["etag"]}).json()
    assert (after["email_verified"], after["version"]) == (True, me.json()["version"] + 1)
    assert "email_verified: True" in do("show", name).stdout


def unverified() -> int:
    """Returns the number of unverified addresses, which are no fault."""
    checked = CliRunner().invoke(cli, ["check"])
    assert checked.exit_code == 0, checked.output
    (line,) = [line for line in checked.stdout.splitlines() if line.startswith("unverified email addresses: ")]
    number = int(line.split(": ")[1].partition(".")[0])
    assert ("`eventorg user verify NAME`" in line) == (number > 0)
    return number


def test_a_user_without_an_address_has_none_to_verify(operated: Server) -> None:
    operated.make_bot("act").put("/identities/telegram/78", json={"username": "no-address"}).raise_for_status()
    done = do("verify", "no-address")
    assert done.exit_code == 1
    assert str(done.exception) == "The user no-address has no email address."
    assert "does not exist" in str(do("verify", "nobody").exception)


def test_a_terminal_asks_twice_for_the_password_without_echo(operated: Server) -> None:
    path = operated.settings.database_path
    status, shown = at_a_terminal(
        path, "user", "create", "typed", "--email", "typed@example.com", types=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert (status, shown.splitlines()[:2]) == (0, ["New password: ", "Repeat for confirmation: "]), shown
    assert PASSWORD not in shown
    bearer(operated, "typed")
    status, shown = at_a_terminal(path, "user", "delete", "typed", types="n\n")
    assert status == 1
    assert "Delete typed" in shown
    status, shown = at_a_terminal(path, "user", "delete", "typed", types="y\n")
    assert (status, do("show", "typed").exit_code) == (0, 1), shown
