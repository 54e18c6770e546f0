"""Records of requests with an `Idempotency-Key`: which answers are stored, under which keys, and for how long."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eventorg.domain.errors import TooMany, Unavailable
from eventorg.repositories.events import EventRepository
from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running
from tests.telegram import Person, link
from tests.web.keyed import EVENT, Request, ask, is_replayed


def test_409_is_not_kept(server: Server) -> None:
    host, first, second = (server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event(capacity=1, waitlist=False)['id']}"
    first.post(f"{url}/register")
    request: Request = (second, f"{url}/register", None)
    check_problem(ask(request, "POST", "key"), 409, "event_full")
    first.delete(f"{url}/register")
    done = ask(request, "POST", "key")
    assert (done.status_code, is_replayed(done)) == (201, False)


@pytest.mark.parametrize(
    ("error", "status"), [(TooMany(retry_after=1), 429), (RuntimeError("a defect"), 500), (Unavailable("busy"), 503)]
)
def test_429_and_5xx_are_not_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    request: Request = (server.sign_up(), "/events", EVENT)

    async def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(EventRepository, "create", fail)
        check_problem(ask(request, "POST", "key"), status)
    done = ask(request, "POST", "key")
    assert (done.status_code, is_replayed(done)) == (201, False)


def test_401_is_not_kept(server: Server) -> None:
    user = server.sign_up()
    stranger = User(user.client, user.account, "nonsense")
    check_problem(ask((stranger, "/events", EVENT), "POST", "key"), 401)
    done = ask((user, "/events", EVENT), "POST", "key")
    assert (done.status_code, is_replayed(done)) == (201, False)


def check_kept(request: Request, method: str, status: int, mend: Callable[[], object], **headers: str) -> None:
    """Checks that the first answer comes again, byte for byte, even if the request would now succeed."""
    first = ask(request, method, "key", **headers)
    check_problem(first, status)
    mend()
    again = ask(request, method, "key")
    assert (again.content, is_replayed(again)) == (first.content, True)
    check_problem(again, status)
    assert ask(request, method, "another").is_success == (status != 422)


def test_403_404_412_and_422_are_kept(server: Server) -> None:
    host, user = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event()['id']}"
    become_host = {"user_id": user.id}
    check_kept((user, url, {"title": "New"}), "PATCH", 403, lambda: host.post(f"{url}/hosts", json=become_host))
    hidden, guest = f"/events/{host.create_event(visibility='private')['id']}", server.sign_up()
    publish = {"visibility": "public"}
    check_kept((guest, f"{hidden}/register", None), "POST", 404, lambda: host.patch(hidden, json=publish))
    check_kept((host, url, {"title": "Newer"}), "PATCH", 412, lambda: None, **{"If-Match": '"99"'})
    check_kept((server.sign_up(), "/events", EVENT | {"title": ""}), "POST", 422, lambda: None)


@pytest.mark.parametrize("key", ["", "x" * 256, "ключ", "é", "a\tb"])
def test_a_key_out_of_form_is_422(server: Server, key: str) -> None:
    user = server.sign_up()
    headers: Any = {b"Idempotency-Key": key.encode(), b"Authorization": f"Bearer {user.token}".encode()}
    problem = check_problem(user.client.post("/events", json=EVENT, headers=headers), 422, "validation_failed")
    assert problem["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["x", "x" * 255, '!~ "quoted" {}'])
def test_a_key_in_form_is_taken(server: Server, key: str) -> None:
    request: Request = (server.sign_up(), "/events", EVENT)
    assert [is_replayed(ask(request, "POST", key)) for _ in range(2)] == [False, True]


def test_a_key_lives_a_day(tmp_path: Path) -> None:
    with running(
        Settings(plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", token_hours=100)
    ) as server:
        request: Request = (server.sign_up(), "/events", EVENT)
        first = ask(request, "POST", "key")
        server.clock.advance(hours=24)
        assert ask(request, "POST", "key").json() == first.json()
        server.clock.advance(seconds=1)
        anew = ask(request, "POST", "key")
        assert (anew.status_code, is_replayed(anew)) == (201, False)
        assert anew.json()["id"] != first.json()["id"]
        assert ask(request, "POST", "key").json() == anew.json()


@pytest.mark.parametrize("language", ["ru", "en"])
def test_a_refusal_is_answered_again_with_its_headers(server: Server, language: str) -> None:
    own = ("date", "x-request-id", "idempotency-replayed")
    user = server.sign_up()
    requests: list[Request] = [
        (user, "/events", {}),
        (user, "/events/nothing/register", None),
        (user, "/events", {**EVENT, "organizer_id": server.sign_up().id}),
    ]
    for number, request in enumerate(requests):
        key = f"refused-{number}"
        first = ask(request, "POST", key, **{"Accept-Language": language})
        again = ask(request, "POST", key, **{"Accept-Language": "en" if language == "ru" else "ru"})
        assert (is_replayed(first), is_replayed(again), again.content) == (False, True, first.content)
        kept, answered = ({k: v for k, v in one.headers.items() if k not in own} for one in (first, again))
        assert kept == answered
        assert kept["content-language"] == language


def test_a_key_goes_on_when_its_user_is_merged(server: Server) -> None:
    bot, user, host = server.make_bot("act"), server.sign_up(), server.sign_up()
    person, url = Person(server, bot), f"/events/{host.create_event()['id']}/register"
    tap: Request = (person.bot, url, {})
    first = ask(tap, "POST", "tap")
    ask((person.bot, "/events", {}), "POST", "mistake")
    own = ask((bot.acting_for(user.id), "/events", EVENT), "POST", "of both")
    ask((person.bot, "/events", EVENT | {"title": "Other"}), "POST", "of both")
    link(bot, person.telegram_id, user)
    again = ask(tap, "POST", "tap")
    assert (again.status_code, again.content, is_replayed(again)) == (201, first.content, True)
    refused = ask((person.bot, "/events", {}), "POST", "mistake")
    assert (refused.status_code, is_replayed(refused)) == (422, True)
    kept = ask((person.bot, "/events", EVENT), "POST", "of both")
    assert (kept.content, is_replayed(kept)) == (own.content, True)
