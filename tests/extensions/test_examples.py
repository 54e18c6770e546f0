"""The examples of `plugins/README.md`: each runs, and together they use everything in the interface."""

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from eventorg import plugin as interface
from eventorg.plugin import Context, FactType, Gate, Job, Plugin
from eventorg.settings import Settings
from eventorg.testing import Bot, Server, User, check_problem, running
from tests import telegram
from tests.extensions.tutorial import BLOCKS, TEXT, write_files

DEPRECATED = {"Happened", "Plugin.choose"}
"""Old names. A plugin of 0.1.0 that has them runs in `test_documented`."""
SOON = {"start_time": "2027-01-01T14:00:00Z", "end_time": "2027-01-01T16:00:00Z"}
Serve = Callable[..., Server]


def _members(kind: Any) -> set[str]:
    names = kind.__struct_fields__ if hasattr(kind, "__struct_fields__") else {*kind.__annotations__, *vars(kind)}
    return {f"{kind.__name__}.{name}" for name in names if not name.startswith("_")}


def _used(source: str) -> Iterator[str]:
    """Yields the exports that a module imports and mentions, and the fields and functions that it uses."""
    tree = ast.parse(source)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "eventorg.plugin"
        for alias in node.names
    }
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) if name in imported:
                yield name
            case ast.Attribute(value=ast.Name(id="context" | "plugin"), attr=name):
                yield f"Context.{name}"
            case ast.Call(func=ast.Name(id=name), keywords=keywords) if name in imported:
                yield from (f"{name}.{keyword.arg}" for keyword in keywords)


def used_in(captions: set[str]) -> set[str]:
    sources: dict[str, str] = {}
    for block in BLOCKS:
        if block.caption.endswith(".py") and block.caption.partition("/")[0] in captions:
            sources[block.caption] = sources.get(block.caption, "") + block.text
    return {name for source in sources.values() for name in _used(source)}


def test_everything_in_the_interface_has_an_example() -> None:
    offered = {*interface.__all__}.union(*map(_members, (Plugin, Context, Job, Gate, FactType)))
    assert offered - used_in({block.caption.partition("/")[0] for block in BLOCKS}) == DEPRECATED


def test_a_name_that_is_only_imported_is_no_example() -> None:
    source = (
        "from eventorg.plugin import Gate, Job, Plugin\nplugin = Plugin(gates=[Gate()])\ncontext.read(1)\nx.write(1)"
    )
    assert set(_used(source)) == {"Plugin", "Gate", "Plugin.gates", "Context.read"}


