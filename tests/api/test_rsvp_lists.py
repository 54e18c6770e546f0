"""The list of answers."""

from typing import Any

import pytest

from eventorg.testing import Bot, Server, User, check_problem
from tests.api.answers import given, make, withdrawn


def pages(user: User, url: str, limit: int, **query: str) -> list[dict[str, Any]]:
    """Returns the rows of all pages of the list."""
    seen: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": limit} | query
    while True:
        page = user.get(f"{url}/rsvps", params=params).json()
        assert len(page["rsvps"]) == limit or page["next"] is None
        seen += page["rsvps"]
        if page["next"] is None:
            return seen
        params["cursor"] = page["next"]


def test_the_list_shows_all_answers_in_order(server: Server, host: User) -> None:
    url = make(host, capacity=2, approval_required=True)
    answers = ["declined", "going", "maybe", "going", "maybe", "going"]
    people = [server.sign_up() for _ in answers]
    for user, answer in zip(people, answers, strict=True):
        given(user, url, answer)
    left = server.sign_up()
    given(left, url, "going")
    withdrawn(left, url)
    page = host.get(f"{url}/rsvps").json()
    assert list(page) == ["event_id", "rsvps", "next", "as_of"]
    assert (page["event_id"], page["next"]) == (url.removeprefix("/events/"), None)
    assert [each["answer"] for each in page["rsvps"]] == ["going"] * 3 + ["maybe"] * 2 + ["declined"]
    assert [each["user_id"] for each in page["rsvps"]][:3] == [people[n].id for n in (1, 3, 5)]
    assert {tuple(each) for each in page["rsvps"]} == {("user_id", "answer", "answered_at")}
    assert {each["user_id"]: each["answered_at"] for each in page["rsvps"]} == {
        user.id: user.get(f"{url}/rsvp").json()["answered_at"] for user in people
    }
    for limit in (1, 2, 3, 4, 5, 6):
        assert pages(host, url, limit=limit) == page["rsvps"]
    for answer in ("going", "maybe", "declined"):
        listed = [each for each in page["rsvps"] if each["answer"] == answer]
        assert pages(host, url, limit=1, answer=answer) == listed
    for query in ("answer=perhaps", "limit=0", "limit=1001", "cursor=x", "cursor=WyJhIiwiYiIsImMiXQ", "expand=x"):
        check_problem(host.get(f"{url}/rsvps?{query}"), 422, "validation_failed")


def test_the_list_has_names_if_asked_for(server: Server, host: User, guest: User) -> None:
    url = make(host)
    given(host, url, "going")
    given(guest, url, "maybe")
    named = host.get(f"{url}/rsvps?expand=user").json()["rsvps"]
    assert [each["user"]["username"] for each in named] == [user.account["username"] for user in (host, guest)]
    assert [{name: each[name] for name in ("user_id", "answer", "answered_at")} for each in named] == (
        host.get(f"{url}/rsvps").json()["rsvps"]
    )
    assert "telegram_id" in server.make_bot("act").get(f"{url}/rsvps?expand=user").json()["rsvps"][0]["user"]


@pytest.mark.parametrize(
    ("visibility", "stranger", "maybe", "participant", "bot"),
    [("everyone", 200, 200, 200, 200), ("participants", 403, 403, 200, 403), ("hosts", 403, 403, 403, 403)],
)
def test_names_travel_to_those_who_may_read_them(
    server: Server, host: User, guest: User, visibility: str, stranger: int, maybe: int, participant: int, bot: int
) -> None:
    url, undecided = make(host, participants_visibility=visibility), server.sign_up()
    given(guest, url, "going")
    given(undecided, url, "maybe")
    callers: dict[User | Bot, int] = {server.sign_up(): stranger, undecided: maybe, guest: participant}
    callers |= {host: 200, server.make_bot("deliver"): bot}
    for caller, status in callers.items():
        response = caller.get(f"{url}/rsvps")
        assert response.status_code == status
        if status == 403:
            check_problem(response, 403, "participants_hidden")
    assert undecided.get(f"{url}/rsvp").json()["counts"]["maybe"] == 1
