"""The paged list of a user's events: roles, filters, order, pages, and who may read it."""

import itertools
from typing import Any

import pytest

from eventorg.testing import Server, User, check_problem


def event_at(host: User, year: int, **fields: Any) -> str:
    """Creates an event in a year and returns its ID."""
    times = {"start_time": f"{year}-01-01T00:00:00Z", "end_time": f"{year}-01-02T00:00:00Z"}
    return str(host.create_event(title=str(year), **times, **fields)["id"])


class Life:
    """A user with one event of each kind, and the rows that the list has of them, by start time."""

    def __init__(self, server: Server) -> None:
        self.user, self.other = server.sign_up(), server.sign_up()
        user, other = self.user, self.other
        self.organized = event_at(user, 2050)
        self.cohosted = event_at(other, 2049)
        self.attends = event_at(other, 2048)
        self.waits = event_at(other, 2047, capacity=1)
        self.both = event_at(user, 2046, status="published")
        self.cohost_attends = event_at(other, 2045)
        self.cancelled = event_at(other, 2044)
        self.draft = event_at(user, 2043, status="draft")
        self.private = event_at(other, 2042)
        left, removed = event_at(other, 2041), event_at(other, 2040)
        for event_id in (self.cohosted, self.cohost_attends):
            assert other.post(f"/events/{event_id}/hosts", json={"user_id": user.id}).status_code == 201
        assert other.post(f"/events/{self.waits}/register").status_code == 201
        for event_id in (self.attends, self.waits, self.both, self.cohost_attends, self.cancelled, self.private, left,
                         removed):  # fmt: skip
            assert user.post(f"/events/{event_id}/register").status_code == 201
        assert other.patch(f"/events/{self.attends}/participants/{user.id}", json={"status": "attended"}).is_success
        assert other.post(f"/events/{self.cancelled}/cancel").is_success
        assert other.patch(f"/events/{self.private}", json={"visibility": "private"}).is_success
        assert user.delete(f"/events/{left}/register").is_success
        assert other.delete(f"/events/{removed}/participants/{user.id}").is_success

    def rows(self) -> list[tuple[str, str, str | None, str]]:
        return [
            (self.private, "participant", "registered", "published"),
            (self.draft, "organizer", None, "draft"),
            (self.cancelled, "participant", "registered", "cancelled"),
            (self.cohost_attends, "host", "registered", "published"),
            (self.both, "organizer", "registered", "published"),
            (self.waits, "participant", "waitlisted", "published"),
            (self.attends, "participant", "attended", "published"),
            (self.cohosted, "host", None, "published"),
            (self.organized, "organizer", None, "published"),
        ]


@pytest.fixture(scope="module")
def life(server: Server) -> Life:
    return Life(server)


def listed(user: User, **query: Any) -> list[tuple[str, str, str | None, str]]:
    """Returns the rows of all pages."""
    found = []
    while True:
        page = user.get("/users/me/events", params=query).json()
        assert list(page) == ["events", "next", "as_of"]
        found += [(row["id"], row["role"], row["status"], row["event_status"]) for row in page["events"]]
        if page["next"] is None:
            return found
        assert len(page["events"]) == query.get("limit", 100)
        query["cursor"] = page["next"]


def test_each_event_is_listed_once_with_role_and_status(life: Life) -> None:
    assert listed(life.user, limit=100) == life.rows()
    row = life.user.get(f"/users/{life.user.id}/events?limit=100").json()["events"][-1]
    event = life.user.get(f"/events/{life.organized}").json()
    seed = {name: event[name] for name in ("id", "code", "title", "start_time")}
    assert row == seed | {"role": "organizer", "status": None, "event_status": "published"}
    assert list(row) == [*seed, "role", "status", "event_status"]


def test_pages_follow_each_other(life: Life) -> None:
    for limit in (1, 2, 4, 8, 9, 1000):
        assert listed(life.user, limit=limit) == life.rows()
        assert listed(life.user, limit=limit, role="participant") == [
            row for row in life.rows() if row[1] == "participant"
        ]


@pytest.mark.parametrize("role", ["organizer", "host", "participant"])
def test_a_role_filters(life: Life, role: str) -> None:
    assert listed(life.user, role=role) == [row for row in life.rows() if row[1] == role]