@pytest.mark.parametrize("member", sorted(_members(Context)))
def test_every_member_of_the_context_is_listed(member: str) -> None:
    (row,) = [line for line in TEXT.splitlines() if line.startswith("| `Context` |")]
    assert f"`{member.removeprefix('Context.')}`" in row


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server with one of the examples."""
    with ExitStack() as stack:

        def start(name: str, **others: str) -> Server:
            write_files(tmp_path, name)
            plugin = name.removesuffix(".py")
            settings = Settings(
                database=str(tmp_path / "eventorg.db"),
                plugins=plugin,
                plugins_dir=str(tmp_path),
                log_level="error",
                others={f"{plugin}_{key}": value for key, value in others.items()},
            )
            return stack.enter_context(running(settings))

        yield start


def told(server: Server, bot: Bot) -> Callable[[], list[str]]:
    """Returns a function that leases what there is to tell."""
    return lambda: [each["text"] for each in bot.post("/deliveries/lease", json={}).json()["deliveries"]]


def test_an_event_is_repeated(serve: Serve) -> None:
    server = serve("weekly.py")
    anna, boris = server.sign_up(), server.sign_up()
    event = anna.create_event(**SOON)
    url = f"/events/{event['id']}/next-week"
    check_problem(boris.post(url), 403)
    made = [anna.post(url, headers={"Idempotency-Key": "1"}) for _ in range(2)]
    copies = [each.json() for each in made]
    assert copies[0] == copies[1]
    assert [each.headers["location"] for each in made] == [f"/events/{copies[0]['id']}"] * 2
    assert (copies[0]["title"], copies[0]["start_time"]) == (event["title"], "2027-01-08T14:00:00Z")
    assert copies[0]["end_time"] == "2027-01-08T16:00:00Z"
    anna.delete(f"/events/{copies[0]['id']}")
    check_problem(anna.post(url, headers={"Idempotency-Key": "1"}), 404)


def test_an_event_is_merged_into_another_one(serve: Serve) -> None:
    server = serve("merge")
    anna, boris = server.sign_up(), server.sign_up()
    event, other = anna.create_event()["id"], anna.create_event()["id"]
    boris.post(f"/events/{event}/register")
    anna.post(f"/events/{event}/participants", json={"first_name": "Clara"})
    check_problem(boris.post(f"/events/{event}/merge/{other}"), 403)
    assert anna.post(f"/events/{event}/merge/{other}").json() == {"moved": 2}
    check_problem(anna.get(f"/events/{event}"), 404)
    people = anna.get(f"/events/{other}/participants?expand=user").json()["participants"]
    assert [person["user"]["first_name"] for person in people] == [None, "Clara"]


def test_fridays_are_created(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(Settings(database=str(tmp_path / "eventorg.db"), plugins="none", log_level="error")) as before:
        anna = before.sign_up(locale="en")
    server = serve("friday", organizer_id=anna.id)

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = server.client.get("/events").json()["events"]
        return found

    (event,) = server.wait_for(events)
    assert (event["title"], event["organizer_id"]) == ("Friday tea", anna.id)
    assert event["start_time"] == "2027-01-08T15:00:00Z", "the clock begins on a Friday"
    server.clock.advance(days=7)
    server.wait_for(lambda: len(events()) == 2)
    module = sys.modules["eventorg_plugins.friday"]
    runs: list[object] = []
    find = module.next_friday

    def find_and_note(*given: object) -> object:
        runs.append(given)
        return find(*given)

    monkeypatch.setattr(module, "next_friday", find_and_note)
    for number in (1, 2):  # the second one begins after the end of the first
        server.clock.advance(hours=1)
        server.wait_for(lambda number=number: len(runs) >= number)  # type: ignore[misc]
    assert len(events()) == 2
    for _ in range(2):  # by the clock of this machine
        server.run("fridays", "create")
    assert len(events()) == 3


def test_an_event_is_moved(serve: Serve) -> None:
    server = serve("postpone.py")
    anna, boris = server.sign_up(), server.sign_up()
    event = anna.create_event(**SOON)
    url, later = f"/events/{event['id']}/start", {"start_time": "2027-01-01T13:30:00-02:00"}
    check_problem(boris.put(url, json=later), 403)
    tag = anna.get(f"/events/{event['id']}").headers["ETag"]
    boris.post(f"/events/{event['id']}/register")
    moved = anna.put(url, json=later, headers={"If-Match": tag})
    assert moved.json() == {"start_time": "2027-01-01T15:30:00Z", "end_time": "2027-01-01T17:30:00Z"}
    check_problem(anna.put(url, json=later, headers={"If-Match": tag}), 412)


def test_an_event_is_tentative_in_a_calendar(serve: Serve) -> None:
    server = serve("entry.py")
    anna, boris = server.sign_up(), server.sign_up()
    event = anna.create_event(title="Tea, and cake", visibility="private")
    url = f"/events/{event['id']}/tentative.ics"
    check_problem(boris.get(url), 404)
    lines = anna.get(url).text.split("\r\n")
    assert {"SUMMARY:Tea\\, and cake", "STATUS:TENTATIVE", f"UID:{event['id']}@eventorg"} <= {*lines}


def test_who_waited_is_told(serve: Serve) -> None:
    server = serve("promoted.py")
    host, bot = server.sign_up(), server.make_bot("act", "deliver")
    anna, boris = (telegram.Person(server, bot, locale="en") for _ in range(2))
    url = f"/events/{host.create_event(title='Tea', capacity=1)['id']}"
    assert anna.bot.post(f"{url}/register").status_code == 201
    assert boris.bot.post(f"{url}/register").json()["status"] == "waitlisted"
    anna.bot.delete(f"{url}/register")
    assert server.wait_for(told(server, bot)) == ["You have a seat: Tea"]
    assert anna.bot.post(f"{url}/register").json()["status"] == "waitlisted"
    boris.bot.delete(f"{url}/register")  # anna has a seat now, and leaves before she is told
    anna.bot.delete(f"{url}/register")
    server.wait_for(lambda: "backlog: 0" in server.run("plugins"))
    assert told(server, bot)() == []


def test_who_is_away_comes_to_nothing(serve: Serve) -> None:
    server = serve("away")
    host, anna, boris = server.sign_up(), server.sign_up(), server.sign_up()
    full, open_, later = (host.create_event(**SOON, capacity=1) for _ in range(3))
    boris.post(f"/events/{full['id']}/register")
    for event in (full, open_, later):
        anna.post(f"/events/{event['id']}/register")
    host.patch(
        f"/events/{later['id']}", json={"start_time": "2027-01-10T10:00:00Z", "end_time": "2027-01-10T12:00:00Z"}
    )
    days = {"start_time": "2027-01-01T00:00:00Z", "end_time": "2027-01-02T00:00:00Z"}
    check_problem(boris.post(f"/away/{anna.id}", json=days), 403)
    backwards = check_problem(
        anna.post(f"/away/{anna.id}", json={"start_time": "2027-01-02T00:00:00Z", "end_time": "2027-01-01T00:00:00Z"}),
        422,
    )
    assert [fault["code"] for fault in backwards["errors"]] == ["backwards"]
    assert anna.post(f"/away/{anna.id}", json=days).json() == {"cancelled": [full["id"], open_["id"]], "kept": []}
    assert host.get(f"/events/{open_['id']}").json()["declined_count"] == 1
    assert anna.get(f"/events/{later['id']}").json()["role"] == "participant"
    anna.post(f"/events/{open_['id']}/register")
    server.clock.advance(hours=5)
    assert anna.post(f"/away/{anna.id}", json=days).json() == {"cancelled": [], "kept": [open_["id"]]}


@contextmanager
def shop(answers: dict[str, int]) -> Iterator[tuple[str, list[str]]]:
    """A shop that answers with a status for each voucher, and the vouchers that it was asked about."""
    asked: list[str] = []

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = self.path.rpartition("/")[2]
            asked.append(code)
            self.send_response(answers.get(code, 404))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    with HTTPServer(("127.0.0.1", 0), Shop) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_voucher_admits_one_person(serve: Serve) -> None:
    with shop({"AB12CD34": 200, "OLD00000": 410, "BUSY0000": 429}) as (url, asked):
        server = serve("vouchers", shop=url)
        host, anna, boris = server.sign_up(), server.sign_up(), server.sign_up()
        event = f"/events/{host.create_event()['id']}"
        problem = check_problem(anna.post(f"{event}/register", headers={"Accept-Language": "en"}), 409)
        assert (problem["code"], problem["detail"]) == ("vouchers_missing", "Enter a voucher first.")
        check_problem(host.post(f"{event}/participants", json={"user_id": anna.id}), 409, "vouchers_missing")
        for code, status in {"nothing!": 422, "UNKNOWN0": 404, "OLD00000": 410, "BUSY0000": 429}.items():
            check_problem(anna.post(f"{event}/vouchers", json={"code": code}), status)
        del asked[:]
        for _ in range(2):
            entered = anna.post(f"{event}/vouchers", json={"code": "ab12 cd34"}, headers={"Idempotency-Key": "1"})
            assert entered.status_code == 204, entered.text
        assert asked == ["AB12CD34"]
        check_problem(boris.post(f"{event}/vouchers", json={"code": "AB12CD34"}), 409, "voucher_used")
        assert anna.post(f"{event}/register").status_code == 201
    check_problem(boris.post(f"{event}/vouchers", json={"code": "AB12CD34"}), 503)


def test_people_give_feedback(serve: Serve) -> None:
    server = serve("feedback")
    host, bot = server.sign_up(), server.make_bot("act", "deliver")
    anna, boris = (telegram.Person(server, bot, locale="en") for _ in range(2))
    event = f"/events/{host.create_event(title='Tea', **SOON)['id']}"
    for person in (anna, boris):
        person.bot.post(f"{event}/register")
    check_problem(anna.bot.put(f"{event}/rating", json={"stars": 5}), 403, "not_attended")
    server.clock.advance(hours=5)
    for status in ("attended", "registered"):
        host.patch(f"{event}/participants/{boris.id}", json={"status": status})
    host.patch(f"{event}/participants/{anna.id}", json={"status": "attended"})
    assert server.wait_for(told(server, bot)) == ["How was Tea? Give it 1 to 5 stars."]
    check_problem(anna.bot.get(f"{event}/rating"), 404, "rating_not_found")
    before = host.get(f"{event}/card?locale=en").json()
    first = anna.bot.put(f"{event}/rating", json={"stars": 5}, headers={"If-None-Match": "*"})
    assert (first.status_code, first.json()) == (200, {"stars": 5})
    check_problem(anna.bot.put(f"{event}/rating", json={"stars": 4}, headers={"If-None-Match": "*"}), 412)
    check_problem(anna.bot.put(f"{event}/rating", json={"stars": 6}), 422)
    assert anna.bot.get(f"{event}/rating", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    after = host.get(f"{event}/card?locale=en").json()
    assert after["text"] == f"{before['text']}\n\nRating: 5.0"
    assert after["card_etag"] != before["card_etag"]
    check_listed(host, anna, event)
    server.client.headers["Accept-Language"] = "en"
    other = server.sign_up()
    linked = telegram.link(bot, anna.telegram_id, other)
    assert other.get(f"{event}/rating").json() == {"stars": 5}
    assert linked["id"] == other.id


def check_listed(host: User, anna: telegram.Person, event: str) -> None:
    page = host.get(f"{event}/ratings?limit=1").json()
    assert page["ratings"] == [{"user_id": anna.id, "stars": 5}]
    assert page["next"] is None
    assert page["as_of"] > 0
    table = host.get(f"{event}/ratings", headers={"Accept": "text/csv"})
    assert table.text == f"user_id,stars\r\n{anna.id},5\r\n"
    check_problem(anna.bot.get(f"{event}/ratings"), 403)
    exported = anna.bot.get("/users/me/export").json()["plugins"]["feedback"]
    assert exported == [{"event_id": event.removeprefix("/events/"), "stars": 5}]


def test_a_screen_shows_the_card(serve: Serve) -> None:
    server = serve("screen.py")
    anna, boris = server.sign_up(), server.sign_up()
    event = anna.create_event(title="Tea")
    url = f"/events/{event['id']}/screen"
    shown = server.client.get(f"{url}?brightness=7", headers={"Accept-Language": "en"})
    assert shown.json()["locale"] == "en"
    assert shown.json()["text"].startswith("Tea\n")
    assert shown.json()["link"] == f"{server.url}/events/{event['id']}"
    seen = {"If-None-Match": shown.headers["ETag"], "Accept-Language": "en"}
    assert server.client.get(url, headers=seen).status_code == 304
    registering = threading.Timer(0.2, lambda: boris.post(f"/events/{event['id']}/register"))
    registering.start()
    assert server.client.get(f"{url}?wait=30", headers=seen).status_code == 200
    registering.join()
    private = anna.create_event(visibility="private")
    check_problem(server.client.get(f"/events/{private['id']}/screen"), 404)
    code = anna.post(f"/events/{private['id']}/invitations", json={}).json()["code"]
    assert boris.get(f"/invitations/{code}/screen").json()["link"].endswith(private["id"])


def test_a_bot_reads_the_news(serve: Serve) -> None:
    server = serve("news")
    anna, bot = server.sign_up(), server.make_bot("changes")
    anna.patch("/users/me", json={"first_name": "Anna"})
    anna.create_event()
    check_problem(anna.get("/news"), 403)
    assert bot.get("/news").json() == [
        "There is a new event.",
        "Somebody has changed the profile. Changed: first_name.",
        "Somebody has signed up.",
    ]
    assert bot.get("/news?without.user.created=&without.user.updated=").json() == ["There is a new event."]
    check_problem(bot.get("/news?with=1"), 422)
