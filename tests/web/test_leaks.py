"""Hidden resources do not leak: every answer about one equals the answer about one that never existed."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest

from eventorg.settings import load
from eventorg.testing import Bot, Server, User, running
from tests import telegram

WORDS = {"title": "Квинтэссенция", "description": "Quintessenz", "location": "Чердак 4711"}
UNLIKE = ("date", "x-request-id")
"""Headers that differ between any two answers."""

Callers = dict[str, User | None]


class Hidden:
    """An event that is hidden from strangers, with its registrations, reminders and webhooks."""

    def __init__(self, server: Server, **fields: str) -> None:
        self.host, self.guest, bot = server.sign_up(), server.sign_up(), server.make_bot("act")
        self.telegram_id = telegram.new_id()
        telegram.link(bot, self.telegram_id, self.guest)
        self.event = self.host.create_event(capacity=1, **WORDS)
        self.url = f"/events/{self.event['id']}"
        if fields.get("status") != "draft":
            assert self.guest.post(f"{self.url}/register").status_code == 201
        assert self.host.patch(self.url, json=fields).status_code == 200
        self.tag = self.host.get(self.url).headers["etag"]

    @property
    def traces(self) -> list[str]:
        """Returns the texts that no answer to others may contain."""
        emails = [user.account["email"] for user in (self.host, self.guest)]
        return [self.event["id"], self.event["code"], *WORDS.values(), *emails, str(self.telegram_id)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins."""
    database = str(tmp_path_factory.mktemp("leaks") / "eventorg.db")
    with running(load({"EVENTORG_DATABASE": database, "EVENTORG_LOG_LEVEL": "error"})) as server:
        yield server


@pytest.fixture(scope="module")
def callers(served: Server) -> Callers:
    """Callers: no token, a user, and a bot that acts for a user."""
    bot: Bot = served.make_bot("act", "deliver")
    return {"nobody": None, "a stranger": served.sign_up(), "a bot": bot.acting_for(served.sign_up().id)}


@pytest.fixture(scope="module", params=["private", "draft"])
def hidden(request: pytest.FixtureRequest, served: Server) -> Hidden:
    return Hidden(served, **({"status": "draft"} if request.param == "draft" else {"visibility": "private"}))


BODIES: dict[str, Any] = {
    "PATCH /events/{event_id}": {"title": "mine"},
    "POST /events/{event_id}/copy": {"start_time": "2101-01-01T10:00:00Z"},
    "POST /events/{event_id}/postpone": {"start_time": "2101-01-01T10:00:00Z"},
    "POST /events/{event_id}/hosts": {"user_id": str(uuid4())},
    "POST /events/{event_id}/participants": {"user_id": str(uuid4())},
    "PUT /events/{event_id}/rsvp": {"answer": "going"},
    "PATCH /events/{event_id}/rsvp": {"guests_delta": 1},
    "PATCH /events/{event_id}/register": {"guests": 1},
    "PATCH /events/{event_id}/participants/{user_id}": {"status": "attended"},
    "POST /events/{event_id}/broadcasts": {"text": "mine"},
    "PUT /events/{event_id}/answers": {"answers": {}},
    "PUT /events/{event_id}/questions": [],
    "PUT /events/{event_id}/placements": {"chat_id": "1", "message_id": "1"},
    "PUT /events/{event_id}/reminders": [{"before": "PT1H"}],
    "POST /events/{event_id}/webhooks": {"url": "http://192.0.2.1/"},
}


SELDOM = (("code", "nobody"), ("id", "a stranger"), ("code", "a bot"))
"""Names and callers that are asked with each operation in the long form only. The quick one has each of both."""


