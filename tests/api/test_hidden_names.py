"""Who reads the names of participants: `participants_visibility`, callers, and all ways that names travel."""

import json
import queue
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal

import pytest

from eventorg.api.changes import _STREAM_PAGE as STREAM_PAGE
from eventorg.repositories import changes as changes_module
from eventorg.settings import Settings
from eventorg.testing import Server, User, check_problem, running

Visibility = Literal["everyone", "participants", "hosts"]
LEVELS: Final[dict[Visibility, int]] = {"everyone": 0, "participants": 1, "hosts": 2}

# What each caller reaches: 0 reads names that everyone may read, 1 those that participants may read, 2 those of hosts.
CALLERS = {
    "organizer": 2,
    "cohost": 2,
    "registered": 1,
    "waiting": 1,
    "pending": 1,
    "attended": 1,
    "maybe": 0,
    "declined": 0,
    "left": 0,
    "removed": 0,
    "stranger": 0,
    "bot": 0,
}


class Party:
    """An event with a caller of each kind, and a person whose name they read."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.callers: dict[str, User] = {name: server.sign_up() for name in CALLERS if name != "bot"}
        self.callers["bot"] = server.make_bot("act", "deliver")
        self.host = self.callers["organizer"]
        self.after = self.host.get("/changes?after=latest").json()["next"]
        self.url = f"/events/{self.host.create_event(capacity=3)['id']}"
        self.named = server.sign_up(first_name="Ксенофонт")
        self.act("named", "register")
        for name in ("left", "registered", "attended", "waiting", "removed"):
            self.act(name, "register")
        self.callers["left"].delete(f"{self.url}/register")
        self.host.post(f"{self.url}/hosts", json={"user_id": self.callers["cohost"].id})
        self.host.patch(f"{self.url}/participants/{self.callers['attended'].id}", json={"status": "attended"})
        self.host.delete(f"{self.url}/participants/{self.callers['removed'].id}")
        self.host.patch(self.url, json={"approval_required": True})
        self.act("pending", "register")
        code = self.host.post(f"{self.url}/invitations").json()["code"]
        for answer in ("maybe", "declined"):
            response = self.callers[answer].post(f"/invitations/{code}/accept", json={"answer": answer})
            assert response.status_code == 200
        statuses = {name: self.own(name).get("status") for name in CALLERS if name != "bot"}
        assert statuses == {
            "organizer": None,
            "cohost": None,
            "registered": "registered",
            "waiting": "waitlisted",
            "pending": "waitlisted",
            "attended": "attended",
            "maybe": None,
            "declined": None,
            "left": "cancelled",
            "removed": "cancelled",
            "stranger": None,
        }

    def act(self, name: str, what: str) -> None:
        user = self.named if name == "named" else self.callers[name]
        assert user.post(f"{self.url}/{what}").status_code == 201

    def own(self, name: str) -> dict[str, Any]:
        """Returns the caller's own registration, or a problem."""
        answer: dict[str, Any] = self.callers[name].get(f"{self.url}/participants/me").json()
        return answer if "event_id" in answer else {}

    def hide(self, visibility: Visibility) -> None:
        assert self.host.patch(self.url, json={"participants_visibility": visibility}).status_code == 200


@pytest.fixture(scope="module")
def party(server: Server) -> Party:
    return Party(server)


@pytest.fixture(scope="module")
def told_party(server: Server) -> Party:
    """A party whose changes are read from its beginning: other tests add none."""
    return Party(server)


def reads_list(party: Party, caller: User) -> bool:
    answer = caller.get(f"{party.url}/participants")
    return is_allowed(answer, party.named.id)


def reads_page(party: Party, caller: User) -> bool:
    return is_allowed(caller.get(f"{party.url}/participants?status=registered&limit=1"), party.named.id)


def reads_registration(party: Party, caller: User) -> bool:
    return is_allowed(caller.get(f"{party.url}/participants/{party.named.id}"), party.named.id)


def is_allowed(answer: Any, wanted: str) -> bool:
    if answer.status_code == 200:
        assert wanted in answer.text
        return True
    check_problem(answer, 403, "participants_hidden")
    assert wanted not in answer.text
    return False


def reads_expanded(party: Party, caller: User) -> bool:
    return is_allowed(caller.get(f"{party.url}/participants?expand=user"), "Ксенофонт")


WAYS = {"list": reads_list, "page": reads_page, "registration": reads_registration, "expanded": reads_expanded}


@pytest.mark.parametrize("visibility", LEVELS)
@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("way", WAYS)
def test_names_are_read_by_those_who_may(party: Party, way: str, name: str, visibility: Visibility) -> None:
    party.hide(visibility)
    caller = party.callers[name]
    if name == "bot" and way == "registration":
        caller = caller.acting_for(party.callers["stranger"].id)
    assert WAYS[way](party, caller) is (CALLERS[name] >= LEVELS[visibility])


