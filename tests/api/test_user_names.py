"""Names without a request for each user: `GET /users?ids=`, and `expand=user` on lists."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest

from eventorg.domain.users import MAX_LISTED_IDS, ListedUser
from eventorg.testing import Bot, Server, User, check_problem
from tests import telegram
from tests.api.attendance import register


def names(user: User, **more: Any) -> dict[str, Any]:
    """Returns what an expanded list shows of a user."""
    return {name: user.account[name] for name in ("id", "username", "first_name", "last_name")} | more


def listed(caller: User, *ids: str) -> list[dict[str, Any]]:
    users: list[dict[str, Any]] = caller.get("/users", params={"ids": ",".join(ids)}).json()["users"]
    return users


def close(server: Server, user: User) -> None:
    """Hides an account as the first step of its deletion does, which then waits for the next step."""
    with closing(sqlite3.connect(server.settings.database_path)) as file, file:
        file.execute(
            "UPDATE users SET username = NULL, username_key = NULL, email = NULL, email_key = NULL, first_name = NULL,"
            " last_name = NULL, closing = 'deleted' WHERE id = ?",
            (user.id,),
        )
        file.execute("DELETE FROM telegram_identities WHERE user_id = ?", (user.id,))


def test_users_are_listed_in_the_order_of_the_ids(server: Server, guests: Callable[[int], list[User]]) -> None:
    caller, *others = guests(5)
    wanted = [others[2], others[0], caller, others[3]]
    found = caller.get("/users", params={"ids": ",".join(user.id for user in wanted)}).json()
    assert [user["id"] for user in found["users"]] == [user.id for user in wanted]
    assert found["next"] is None
    assert found["users"] == [caller.get(f"/users/{user.id}").json() for user in wanted]
    assert ["email" in user for user in found["users"]] == [False, False, True, False]


def test_a_bot_lists_users_by_itself_and_for_a_user(server: Server, guests: Callable[[int], list[User]]) -> None:
    one, other = guests(2)
    bot = server.make_bot("act")
    for caller in (bot, server.make_bot("changes"), server.make_bot("deliver")):
        assert [user["id"] for user in listed(caller, one.id, other.id)] == [one.id, other.id]
        assert one.account["email"] not in caller.get(f"/users?ids={one.id}").text
    seen = listed(bot.acting_for(one.id), one.id, other.id)
    assert [user.get("email") for user in seen] == [one.account["email"], None]
    assert all("telegram_id" not in user for user in seen)


@pytest.mark.parametrize(
    "bad",
    ["", ",", ",,,", "me", "x", "\x00", "'", '"', "[]", "%", "😀", "a" * 999, " {id}", "{id} ", "{ID}", "{{id}}"],
)  # fmt: skip
def test_ids_that_are_malformed_are_left_out(host: User, bad: str) -> None:
    bad = bad.replace("{id}", host.id).replace("{ID}", host.id.upper())
    assert listed(host, bad) == []
    assert [user["id"] for user in listed(host, bad, host.id, bad)] == [host.id]


def test_an_id_counts_once_and_an_unknown_one_not_at_all(host: User) -> None:
    assert [user["id"] for user in listed(host, str(uuid4()), host.id, host.id, str(uuid4()))] == [host.id]


def test_a_hundred_ids_are_looked_up_at_once(host: User) -> None:
    ids = [*(str(uuid4()) for _ in range(MAX_LISTED_IDS - 1)), host.id]
    assert [user["id"] for user in listed(host, *ids)] == [host.id]
    for more in ([*ids, str(uuid4())], ["x"] * 101, [""] * 101):
        problem = check_problem(host.get("/users", params={"ids": ",".join(more)}), 422)
        assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("ids", "too_long")]


def test_an_account_that_is_closing_is_not_found(fresh_server: Server) -> None:
    host, gone = fresh_server.sign_up(), fresh_server.sign_up()
    close(fresh_server, gone)
    assert [user["id"] for user in listed(host, gone.id, host.id)] == [host.id]


@pytest.fixture
def bot(server: Server) -> Bot:
    return server.make_bot("act")


def test_participants_have_names_on_request(server: Server, host: User, bot: Bot) -> None:
    people = [server.sign_up(first_name="Анна", last_name='О"Брайен'), server.sign_up(), server.sign_up()]
    url = f"/events/{host.create_event(capacity=2)['id']}"
    made = register(url, *people)
    expected = [row | {"user": names(user)} for row, user in zip(made, people, strict=True)]
    for caller in (host, people[2], server.make_bot("changes"), server.make_bot("deliver")):
        assert caller.get(f"{url}/participants?expand=user").json()["participants"] == expected
        assert caller.get(f"{url}/participants").json()["participants"] == made
    for query in ("status=waitlisted", "limit=1", "limit=2"):
        page = host.get(f"{url}/participants?{query}").json()
        users = {user.id: names(user) for user in people}
        page["participants"] = [row | {"user": users[row["user_id"]]} for row in page["participants"]]
        assert host.get(f"{url}/participants?{query}&expand=user").json() == page
    row = host.get(f"{url}/participants?expand=user").json()["participants"][0]
    assert list(row)[-1] == "user"
    assert tuple(row["user"]) == ListedUser.__struct_fields__[:-1]


def test_answers_have_names_on_request(server: Server, host: User, bot: Bot) -> None:
    people = [server.sign_up(first_name="Анна"), server.sign_up(), server.sign_up()]
    url = f"/events/{host.create_event()['id']}"
    for person, answer in zip(people, ("going", "maybe", "declined"), strict=True):
        assert person.put(f"{url}/rsvp", json={"answer": answer}).status_code == 200
    plain = host.get(f"{url}/rsvps").json()
    assert [list(row) for row in plain["rsvps"]] == [["user_id", "answer", "answered_at"]] * 3
    expanded = [row | {"user": names(user)} for row, user in zip(plain["rsvps"], people, strict=True)]
    assert people[1].get(f"{url}/rsvps?expand=user").json() == plain | {"rsvps": expanded}
    page = host.get(f"{url}/rsvps?expand=user&limit=2").json()
    assert page["rsvps"] == expanded[:2]
    rest = host.get(f"{url}/rsvps?expand=user&cursor={page['next']}").json()
    assert rest["rsvps"] == expanded[2:]
    expanded = [row | {"user": row["user"] | {"telegram_id": None}} for row in expanded]
    assert bot.acting_for(host.id).get(f"{url}/rsvps?expand=user").json()["rsvps"] == expanded


def test_hosts_have_names_on_request(server: Server, host: User, bot: Bot) -> None:
    other = server.sign_up(first_name="Анна")
    url = f"/events/{host.create_event()['id']}/hosts"
    assert host.post(url, json={"user_id": other.id}).status_code == 201
    plain = host.get(url).json()
    assert [list(row) for row in plain["hosts"]] == [["user_id", "role", "since"]] * 2
    expanded = [row | {"user": names(user)} for row, user in zip(plain["hosts"], (host, other), strict=True)]
    assert other.get(f"{url}?expand=user").json() == plain | {"hosts": expanded}
    expanded = [row | {"user": row["user"] | {"telegram_id": None}} for row in expanded]
    assert bot.acting_for(other.id).get(f"{url}?expand=user").json()["hosts"] == expanded


def test_only_a_bot_that_may_act_sees_telegram_ids(server: Server, host: User, bot: Bot) -> None:
    person, other = telegram.Person(server, bot), server.sign_up()
    url = f"/events/{host.create_event()['id']}"
    register(url, person.bot, other)
    for able in (bot, bot.acting_for(host.id), person.bot, server.make_bot("act", "deliver")):
        rows = able.get(f"{url}/participants?expand=user").json()["participants"]
        assert [row["user"]["telegram_id"] for row in rows] == [person.telegram_id, None]
        assert rows[1]["user"] == names(other, telegram_id=None)
    for caller in (host, other, server.make_bot("changes"), server.make_bot("deliver")):
        response = caller.get(f"{url}/participants?expand=user")
        assert "telegram_id" not in response.text
        assert str(person.telegram_id) not in response.text


@pytest.mark.parametrize("place", ["participants", "hosts", "rsvps"])
def test_nothing_but_users_is_expanded(host: User, place: str) -> None:
    url = f"/events/{host.create_event()['id']}/{place}"
    for value in ("", "users", "USER", "user,user", "event", "user%00", "null", "1"):
        problem = check_problem(host.get(f"{url}?expand={value}"), 422)
        assert [fault["field"] for fault in problem["errors"]] == ["expand"], value
    problem = check_problem(host.get(f"{url}?expand=user&expand=user"), 422)
    assert problem["errors"][0]["code"] == "repeated"


def test_an_expanded_list_is_hidden_with_its_event(server: Server, host: User) -> None:
    url = f"/events/{host.create_event(visibility='private')['id']}"
    for place in ("participants", "hosts", "rsvps"):
        check_problem(server.sign_up().get(f"{url}/{place}?expand=user"), 404, "event_not_found")


def test_an_account_that_is_closing_has_no_names(fresh_server: Server) -> None:
    bot, host, gone = fresh_server.make_bot("act"), fresh_server.sign_up(), fresh_server.sign_up(first_name="Квагга")
    telegram.link(bot, telegram.new_id(), gone)
    url = f"/events/{host.create_event()['id']}"
    register(url, gone)
    host.post(f"{url}/hosts", json={"user_id": gone.id})
    close(fresh_server, gone)
    nobody = {"id": gone.id, "username": None, "first_name": None, "last_name": None, "telegram_id": None}
    for place in ("participants", "hosts"):
        response = bot.acting_for(host.id).get(f"{url}/{place}?expand=user")
        assert response.json()[place][-1]["user"] == nobody
        assert "Квагга" not in response.text