def ask(
    server: Server, caller: User | None, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Returns status, headers and body of an answer, without the parts that always differ."""
    request = server.client.build_request(
        method, path, json=body, headers=(caller.headers if caller else {}) | headers, timeout=30
    )
    answer = server.client.send(request)
    told = {name: value for name, value in answer.headers.items() if name not in UNLIKE}
    return answer.status_code, told, answer.content


def operations(server: Server) -> list[tuple[str, str]]:
    """Returns every method and path about an event, including those of plugins."""
    paths = server.client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, item in paths.items() if "{event_id}" in path for method in item]


@pytest.mark.parametrize(
    ("name", "who"),
    [
        *(("id", "nobody"), ("code", "a stranger"), ("id", "a bot")),
        *(pytest.param(*more, marks=pytest.mark.slow) for more in SELDOM),
    ],
)
def test_a_hidden_event_is_answered_as_one_that_never_was(
    served: Server, callers: Callers, hidden: Hidden, name: str, who: str
) -> None:
    found = operations(served)
    assert len(found) > 20
    never = {"id": str(uuid4()), "code": "111111111"}[name]
    for method, template in found:
        if template == "/events/{event_id}/webhooks" and method == "POST" and who != "nobody":
            continue  # see the test below: the event must be checked before the URL
        rest = {"user_id": hidden.guest.id} | {
            name: str(uuid4()) for name in ("webhook_id", "delivery_id", "invitation_id", "broadcast_id")
        }
        paths = [template.format(event_id=event_id, **rest) for event_id in (hidden.event[name], never)]
        for headers in ({}, {"If-Match": hidden.tag}, {"If-Match": '"0"'}, {"If-None-Match": hidden.tag}):
            answers = [
                ask(served, callers[who], method, path, BODIES.get(f"{method} {template}"), **headers) for path in paths
            ]
            assert answers[0] == answers[1], f"{method} {template}"
            is_for_bots = template.endswith("/placements") and who == "a stranger"  # refused before the event is read
            assert answers[0][0] in ((403,) if is_for_bots else (401, 404)), f"{method} {template}"


def test_a_url_is_not_looked_at_before_the_event(served: Server, callers: Callers, hidden: Hidden) -> None:
    body = {"url": "http://localhost/"}
    for event_id in (hidden.event["id"], str(uuid4())):
        assert ask(served, callers["a stranger"], "POST", f"/events/{event_id}/webhooks", body)[0] == 404


@pytest.mark.parametrize("who", ["nobody", "a stranger", "a bot"])
def test_no_list_search_feed_or_user_tells_of_it(served: Server, callers: Callers, hidden: Hidden, who: str) -> None:
    host, guest = hidden.host.id, hidden.guest.id
    for path in (
        "/events",
        "/events?limit=1",
        "/events?status=draft",
        f"/events?organizer_id={host}",
        f"/events?organizer_id={guest}",
        *(f"/events?q={word}" for word in WORDS.values()),
        f"/events?q={WORDS['title'][:6].lower()}&organizer_id={host}&status=published",
        "/events?from=2099-12-31T00:00:00Z&to=2100-01-02T00:00:00Z",
        "/changes?after=0&limit=1000",
        f"/users/{host}",
        f"/users/{guest}",
        f"/users/{host}/events",
        "/users/me/export",
        "/users/me/events",
    ):
        _, headers, body = ask(served, callers[who], "GET", path)
        text = f"{headers}{body.decode()}"
        assert [trace for trace in hidden.traces if trace in text] == [], path


def test_what_a_stranger_searches_has_no_pages_of_hidden_events(
    served: Server, callers: Callers, hidden: Hidden
) -> None:
    """An empty page with a `next` would show that something was left out."""
    for query in (f"organizer_id={hidden.host.id}&limit=1", f"q={WORDS['title']}&limit=1"):
        _, _, body = ask(served, callers["a stranger"], "GET", f"/events?{query}")
        assert msgspec.json.decode(body) | {"as_of": 0} == {"events": [], "next": None, "as_of": 0}


def test_whether_a_telegram_account_is_known_is_told_to_bots_alone(
    served: Server, callers: Callers, hidden: Hidden
) -> None:
    for method, rest in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/link")):
        answers = [
            ask(served, callers["a stranger"], method, f"/identities/telegram/{number}{rest}", {})
            for number in (hidden.telegram_id, telegram.new_id())
        ]
        assert answers[0] == answers[1], method


def test_a_refusal_tells_nothing_of_somebody_elses_account(served: Server, callers: Callers, hidden: Hidden) -> None:
    """The existence of a user is public; its version and its email address are not."""
    account, version = hidden.host.account, hidden.host.get("/users/me").headers["etag"]
    emails = ({"email": account["email"]}, {"email": "nobody@example.com"}, {"password": "x" * 8})
    for method, rest, bodies in (("PATCH", "", emails), ("DELETE", "", (None,)), ("GET", "/events", (None,))):
        answers = [
            ask(served, callers["a stranger"], method, f"/users/{account['id']}{rest}", body, **headers)
            for body in bodies
            for headers in ({}, {"If-Match": version}, {"If-Match": '"9-self"'}, {"If-None-Match": version})
        ]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][0] == 403


def test_what_others_see_of_a_guest_bears_no_email(served: Server, callers: Callers) -> None:
    """Uses a public event, which everyone may see."""
    shown = Hidden(served, visibility="public", title="Open", description="to all", location="Here")
    emails = [trace for trace in shown.traces if "@" in trace or trace == str(shown.telegram_id)]
    for rest in ("", "/participants", "/hosts", "/card?names=100", f"/participants/{shown.guest.id}", "/event.ics"):
        status, headers, body = ask(served, callers["a stranger"], "GET", shown.url + rest)
        assert status == 200
        text = re.sub(r"\r\n ", "", f"{headers}{body.decode()}")
        assert [email for email in emails if email in text] == [], rest


def test_a_conflict_tells_no_more_than_that_it_is_one(served: Server, callers: Callers, hidden: Hidden) -> None:
    account = {"username": "somebody-new", "email": hidden.host.account["email"].upper(), "password": "correct horse"}
    status, _, body = ask(served, None, "POST", "/users", account)
    assert status == 409
    assert all(trace not in body.decode() for trace in [*hidden.traces, hidden.host.id])


def test_a_secret_address_is_answered_as_one_that_never_was(served: Server, hidden: Hidden) -> None:
    def feed(url: str) -> httpx.Response:
        return served.client.get(url, headers={"If-None-Match": "*"})

    ended = hidden.host.post("/users/me/calendar").json()["url"]
    assert feed(ended).status_code == 304
    hidden.host.delete("/users/me/calendar")
    never = re.sub("/calendar/.+/", "/calendar/never/", ended)
    answers = [(one.status_code, one.content) for one in (feed(ended), feed(never))]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_its_host_finds_all_of_it(served: Server, hidden: Hidden) -> None:
    """A control: the texts searched for above do appear for the host and the guest."""
    found = hidden.host.get(f"/events?organizer_id={hidden.host.id}&status={hidden.event['status']}").text
    found += hidden.host.get(hidden.url).text + hidden.host.get("/users/me").text + hidden.guest.get("/users/me").text
    assert all(trace in found for trace in hidden.traces[:-1])