@pytest.mark.parametrize("visibility", LEVELS)
def test_counts_hosts_and_ones_own_registration_are_never_hidden(party: Party, visibility: Visibility) -> None:
    party.hide(visibility)
    for name, caller in party.callers.items():
        event = caller.get(party.url).json()
        shown = [event[f"{count}_count"] for count in ("registered", "waitlisted", "pending", "maybe", "declined")]
        assert shown == [3, 1, 1, 1, 1]
        if name != "bot":
            assert party.callers["cohost"].id in caller.get(f"{party.url}/hosts").text
    for name in ("registered", "waiting", "pending", "attended", "left", "removed"):
        caller = party.callers[name]
        for own in ("me", caller.id):
            assert caller.get(f"{party.url}/participants/{own}").json()["user_id"] == caller.id


def test_a_hidden_name_is_told_apart_from_nobody_by_hosts_only(party: Party) -> None:
    party.hide("hosts")
    nobody = party.callers["stranger"].id
    for viewer in ("stranger", "registered"):
        answers = [party.callers[viewer].get(f"{party.url}/participants/{one}") for one in (nobody, party.named.id)]
        if viewer == "stranger":
            answers = answers[1:]
        for answer in answers:
            check_problem(answer, 403, "participants_hidden")
    check_problem(party.host.get(f"{party.url}/participants/{nobody}"), 404, "registration_not_found")


@pytest.mark.parametrize("visibility", LEVELS)
def test_the_card_has_only_names_that_everyone_may_read(party: Party, visibility: Visibility) -> None:
    party.hide(visibility)
    for caller in party.callers.values():
        card = caller.get(f"{party.url}/card?names=1&locale=en").json()
        assert card["counts"]["registered"] == 2
        if visibility == "everyone":
            assert (card["names"], card["more"]) == (["Ксенофонт"], 2)
            assert "Ксенофонт" in card["text"]
        else:
            assert (card["names"], card["more"]) == ([], 0)
            assert "Ксенофонт" not in card["text"]
            assert "more" not in card["text"]


