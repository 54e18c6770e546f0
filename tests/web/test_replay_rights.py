"""A replay shows its caller only what the caller may still see."""

from collections.abc import Callable

import pytest

from eventorg.testing import Server, User, check_problem
from tests.telegram import Person
from tests.telegram import link as link_account
from tests.web.keyed import EVENT, Request, ask, is_replayed, named


def private_event(server: Server) -> tuple[User, User, str]:
    """Returns the organizer of a private event, its co-host and its URL."""
    organizer, host = server.sign_up(), server.sign_up()
    url = f"/events/{organizer.create_event(visibility='private')['id']}"
    assert organizer.post(f"{url}/hosts", json={"user_id": host.id}).status_code == 201
    return organizer, host, url


def end_role(organizer: User, host: User, url: str) -> None:
    assert organizer.delete(f"{url}/hosts/{host.id}").status_code == 200


def lost_event(server: Server, path: str, body: object) -> tuple[Request, Callable[[], object]]:
    """The request of a co-host at a private event, before the role ends."""
    organizer, host, url = private_event(server)
    guest = server.sign_up()
    organizer.patch(url, json={"visibility": "public"})
    guest.post(f"{url}/register")
    organizer.patch(url, json={"visibility": "private"})
    return (host, url + path.format(guest=guest.id), body), lambda: end_role(organizer, host, url)


def lost_creation(server: Server) -> tuple[Request, Callable[[], object]]:
    """An event that its creator deletes."""
    user = server.sign_up()

    def lose() -> None:
        (event,) = user.get(f"/events?organizer_id={user.id}").json()["events"]
        assert user.delete(f"/events/{event['id']}").status_code == 200

    return (user, "/events", EVENT), lose


def lost_registration(server: Server) -> tuple[Request, Callable[[], object]]:
    """A registration that a host ends before the event becomes private."""
    host, guest = server.sign_up(), server.sign_up()
    url = f"/events/{host.create_event()['id']}"

    def lose() -> None:
        assert host.delete(f"{url}/participants/{guest.id}").status_code == 200
        assert host.patch(url, json={"visibility": "private"}).status_code == 200

    return (guest, f"{url}/register", None), lose


def lost_host(server: Server) -> tuple[Request, Callable[[], object]]:
    """A co-host of an event that the organizer deletes."""
    organizer, friend = server.sign_up(), server.sign_up()
    url = f"/events/{organizer.create_event()['id']}"

    def lose() -> None:
        assert organizer.delete(url).status_code == 200

    return (organizer, f"{url}/hosts", {"user_id": friend.id}), lose


def lost_name(server: Server) -> tuple[Request, Callable[[], object]]:
    """The code of a co-host at a private event for somebody who was added by name, before the role ends."""
    organizer, host, url = private_event(server)
    added = organizer.post(f"{url}/participants", json={"first_name": "Boris"}).json()
    request: Request = (host, f"{url}/participants/{added['user_id']}/link-codes", None)
    return request, lambda: end_role(organizer, host, url)


def lost_claim(server: Server) -> tuple[Request, Callable[[], object]]:
    """A place that its owner takes over, at an event that is deleted."""
    organizer, url, _ = named(server)
    code = organizer.post(url).json()["code"]

    def lose() -> None:
        assert organizer.delete(url.partition("/participants")[0]).status_code == 200

    return (server.sign_up(), "/users/me/claims", {"code": code}), lose


def lost_account(server: Server) -> tuple[Request, Callable[[], object]]:
    """The user of a Telegram account, who becomes another user when the account is linked."""
    bot, user = server.make_bot("act"), server.sign_up()
    person = Person(server, bot)
    request: Request = (person.bot, f"/users/{person.id}", {"first_name": "Anna"})
    return request, lambda: link_account(bot, person.telegram_id, user)


def lost_link(server: Server) -> tuple[Request, Callable[[], object]]:
    """A Telegram account that its user unlinks: the bot may no longer read the user's email address."""
    bot, user = server.make_bot("act"), server.sign_up()
    telegram_id = Person(server, bot).telegram_id
    code = user.post("/users/me/link-codes").json()["code"]

    def lose() -> None:
        assert user.delete(f"/identities/telegram/{telegram_id}").status_code == 200

    return (bot, f"/identities/telegram/{telegram_id}/link", {"code": code}), lose


LOST: dict[str, tuple[str, Callable[[Server], tuple[Request, Callable[[], object]]], int, str]] = {
    "create event": ("POST", lost_creation, 404, "event_not_found"),
    "update event": ("PATCH", lambda server: lost_event(server, "", {"title": "New"}), 404, "event_not_found"),
    "cancel event": ("POST", lambda server: lost_event(server, "/cancel", None), 404, "event_not_found"),
    "check in": (
        "PATCH",
        lambda server: lost_event(server, "/participants/{guest}", {"status": "attended"}),
        404,
        "event_not_found",
    ),
    "add host": ("POST", lost_host, 404, "event_not_found"),
    "add participant": (
        "POST",
        lambda server: lost_event(server, "/participants", {"first_name": "Boris"}),
        404,
        "event_not_found",
    ),
    "create participant code": ("POST", lost_name, 404, "event_not_found"),
    "claim place": ("POST", lost_claim, 404, "event_not_found"),
    "register": ("POST", lost_registration, 404, "event_not_found"),
    "update user": ("PATCH", lost_account, 404, "user_not_found"),
    "link identity": ("POST", lost_link, 404, "identity_not_found"),
}


@pytest.mark.parametrize("case", LOST)
def test_a_replay_shows_nothing_that_its_caller_may_no_longer_see(server: Server, case: str) -> None:
    method, scene, status, code = LOST[case]
    request, lose = scene(server)
    assert ask(request, method, "key").is_success
    assert is_replayed(ask(request, method, "key"))
    lose()
    refused = ask(request, method, "key")
    check_problem(refused, status, code)
    assert not is_replayed(refused)


def test_a_replay_of_a_former_co_host_is_403_where_the_event_is_public(server: Server) -> None:
    organizer, host, url = private_event(server)
    assert organizer.patch(url, json={"visibility": "public"}).status_code == 200
    request: Request = (host, url, {"title": "New"})
    assert ask(request, "PATCH", "key").status_code == 200
    end_role(organizer, host, url)
    check_problem(ask(request, "PATCH", "key"), 403)