def test_times_filter(life: Life) -> None:
    years = {life_id: 2042 + place for place, (life_id, *_) in enumerate(life.rows())}
    for start, end in itertools.product((None, 2041, 2042, 2044, 2050, 2051), repeat=2):
        query = {"from": start, "to": end}
        times = {name: f"{year}-01-01T00:00:00Z" for name, year in query.items() if year}
        expected = [row for row in life.rows() if (start or 0) <= years[row[0]] < (end or 9999)]
        if times:
            assert listed(life.user, **times) == expected, query
            assert listed(life.user, **times, limit=2) == expected, query
    assert listed(life.user, **{"from": "2050-01-01T03:00:00+03:00"}) == life.rows()[-1:]
    page = life.user.get("/users/me/events?from=2050-01-01T03:00:00+03:00").json()  # the plus arrives as a space
    assert [row["id"] for row in page["events"]] == [life.organized]


def test_without_parameters_the_two_lists_stay(life: Life) -> None:
    for query in ("", "?"):
        two = life.user.get(f"/users/me/events{query}").json()
        assert list(two) == ["organized_events", "participated_events", "as_of"]
        assert [list(row) for row in two["organized_events"]] == [["id", "code", "title", "start_time"]] * 5
        assert [row["id"] for row in two["participated_events"]] == [
            event_id for event_id, _, status, _ in life.rows() if status
        ]


def test_a_hundred_are_a_page_unless_told_otherwise(server: Server) -> None:
    user = server.sign_up()
    ids = [user.create_event()["id"] for _ in range(101)]  # all at the same time: by ID
    page = user.get("/users/me/events?role=organizer").json()
    assert [row["id"] for row in page["events"]] == sorted(ids)[:100]
    rest = user.get("/users/me/events", params={"cursor": page["next"]}).json()
    assert [row["id"] for row in rest["events"]] == sorted(ids)[100:]
    assert rest["next"] is None


def test_a_walk_sees_each_untouched_event_once_while_others_change(server: Server) -> None:
    user = server.sign_up()
    ids = [event_at(user, year) for year in range(2060, 2066)]
    page = user.get("/users/me/events?limit=3").json()
    user.delete(f"/events/{ids[1]}")
    user.delete(f"/events/{ids[4]}")
    event_at(user, 2059)
    last = event_at(user, 2070)
    assert [row[0] for row in listed(user, cursor=page["next"])] == [ids[3], ids[5], last]


@pytest.mark.parametrize(
    "query",
    ["role=guest", "role=", "role=null", "role=host&role=host", "limit=0", "limit=1001", "limit=1e1", "from=",
     "from=2050-01-01T00:00:00", "to=tomorrow", "cursor=", "cursor=x", "cursor=W10", "cursor=bnVsbA", "offset=1",
     "status=registered"],
)  # fmt: skip
def test_what_is_malformed_is_refused(life: Life, query: str) -> None:
    problem = check_problem(life.user.get(f"/users/me/events?{query}"), 422)
    assert [fault["field"] for fault in problem["errors"]] == [query.partition("=")[0]]


def test_only_the_user_reads_it(server: Server, life: Life) -> None:
    url = f"/users/{life.user.id}/events?limit=1"
    check_problem(server.client.get(url), 401)
    check_problem(life.other.get(url), 403, "forbidden")
    check_problem(life.user.get("/users/00000000-0000-4000-8000-000000000000/events?limit=1"), 404, "user_not_found")
    bot = server.make_bot("act")
    check_problem(bot.get(url), 403, "act_as_missing")
    check_problem(bot.acting_for(life.other.id).get(url), 403, "forbidden")
    assert bot.acting_for(life.user.id).get(url).json()["events"][0]["id"] == life.private


def test_an_event_that_ends_with_its_organizer_is_not_listed(server: Server) -> None:
    guest, host = server.sign_up(), server.sign_up()
    event_id = event_at(host, 2055)
    guest.post(f"/events/{event_id}/register")
    assert [row[0] for row in listed(guest, limit=1)] == [event_id]
    assert host.delete("/users/me").is_success
    assert listed(guest, limit=1) == []