def by_pages(user: User, after: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = user.get("/changes", params={"after": after, "limit": 2}).json()
        found += page["changes"]
        if len(page["changes"]) < 2:
            return found
        after = page["next"]


def by_page(user: User, after: int) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = user.get("/changes", params={"after": after, "limit": 1000}).json()["changes"]
    return changes


def by_stream(user: User, after: int) -> list[dict[str, Any]]:
    """Returns the events that a stream sends before its first pause."""
    found: list[dict[str, Any]] = []
    headers = user.headers | {"Accept": "text/event-stream"}
    with user.client.stream("GET", f"/changes?after={after}", headers=headers) as stream:
        for piece in stream.iter_raw():
            lines = [line for line in piece.decode().splitlines() if line.startswith("data: ")]
            found += [json.loads(line.removeprefix("data: ")) for line in lines]
            if len(lines) < STREAM_PAGE:
                break
    return found


READERS: dict[str, Callable[[User, int], list[dict[str, Any]]]] = {
    "one page": by_page,
    "pages of two": by_pages,
    "a stream": by_stream,
}


@pytest.fixture(params=["new", "old"])
def age(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lets new changes be found from the changes, and old ones from the user's events."""
    if request.param == "old":
        monkeypatch.setattr(changes_module, "MAX_LOOKED_UP", -1)
        monkeypatch.setattr(changes_module, "SURPLUS", 1)
    return str(request.param)


@pytest.mark.usefixtures("age")
@pytest.mark.parametrize("visibility", LEVELS)
@pytest.mark.parametrize("reader", READERS)
def test_the_feed_names_others_only_to_those_who_may_read_names(
    server: Server, told_party: Party, visibility: Visibility, reader: str
) -> None:
    told_party.hide(visibility)
    everything = by_page(server.make_bot("changes"), told_party.after)
    told = [change for change in everything if change["event_id"] == told_party.url.removeprefix("/events/")]
    assert {change["type"] for change in told} == {
        *("event.created", "event.updated", "registration.created", "registration.promoted", "registration.attended"),
        *("registration.cancelled", "rsvp.updated"),
    }
    for name, level in CALLERS.items():
        caller = told_party.callers[name]
        if name == "bot":
            continue
        is_concerned = name not in ("declined", "left", "removed", "stranger")
        may = is_concerned and level >= LEVELS[visibility]
        expected = [
            change
            for change in told
            if may
            or change["user_id"] == caller.id
            or (is_concerned and not change["type"].startswith(("registration.", "rsvp.")))
        ]
        assert READERS[reader](caller, told_party.after) == expected, name
        assert may or len(expected) < len(told)


def test_the_feed_tells_of_answers_only_to_those_who_may_read_names(server: Server) -> None:
    host, guest, other = (server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event(participants_visibility='hosts')['id']}"
    guest.post(f"{url}/register")
    code = host.post(f"{url}/invitations").json()["code"]
    after = host.get("/changes?after=latest").json()["next"]
    other.post(f"/invitations/{code}/accept", json={"answer": "maybe"})
    assert [change["type"] for change in by_page(host, after)] == ["rsvp.updated"]
    assert [change["type"] for change in by_page(other, after)] == ["rsvp.updated"]
    assert by_page(guest, after) == []
    page = guest.get("/changes", params={"after": after}).json()
    assert page["next"] == host.get("/changes?after=latest").json()["next"]


def test_the_rights_are_those_at_the_time_of_telling(server: Server) -> None:
    host, guest, other = (server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event()['id']}"
    for user in (guest, other):
        user.post(f"{url}/register")

    def names() -> list[str]:
        return [change["user_id"] for change in by_page(guest, 0) if change["type"] == "registration.created"]

    assert names() == [guest.id, other.id]
    host.patch(url, json={"participants_visibility": "hosts"})
    assert names() == [guest.id]
    host.patch(url, json={"participants_visibility": "participants"})
    assert names() == [guest.id, other.id]
    guest.delete(f"{url}/register")
    assert names() == [guest.id]


@pytest.mark.usefixtures("age")
def test_a_deleted_event_names_others_to_those_who_could_read_names_until_then(server: Server) -> None:
    host, guest, other = (server.sign_up() for _ in range(3))
    for visibility, reads in (("participants", True), ("hosts", False)):
        url = f"/events/{host.create_event(participants_visibility=visibility)['id']}"
        after = host.get("/changes?after=latest").json()["next"]
        for user in (guest, other):
            user.post(f"{url}/register")
        host.delete(url)
        assert [change["type"] for change in by_page(host, after)] == ["registration.created"] * 2 + ["event.deleted"]
        kinds = [change["type"] for change in by_page(guest, after)]
        assert kinds == ["registration.created"] * (2 if reads else 1) + ["event.deleted"]


def test_a_hidden_change_ends_no_wait(fresh_server: Server, waits: "queue.Queue[float]") -> None:
    host, guest, other = (fresh_server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event(participants_visibility='hosts')['id']}"
    guest.post(f"{url}/register")
    after = host.get("/changes?after=latest").json()["next"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: guest.get("/changes", params={"after": after, "timeout": 30}).json())
        waits.get(timeout=10)
        other.post(f"{url}/register")
        waits.get(timeout=10)  # it looked, found nothing, and waits again
        host.patch(url, json={"title": "Another"})
        assert [change["type"] for change in waiting.result(timeout=10)["changes"]] == ["event.updated"]


def test_an_export_does_not_name_who_moved_up(server: Server) -> None:
    host, guest, waiting = (server.sign_up() for _ in range(3))
    url = f"/events/{host.create_event(capacity=1)['id']}"
    for user in (guest, waiting):
        user.post(f"{url}/register")
    guest.delete(f"{url}/register")

    def promotion(user: User) -> dict[str, Any]:
        changes = user.get("/users/me/export").json()["changes"]
        (found,) = (change for change in changes if change["type"] == "registration.promoted")
        change: dict[str, Any] = found
        return change

    assert promotion(guest)["user_id"] == promotion(waiting)["user_id"] == waiting.id
    host.patch(url, json={"participants_visibility": "participants"})
    assert promotion(guest)["user_id"] is None
    assert promotion(guest)["data"] == promotion(waiting)["data"]
    assert promotion(waiting)["user_id"] == waiting.id
    guest.post(f"{url}/register")
    assert promotion(guest)["user_id"] == waiting.id
    host.delete(url)
    assert promotion(guest)["user_id"] == waiting.id


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with every plugin."""
    path = tmp_path_factory.mktemp("whole") / "eventorg.db"
    with running(Settings(plugins="calendar_export,webhooks", database=str(path), log_level="error")) as server:
        yield server


@pytest.mark.parametrize("visibility", LEVELS)
def test_calendars_name_nobody(whole: Server, visibility: Visibility) -> None:
    host, guest, named = whole.sign_up(), whole.sign_up(), whole.sign_up(first_name="Ксенофонт")
    url = f"/events/{host.create_event(participants_visibility=visibility)['id']}"
    for user in (guest, named):
        user.post(f"{url}/register")
    feed = guest.post("/users/me/calendar").json()["url"]
    for text in (guest.get(f"{url}/event.ics").text, whole.client.get(feed).text):
        assert "BEGIN:VEVENT" in text
        assert all(secret not in text for secret in (named.id, "Ксенофонт", named.account["username"]))


def test_webhooks_belong_to_hosts_who_read_all_names(whole: Server) -> None:
    host, guest = whole.sign_up(), whole.sign_up()
    url = f"/events/{host.create_event(participants_visibility='hosts')['id']}"
    guest.post(f"{url}/register")
    check_problem(guest.post(f"{url}/webhooks", json={"url": "https://example.com/"}), 403, "forbidden")
