"""Accounts: creating, updating and deleting them without a trace."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Server, User, check_problem, running
from tests.factories import new_user

ACCOUNT = {"username": "somebody", "email": "somebody@example.com", "password": PASSWORD}


def sign_up(server: Server, **fields: Any) -> httpx.Response:
    """Returns the answer to a sign-up with these fields."""
    return server.client.post("/users", json=new_user(**fields))


@pytest.fixture
def user(server: Server) -> User:
    return server.sign_up()


def test_a_new_user_has_the_defaults(fresh_server: Server) -> None:
    response = fresh_server.client.post("/users", json=ACCOUNT)
    assert response.status_code == 201
    user = response.json()
    assert response.headers["location"] == f"/users/{user['id']}"
    assert user == {
        "id": user["id"],
        "username": "somebody",
        "email": "somebody@example.com",
        "first_name": None,
        "last_name": None,
        "created_at": "2027-01-01T12:00:00Z",
        "updated_at": "2027-01-01T12:00:00Z",
        "locale": "ru",
        "timezone": "UTC",
        "email_verified": False,
        "name_only": False,
        "version": 1,
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Иван", "иван"),
        ("straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("I.am", "i.AM"),
        ("йод", "и\u0306од"),
        ("ﬁsh", "FISH"),
        ("ten10", "ten１０"),
    ],
)
def test_a_username_is_taken_in_any_case_and_alphabet(fresh_server: Server, first: str, second: str) -> None:
    fresh_server.sign_up(username=first)
    response = fresh_server.client.post("/users", json=ACCOUNT | {"username": second})
    check_problem(response, 409, "username_taken")


@pytest.mark.parametrize("email", ["ANNA@example.com", "anna@EXAMPLE.COM", "  anna@example.com "])
def test_an_email_is_taken_in_any_case(fresh_server: Server, email: str) -> None:
    fresh_server.sign_up(email="anna@example.com")
    check_problem(fresh_server.client.post("/users", json=ACCOUNT | {"email": email}), 409, "email_taken")


def test_one_can_log_in_with_the_email_in_any_case(fresh_server: Server) -> None:
    fresh_server.sign_up(email="Anna@Example.com")
    assert fresh_server.log_in(" aNNA@eXAMPLE.COM ")


def test_a_taken_name_is_refused_in_a_change_too(server: Server, user: User) -> None:
    other = server.sign_up()
    taken = user.patch("/users/me", json={"username": other.account["username"].upper(), "first_name": "Anna"})
    check_problem(taken, 409, "username_taken")
    check_problem(user.patch("/users/me", json={"email": other.account["email"].upper()}), 409, "email_taken")
    assert user.get("/users/me").json() == user.account


def test_ones_own_name_can_change_its_case(user: User) -> None:
    name = user.account["username"].upper()
    assert user.patch("/users/me", json={"username": name}).json()["username"] == name


def test_names_are_trimmed_and_composed(server: Server) -> None:
    response = sign_up(server, first_name=" \tАнна\u3000", last_name="Тои\u0306вола")
    assert response.status_code == 201
    assert (response.json()["first_name"], response.json()["last_name"]) == ("Анна", "Тойвола")


@pytest.mark.parametrize(
    ("signed_up", "typed"),
    [("пароль Ёё", "пароль Е\u0308е\u0308"), ("e\u0301" * 5, "é" * 5), ("мой пароль", "мой\u00a0пароль")],
)
def test_a_password_is_the_same_on_every_keyboard(server: Server, signed_up: str, typed: str) -> None:
    email = sign_up(server, password=signed_up).json()["email"]
    user = server.log_in(email, typed)
    headers = {"Authorization": f"Bearer {user}"}
    change = {"password": typed + typed, "current_password": typed}
    assert server.client.patch("/users/me", json=change, headers=headers).status_code == 200
    assert server.log_in(email, signed_up + signed_up)


def test_a_password_is_taken_as_it_is(server: Server) -> None:
    assert sign_up(server, password="  spaces count  ", email="spaces@example.com").status_code == 201
    assert server.log_in("spaces@example.com", "  spaces count  ")
    trimmed = server.client.post("/login", json={"email": "spaces@example.com", "password": "spaces count"})
    check_problem(trimmed, 401, "invalid_credentials")


def email_of(length: int) -> str:
    return f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * (length - 197)}.com"


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("username", "ab", "too_short"),
        ("username", "abc", None),
        ("username", "ж" * 32, None),
        ("username", "ж" * 33, "too_long"),
        ("username", "  ab  ", "too_short"),
        ("username", f"  {'b' * 32}  ", None),
        ("username", "A_b.c-9", None),
        ("username", "a b c", "username_characters"),
        ("first_name", "", "too_short"),
        ("first_name", "  ", "too_short"),
        ("first_name", "x", None),
        ("first_name", " " + "e\u0301" * 100 + " ", None),
        ("first_name", "x" * 101, "too_long"),
        ("last_name", "x" * 100, None),
        ("last_name", "x" * 101, "too_long"),
        ("email", email_of(254), None),
        ("email", email_of(255), "too_long"),
        ("email", "a@b", None),
        ("password", "1234567", "too_short"),
        ("password", "12345678", None),
        ("password", "жжж1", "too_short"),
        ("password", "жжжж", None),
        ("password", "x" * 1024, None),
        ("password", "ж" * 512, None),
        ("password", "ж" * 512 + "x", "too_long"),
        ("password", "e\u0301" * 3, "too_short"),
        ("password", "\u0958" * 341, "too_long"),
        ("timezone", "Europe/Moscow", None),
        ("timezone", "Mars/Phobos", "timezone_unknown"),
        ("locale", "en-GB", None),
        ("locale", "english", "locale_syntax"),
    ],
)
def test_a_field_is_taken_up_to_its_limits(server: Server, field: str, value: str, fault: str | None) -> None:
    response = sign_up(server, **{field: value})
    if fault is None:
        assert response.status_code == 201, response.text
        assert server.log_in(response.json()["email"], value if field == "password" else PASSWORD)
    else:
        (error,) = check_problem(response, 422)["errors"]
        assert (error["field"], error["code"]) == (field, fault)


def test_a_change_leaves_the_rest_and_null_clears(user: User) -> None:
    names = {"first_name": "Анна", "last_name": "Ли", "locale": "en", "timezone": "Asia/Tokyo"}
    assert user.patch("/users/me", json=names).json().items() >= names.items()
    after = user.patch("/users/me", json={"last_name": None}).json()
    assert after == user.account | names | {"last_name": None, "version": 3}
    assert user.get("/users/me").json() == after


def test_an_empty_change_changes_nothing(fresh_server: Server) -> None:
    user = fresh_server.sign_up(first_name="Анна")
    tag = user.get("/users/me").headers["etag"]
    fresh_server.clock.advance(minutes=1)
    for patch in ({}, {"first_name": "Анна"}, {"current_password": "whatever"}):
        response = user.patch("/users/me", json=patch)
        assert response.json() == user.account
        assert response.headers["etag"] == tag
    assert user.patch("/users/me", json={"first_name": "Ася"}).json()["updated_at"] == "2027-01-01T12:01:00Z"


@pytest.mark.parametrize("field", ["username", "email", "password", "locale", "timezone", "current_password"])
def test_null_for_what_cannot_be_cleared_is_422(user: User, field: str) -> None:
    (error,) = check_problem(user.patch("/users/me", json={field: None}), 422)["errors"]
    assert (error["field"], error["code"]) == (field, "wrong_type")


def test_a_new_password_needs_the_current_one(user: User) -> None:
    change = {"password": "another password", "first_name": "Анна"}
    for current, code in (({}, "required"), ({"current_password": "wrong"}, "wrong_password")):
        (error,) = check_problem(user.patch("/users/me", json=change | current), 422)["errors"]
        assert (error["field"], error["code"]) == ("current_password", code)
    assert user.get("/users/me").json() == user.account


def test_a_new_password_replaces_the_old_one(server: Server, user: User) -> None:
    change = {"password": "another password", "current_password": PASSWORD}
    response = user.patch("/users/me", json=change)
    assert response.status_code == 200
    assert "another password" not in response.text
    old = server.client.post("/login", json={"email": user.account["email"], "password": PASSWORD})
    check_problem(old, 401, "invalid_credentials")
    user.token = server.log_in(user.account["email"], "another password")
    assert user.get("/users/me").status_code == 200


def test_a_user_is_changed_and_deleted_only_in_the_version_named(user: User) -> None:
    tag = user.get("/users/me").headers["etag"]
    fresh = user.patch("/users/me", json={"first_name": "Анна"}, headers={"If-Match": tag}).headers["etag"]
    assert fresh != tag
    late = user.patch("/users/me", json={"first_name": "Ася"}, headers={"If-Match": tag})
    check_problem(late, 412, "version_mismatch")
    check_problem(user.delete("/users/me", headers={"If-Match": tag}), 412, "version_mismatch")
    assert user.get("/users/me").json()["first_name"] == "Анна"
    assert user.delete("/users/me", headers={"If-Match": fresh}).status_code == 200


def test_a_user_that_has_not_changed_is_304(server: Server, user: User) -> None:
    tag = user.get("/users/me").headers["etag"]
    response = user.get(f"/users/{user.id}", headers={"If-None-Match": tag})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)
    others = server.sign_up().get(f"/users/{user.id}", headers={"If-None-Match": tag})
    assert others.status_code == 200  # the representation without the e-mail has another tag


def test_a_deleted_account_frees_its_names(server: Server, user: User) -> None:
    assert user.delete(f"/users/{user.id}", headers={"Accept-Language": "en"}).json() == {"message": "User deleted"}
    again = {"username": user.account["username"], "email": user.account["email"]}
    assert sign_up(server, **again).status_code == 201
    check_problem(server.sign_up().get(f"/users/{user.id}"), 404, "user_not_found")
    check_problem(server.sign_up().patch(f"/users/{user.id}", json={}), 404, "user_not_found")


def test_a_deleted_account_takes_its_events_along(server: Server, user: User) -> None:
    guest = server.sign_up()
    event = user.create_event()
    guest.post(f"/events/{event['id']}/register")
    assert user.delete("/users/me").status_code == 200
    check_problem(guest.get(f"/events/{event['id']}"), 404, "event_not_found")
    assert guest.get("/users/me/events").json()["participated_events"] == []


def test_a_deleted_account_leaves_its_seat_to_the_first_in_line(server: Server, user: User) -> None:
    host = server.sign_up()
    left, event_id = (host.create_event(capacity=1)["id"] for _ in range(2))
    first, second, third = (server.sign_up() for _ in range(3))
    for guest in (user, first):
        guest.post(f"/events/{left}/register")
    assert user.delete(f"/events/{left}/register").status_code == 200  # this seat is already free
    for guest in (user, first, second, third):
        assert guest.post(f"/events/{event_id}/register").status_code == 201
    assert user.delete("/users/me").status_code == 200
    assert first.delete("/users/me").status_code == 200
    listed = third.get(f"/events/{event_id}/participants").json()["participants"]
    assert [(r["user_id"], r["status"], r["waitlist_position"]) for r in listed] == [
        (second.id, "registered", None),
        (third.id, "waitlisted", 1),
    ]
    event = third.get(f"/events/{event_id}").json()
    assert (event["registered_count"], event["waitlisted_count"]) == (1, 1)
    assert third.get(f"/events/{left}").json()["registered_count"] == 0


def test_a_deleted_account_in_the_line_moves_the_rest_up(server: Server, user: User) -> None:
    event_id = server.sign_up().create_event(capacity=1)["id"]
    last = server.sign_up()
    for guest in (server.sign_up(), user, last):
        assert guest.post(f"/events/{event_id}/register").status_code == 201
    assert user.delete("/users/me").status_code == 200
    again = last.post(f"/events/{event_id}/register").json()
    assert (again["status"], again["waitlist_position"]) == ("waitlisted", 1)
    assert last.get(f"/events/{event_id}").json()["waitlisted_count"] == 1


def test_ones_events_are_listed_by_start_time(server: Server, user: User) -> None:
    for year in (2040, 2038, 2039):
        user.create_event(title=str(year), start_time=f"{year}-01-01T00:00:00Z")
    other = server.sign_up()
    for year in (2031, 2030):
        event = other.create_event(title=str(year), start_time=f"{year}-01-01T00:00:00Z", capacity=1)
        if year == 2030:
            other.post(f"/events/{event['id']}/register")
        user.post(f"/events/{event['id']}/register")
    listed = user.get(f"/users/{user.id}/events").json()
    assert [event["title"] for event in listed["organized_events"]] == ["2038", "2039", "2040"]
    participated = [(event["title"], event["status"]) for event in listed["participated_events"]]
    assert participated == [("2030", "waitlisted"), ("2031", "registered")]


def test_closed_sign_up_is_403(tmp_path: Path) -> None:
    settings = Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", signup="closed")
    with running(settings) as server:
        check_problem(server.client.post("/users", json=ACCOUNT), 403, "signup_closed")
