"""`POST …/participants`: hosts add users and people without an account, who are told, claim their place, or go."""

from typing import Any

import pytest

from eventorg.testing import Bot, Server, User, check_problem
from tests.telegram import Person, new_id


@pytest.fixture
def host(server: Server) -> User:
    return server.sign_up(first_name="Ольга", last_name="Ким")


def make(host: User, **fields: Any) -> str:
    return f"/events/{host.create_event(**fields)['id']}"


def add(host: User, url: str, **fields: Any) -> Any:
    return host.post(f"{url}/participants", json=fields)


def added(host: User, url: str, **fields: Any) -> dict[str, Any]:
    answer = add(host, url, **fields)
    assert answer.status_code == 201, answer.text
    registration: dict[str, Any] = answer.json()
    return registration


def code_of(host: User, url: str, user_id: str) -> str:
    answer = host.post(f"{url}/participants/{user_id}/link-codes")
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return str(answer.json()["code"])


def counts(host: User, url: str) -> tuple[int, int, int]:
    event = host.get(url).json()
    return event["registered_count"], event["waitlisted_count"], event["pending_count"]


def test_a_host_adds_a_user_beyond_the_rules(fresh_server: Server) -> None:
    host, user = fresh_server.sign_up(), fresh_server.sign_up()
    closed = {"registration_closes_at": "2027-01-01T12:00:00Z", "approval_required": True, "max_guests": 0}
    url = make(host, visibility="private", **closed)
    host.put(f"/users/me/blocks/{user.id}")
    answer = add(host, url, user_id=user.id, guests=20, guest_names=["B"])
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["user_id"], made["status"], made["approved"], made["guests"]) == (user.id, "registered", True, 20)
    assert user.get(f"{url}/participants/me").headers["etag"] == answer.headers["etag"]
    again = add(host, url, user_id=user.id, guests=1)
    assert (again.status_code, again.json()) == (200, made)
    assert counts(host, url) == (21, 0, 0)
    (change,) = [each for each in user.get("/changes").json()["changes"] if each["type"] == "registration.created"]
    assert change["data"] == {"status": "registered", "previous_status": None, "guests": 20, "by": "host"}


def test_a_full_event_has_a_waiting_list_or_refuses(server: Server, host: User) -> None:
    url = make(host, capacity=1)
    added(host, url, user_id=host.id)
    made = added(host, url, user_id=server.sign_up().id)
    assert (made["status"], made["waitlist_position"]) == ("waitlisted", 1)
    host.patch(url, json={"waitlist": False})
    check_problem(add(host, url, user_id=server.sign_up().id), 409, "event_full")
    check_problem(add(host, url, first_name="Boris"), 409, "event_full")
    assert counts(host, url) == (1, 1, 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_id"),
        ({"user_id": "{id}", "first_name": "B"}, "user_id"),
        ({"user_id": "{id}", "last_name": "B"}, "user_id"),
        ({"last_name": "B"}, "first_name"),
        ({"first_name": "B", "guests": 21}, "guests"),
        ({"user_id": "{id}", "guests": 21}, "guests"),
        ({"first_name": "B", "guests": 1, "guest_names": ["a", "b"]}, "guest_names"),
        ({"first_name": " "}, "first_name"),
        ({"user_id": "me"}, "user_id"),
    ],
)
def test_a_body_names_a_user_or_a_person(server: Server, host: User, body: dict[str, Any], field: str) -> None:
    url = make(host)
    sent = {name: value.format(id=host.id) if name == "user_id" else value for name, value in body.items()}
    problem = check_problem(add(host, url, **sent), 422, "validation_failed")
    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert counts(host, url) == (0, 0, 0)


def test_nobody_is_added_to_an_event_that_is_not_open(fresh_server: Server) -> None:
    host, user = fresh_server.sign_up(), fresh_server.sign_up()
    times = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
    url = make(host, **times, status="draft")
    check_problem(add(host, url, user_id=user.id), 409, "event_not_open")
    host.patch(url, json={"status": "cancelled"})
    check_problem(add(host, url, user_id=user.id), 409, "event_cancelled")
    host.patch(url, json={"status": "published"})
    fresh_server.clock.advance(hours=2)
    check_problem(add(host, url, first_name="Boris"), 409, "event_over")
    check_problem(add(host, url, user_id="5a2e7c4d-91b3-4f0e-8c6d-2b7f4a1e9d30"), 404, "user_not_found")


def test_adding_somebody_pending_approves(server: Server, host: User) -> None:
    url = make(host, capacity=1, approval_required=True)
    first, second = server.sign_up(), server.sign_up()
    for user in (first, second):
        user.post(f"{url}/register")
    answer = add(host, url, user_id=first.id, guests=3)
    assert (answer.status_code, answer.json()["status"], answer.json()["guests"]) == (200, "registered", 0)
    answer = add(host, url, user_id=second.id)
    assert (answer.status_code, answer.json()["waitlist_position"]) == (200, 1)
    assert counts(host, url) == (1, 1, 0)


def test_who_was_removed_or_left_is_added_again(server: Server, host: User) -> None:
    url, user = make(host), server.sign_up()
    for leaver, path in ((host, f"{url}/participants/{user.id}"), (user, f"{url}/register")):
        added(host, url, user_id=user.id)
        assert leaver.delete(path).status_code == 200
    assert added(host, url, user_id=user.id)["status"] == "registered"


def test_a_co_host_who_adds_somebody_has_acted(server: Server, host: User) -> None:
    url, heir = make(host), server.sign_up()
    host.post(f"{url}/hosts", json={"user_id": heir.id})
    added(heir, url, first_name="Boris")
    assert host.delete("/users/me").status_code == 200
    assert heir.get(url).json()["organizer_id"] == heir.id


def notices(deliverer: Bot, person: Person) -> list[dict[str, Any]]:
    leased = deliverer.post("/deliveries/lease", json={"limit": 100, "resume": True}).json()["deliveries"]
    return [each for each in leased if each["user_id"] == person.id]


def test_the_person_is_told_who_added_them(server: Server, host: User) -> None:
    bot, deliverer = server.make_bot("act"), server.make_bot("deliver")
    url = make(host, capacity=1, title="Пикник", location="Парк", timezone="Europe/Moscow")
    person, late = Person(server, bot), Person(server, bot)
    bot.put(f"/identities/telegram/{late.telegram_id}", json={"locale": "en", "timezone": "Asia/Tokyo"})
    made = added(host, url, user_id=person.id)
    added(host, url, user_id=late.id)
    (told,) = notices(deliverer, person)
    assert told["kind"] == "added"
    event_id = url.rpartition("/")[2]
    assert told["dedupe_key"] == f"eventorg:added:{event_id}:{person.id}:{made['registration_date']}"
    assert told["event_id"] == event_id
    assert told["text"] == (
        "👋 Вас записали: Пикник\nпт, 1 января 2100, 13:00 (Europe/Moscow)\nПарк\nКто записал: Ольга Ким"
    )
    (waiting,) = notices(deliverer, late)
    assert waiting["text"] == (
        "⏳ You have been added to the waiting list: Пикник\nFri, 1 January 2100, 19:00 (Asia/Tokyo)\nПарк\n"
        "Added by Ольга Ким"
    )
    add(host, url, user_id=person.id)
    assert notices(deliverer, person) == [told]


def test_a_message_is_withdrawn_and_nobody_tells_themselves(server: Server) -> None:
    bot, deliverer = server.make_bot("act"), server.make_bot("deliver")
    host, person = Person(server, bot), Person(server, bot)
    url = f"/events/{host.bot.create_event()['id']}"
    added(host.bot, url, user_id=host.id)
    added(host.bot, url, user_id=person.id)
    assert host.bot.delete(f"{url}/participants/{person.id}").status_code == 200
    assert notices(deliverer, person) == notices(deliverer, host) == []


def test_a_name_becomes_a_user_who_exists_only_there(server: Server, host: User) -> None:
    bot = server.make_bot("act")
    url, other = make(host, approval_required=True), make(host)
    before = host.get("/users/me").json()
    assert before["name_only"] is False
    made = added(host, url, first_name="Борис", last_name="Чен", guests=1)
    assert (made["status"], made["approved"], made["guests"]) == ("registered", True, 1)
    user_id = made["user_id"]
    shown = host.get(f"/users/{user_id}").json()
    assert (shown["first_name"], shown["last_name"], shown["username"], shown["name_only"]) == (
        "Борис", "Чен", None, True
    )  # fmt: skip
    assert host.get(f"{url}/card?locale=ru").json()["names"] == ["Борис Чен"]
    check_problem(bot.acting_for(user_id).get("/users/me"), 404, "user_not_found")
    check_problem(host.post(f"{url}/hosts", json={"user_id": user_id}), 404, "user_not_found")
    check_problem(add(host, other, user_id=user_id), 404, "user_not_found")
    again = add(host, url, user_id=user_id)
    assert (again.status_code, again.json()) == (200, made)
    assert added(host, url, first_name="Борис", last_name="Чен")["user_id"] != user_id


def test_removing_a_name_deletes_it(server: Server, host: User) -> None:
    reader = server.make_bot("changes")
    url, waiting = make(host, capacity=1), server.sign_up()
    user_id = added(host, url, first_name="Boris")["user_id"]
    waiting.post(f"{url}/register")
    since = reader.get("/changes?after=latest").json()["next"]
    removed = host.delete(f"{url}/participants/{user_id}?block=true")
    assert (removed.status_code, removed.json()["status"]) == (200, "cancelled")
    changes = reader.get(f"/changes?after={since}").json()["changes"]
    assert [(each["type"], each["user_id"]) for each in changes] == [
        ("registration.cancelled", user_id),
        ("registration.promoted", waiting.id),
        ("user.deleted", user_id),
    ]
    check_problem(host.get(f"/users/{user_id}"), 404, "user_not_found")
    check_problem(host.get(f"{url}/participants/{user_id}"), 404, "registration_not_found")
    assert host.get("/users/me/blocks").json()["blocks"] == []
    assert waiting.get(f"{url}/participants/me").json()["status"] == "registered"


@pytest.mark.parametrize("whole_account", [False, True])
def test_names_go_with_their_event(server: Server, host: User, *, whole_account: bool) -> None:
    url, witness = make(host), server.sign_up()
    names = [added(host, url, first_name=f"Name {number}")["user_id"] for number in range(3)]
    assert host.delete("/users/me" if whole_account else url).status_code == 200
    for user_id in names:
        check_problem(witness.get(f"/users/{user_id}"), 404, "user_not_found")


def test_an_event_has_a_limit_of_names(server: Server, host: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.repositories.guest_lists.MAX_BY_NAME", 2)
    url, user = make(host), server.sign_up()
    first, _ = (added(host, url, first_name="B")["user_id"] for _ in range(2))
    check_problem(add(host, url, first_name="B"), 409, "too_many_people_by_name")
    added(host, url, user_id=user.id)
    host.delete(f"{url}/participants/{first}")
    added(host, url, first_name="B")
    assert counts(host, url) == (3, 0, 0)


def test_a_person_takes_the_place_over(server: Server, host: User) -> None:
    reader = server.make_bot("changes")
    url, user = make(host, visibility="private", capacity=5), server.sign_up()
    named = added(host, url, first_name="Boris", guests=2, guest_names=["A"])
    host.patch(f"{url}/participants/{named['user_id']}", json={"status": "attended"})
    code = code_of(host, url, named["user_id"])
    since = reader.get("/changes?after=latest").json()["next"]
    claimed = user.post("/users/me/claims", json={"code": code})
    assert claimed.status_code == 200, claimed.text
    assert claimed.json() == named | {"user_id": user.id, "status": "attended"}
    assert user.get(f"{url}/participants/me").headers["etag"] == claimed.headers["etag"]
    check_problem(host.get(f"/users/{named['user_id']}"), 404, "user_not_found")
    assert counts(host, url) == (3, 0, 0)
    changes = reader.get(f"/changes?after={since}").json()["changes"]
    assert [(each["type"], each["user_id"]) for each in changes] == [
        ("registration.cancelled", named["user_id"]),
        ("registration.created", user.id),
        ("registration.attended", user.id),
        ("user.deleted", named["user_id"]),
    ]
    check_problem(user.post("/users/me/claims", json={"code": code}), 404, "link_code_not_found")


def test_the_better_status_and_its_party_stay(server: Server, host: User) -> None:
    url = make(host, capacity=3, max_guests=5)
    user, waiting = server.sign_up(), server.sign_up()
    named = added(host, url, first_name="Boris", guests=2)
    user.post(f"{url}/register", json={"guests": 1})
    waiting.post(f"{url}/register")
    claimed = user.post("/users/me/claims", json={"code": code_of(host, url, named["user_id"])}).json()
    assert (claimed["status"], claimed["guests"]) == ("registered", 2)
    assert counts(host, url) == (3, 1, 0)
    seated = added(host, make(host), first_name="Vera", guests=4)
    other = f"/events/{seated['event_id']}"
    user.post(f"{other}/register")
    host.patch(f"{other}/participants/{user.id}", json={"status": "attended"})
    kept = user.post("/users/me/claims", json={"code": code_of(host, other, seated["user_id"])}).json()
    assert (kept["status"], kept["guests"]) == ("attended", 0)
    assert counts(host, other) == (1, 0, 0)


def test_a_code_is_for_one_use_of_its_kind(fresh_server: Server) -> None:
    host, user, bot = fresh_server.sign_up(), fresh_server.sign_up(), fresh_server.make_bot("act")
    url = make(host)
    named = added(host, url, first_name="Boris")["user_id"]
    own = user.post("/users/me/link-codes").json()["code"]
    old, code = code_of(host, url, named), code_of(host, url, named)
    link = f"/identities/telegram/{new_id()}/link"
    check_problem(bot.post(link, json={"code": code}), 404, "link_code_not_found")
    for wrong in (own, old, "nonsense"):
        check_problem(user.post("/users/me/claims", json={"code": wrong}), 404, "link_code_not_found")
    fresh_server.clock.advance(minutes=15)
    check_problem(user.post("/users/me/claims", json={"code": code}), 404, "link_code_not_found")
    fresh = code_of(host, url, named)
    fresh_server.clock.advance(minutes=14, seconds=59)
    assert user.post("/users/me/claims", json={"code": fresh}).status_code == 200
    own = user.post("/users/me/link-codes").json()["code"]
    assert bot.post(link, json={"code": own}).status_code == 200


def test_a_code_is_only_for_a_name(server: Server, host: User) -> None:
    url, user = make(host), server.sign_up()
    check_problem(host.post(f"{url}/participants/{user.id}/link-codes"), 404, "registration_not_found")
    user.post(f"{url}/register")
    check_problem(host.post(f"{url}/participants/{user.id}/link-codes"), 409, "has_account")


def test_a_code_ends_with_its_name(server: Server, host: User) -> None:
    url = make(host)
    named = added(host, url, first_name="Boris")["user_id"]
    code = code_of(host, url, named)
    host.delete(f"{url}/participants/{named}")
    check_problem(server.sign_up().post("/users/me/claims", json={"code": code}), 404, "link_code_not_found")
