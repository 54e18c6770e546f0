"""What a plugin does to events and registrations in its own transaction, as the system and for a caller."""

from collections.abc import Iterator
from typing import Any

import pytest

from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import settings_of

TEA = """
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from eventorg.plugin import *


class Order(Input):
    do: str
    event_id: str = ""
    user_id: str = ""
    fields: dict = {}
    as_system: bool = True
    fails: bool = False
    reads: bool = False


@post("/tea", status_code=200)
async def act(request: Authenticated, data: JSONBody[Order], plugin: NamedDependency[Context]) -> dict:
    by = None if data.as_system else request.user

    def work(tx: Transaction):
        match data.do:
            case "register":
                done = plugin.register(tx, data.event_id, data.user_id, by=by, **data.fields)
            case "name":
                done = plugin.register_by_name(tx, data.event_id, **data.fields)
            case "leave":
                done = plugin.leave(tx, data.event_id, data.user_id, by=by)
            case "rsvp":
                done = plugin.rsvp(tx, data.event_id, data.user_id, by=by, **data.fields)
            case "create":
                done = plugin.create_event(tx, NewEvent(**data.fields), data.user_id, by=by)
            case "update":
                done = plugin.update_event(tx, data.event_id, EventPatch(**data.fields), by=by)
            case "cancel":
                done = plugin.cancel_event(tx, data.event_id, by=by)
            case "delete":
                plugin.delete_event(tx, data.event_id, by=by)
                done = None
            case "copy":
                done = plugin.copy_event(tx, data.event_id, EventPatch(**data.fields), by=by)
            case "touch":
                plugin.touch_card(tx, data.event_id)
                done = None
        if data.fails:
            raise Conflict("tea_spilt", en="The tea is spilt.", ru="Чай пролит.")
        return {"done": done}

    if not data.reads:
        return await plugin.write(work)
    try:
        return await plugin.read(work)
    except LookupError as error:
        raise Conflict("tea_reads", en=str(error), ru=str(error)) from None


NO = Refusal("no", {"ru": "Нет.", "en": "No."})
plugin = Plugin(
    name="tea",
    routes=[act],
    gates=[Gate(check=lambda asked, context, tx: NO if asked.event.title == "Closed" else None)],
    refusals=[NO],
)
"""
PAST = {"start_time": "2026-01-01T10:00:00Z", "end_time": "2026-01-01T12:00:00Z"}
LATER = {"start_time": "2100-01-08T10:00:00Z", "end_time": "2100-01-08T12:00:00Z"}


@pytest.fixture(scope="module")
def teahouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(settings_of(tmp_path_factory.mktemp("tea"), {"tea.py": TEA})) as server:
        yield server


def act(user: Any, do: str, event: dict[str, Any] | None = None, **order: Any) -> Any:
    return user.post("/tea", json={"do": do, "event_id": event["id"] if event else ""} | order)


def count(user: Any, event: dict[str, Any]) -> int:
    return int(user.get(f"/events/{event['id']}").json()["registered_count"])


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft"},
        PAST,
        {"registration_opens_at": "2099-01-01T00:00:00Z"},
        {"approval_required": True},
        {"visibility": "private"},
        {"title": "Closed"},
        {"max_guests": 0},
    ],
)
def test_the_system_passes_every_rule_but_the_capacity(teahouse: Server, fields: dict[str, Any]) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(**fields, capacity=2, waitlist=False)
    done = act(anna, "register", event, user_id=boris.id, fields={"guests": 1, "guest_names": ["Вера"]})
    assert (done.status_code, done.json()["done"]["status"], done.json()["done"]["guests"]) == (200, "registered", 1)
    assert done.json() == act(anna, "register", event, user_id=boris.id).json(), "asked again, it is the same one"
    check_problem(act(anna, "register", event, user_id=teahouse.sign_up().id), 409, "event_full")
    assert act(anna, "leave", event, user_id=boris.id).json()["done"]["status"] == "cancelled"
    assert count(anna, event) == 0


def test_somebody_without_an_account_is_registered_for_one_event(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    event, other = anna.create_event(capacity=2, waitlist=False, status="draft"), anna.create_event()
    named = {"first_name": "Boris", "last_name": "B", "guests": 1, "guest_names": ["Вера"]}
    done = act(anna, "name", event, fields=named).json()["done"]
    assert (done["status"], done["guests"], done["guest_names"]) == ("registered", 1, ["Вера"])
    user = anna.get(f"/users/{done['user_id']}").json()
    assert (user["first_name"], user["last_name"], user["username"]) == ("Boris", "B", None)
    assert act(anna, "register", event, user_id=done["user_id"]).json()["done"] == done
    check_problem(act(anna, "register", other, user_id=done["user_id"]), 404, "user_not_found")
    before = anna.get("/changes?after=latest").json()["next"]
    check_problem(act(anna, "name", event, fields={"first_name": "Clara"}), 409, "event_full")
    check_problem(act(anna, "name", event, fields={"first_name": "Clara"}, reads=True), 409, "tea_reads")
    assert anna.get("/changes?after=latest").json()["next"] == before
    assert count(anna, event) == 2


def test_an_event_is_deleted_by_the_system_or_its_organizer(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    for by, as_system in ((boris, True), (anna, False)):
        event = anna.create_event()
        assert boris.post(f"/events/{event['id']}/register").status_code == 201
        check_problem(act(boris, "delete", event, as_system=False), 403, "forbidden")
        check_problem(act(by, "delete", event, as_system=as_system, fails=True), 409, "tea_spilt")
        assert count(anna, event) == 1
        check_problem(act(by, "delete", event, as_system=as_system, reads=True), 409, "tea_reads")
        assert act(by, "delete", event, as_system=as_system).status_code == 200
        check_problem(anna.get(f"/events/{event['id']}"), 404, "event_not_found")


def test_the_log_names_the_system(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event()
    act(anna, "register", event, user_id=boris.id)
    (change,) = [each for each in boris.get("/changes").json()["changes"] if each["type"] == "registration.created"]
    assert change["data"]["by"] == "system"


@pytest.mark.parametrize("fields", [{}, {"status": "draft"}, PAST, {"title": "Closed"}])
def test_the_system_answers_for_a_user(teahouse: Server, fields: dict[str, Any]) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(**fields)
    going = act(anna, "rsvp", event, user_id=boris.id, fields={"answer": "going", "guests": 1}).json()["done"]
    assert (going["status"], going["guests"]) == ("registered", 1)
    more = act(anna, "rsvp", event, user_id=boris.id, fields={"answer": "going", "guests": 2}).json()["done"]
    assert more["guests"] == 2
    assert act(anna, "rsvp", event, user_id=boris.id, fields={"answer": "maybe"}).json() == {"done": None}
    assert anna.get(f"/events/{event['id']}").json()["maybe_count"] == 1


def test_a_user_answers(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(title="Closed")
    own = {"user_id": boris.id, "as_system": False}
    check_problem(act(boris, "rsvp", event, fields={"answer": "going"}, **own), 409, "tea_no")
    check_problem(act(anna, "rsvp", event, fields={"answer": "maybe"}, **own), 403, "forbidden")
    assert act(boris, "rsvp", event, fields={"answer": "declined"}, **own).json() == {"done": None}


def test_a_caller_obeys_the_rules_and_the_gates(teahouse: Server) -> None:
    anna, boris, vera = teahouse.sign_up(), teahouse.sign_up(), teahouse.sign_up()
    closed, full = anna.create_event(title="Closed"), anna.create_event(capacity=1)
    hidden = anna.create_event(visibility="private")
    own = {"user_id": boris.id, "as_system": False}
    check_problem(act(boris, "register", closed, **own), 409, "tea_no")
    check_problem(act(boris, "register", hidden, **own), 404, "event_not_found")
    assert act(boris, "register", full, **own).json()["done"]["status"] == "registered"
    assert act(vera, "register", full, user_id=vera.id, as_system=False).json()["done"]["status"] == "waitlisted"
    check_problem(act(boris, "leave", full, user_id=vera.id, as_system=False), 403, "forbidden")
    assert act(boris, "leave", full, **own).json()["done"]["status"] == "cancelled"
    assert vera.get(f"/events/{full['id']}/participants/{vera.id}").json()["status"] == "registered"


def test_a_host_adds_and_removes_somebody(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(registration_opens_at="2099-01-01T00:00:00Z")
    other = {"user_id": boris.id, "as_system": False}
    assert act(anna, "register", event, **other).json()["done"]["status"] == "registered"
    check_problem(act(teahouse.sign_up(), "register", event, **other), 403, "forbidden")
    assert act(anna, "leave", event, **other).json()["done"]["status"] == "cancelled"


def test_events_are_created_changed_copied_and_cancelled(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    made = act(boris, "create", user_id=anna.id, fields={"title": "Tea", **LATER}).json()["done"]
    assert made["organizer_id"] == anna.id
    assert act(boris, "update", made, fields={"title": "Green tea"}).json()["done"]["title"] == "Green tea"
    moved = {"start_time": "2100-01-15T10:00:00Z"}
    copy = act(boris, "copy", made, fields=moved).json()["done"]
    assert (copy["organizer_id"], copy["end_time"]) == (anna.id, "2100-01-15T12:00:00Z")
    assert act(boris, "cancel", made).json()["done"]["status"] == "cancelled"
    mine: dict[str, Any] = {"as_system": False}
    check_problem(act(boris, "create", user_id=anna.id, fields={"title": "Tea", **LATER}, **mine), 403)
    for do in ("update", "cancel", "copy"):
        check_problem(act(boris, do, copy, fields=moved, **mine), 403)
    assert act(anna, "copy", copy, fields=moved, **mine).json()["done"]["organizer_id"] == anna.id


def test_what_does_not_exist_is_not_found(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    event = anna.create_event()
    check_problem(act(anna, "register", event, user_id="nobody"), 404, "user_not_found")
    check_problem(act(anna, "register", {"id": "none"}, user_id=anna.id), 404, "event_not_found")
    check_problem(act(anna, "leave", event, user_id=anna.id), 404, "registration_not_found")
    check_problem(act(anna, "create", user_id="nobody", fields={"title": "Tea", **LATER}), 404, "user_not_found")
    check_problem(act(anna, "register", event, user_id=anna.id, fields={"guests": 21}), 422)


def test_an_error_undoes_everything(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    event = anna.create_event()
    check_problem(act(anna, "register", event, user_id=anna.id, fails=True), 409, "tea_spilt")
    assert count(anna, event) == 0
    assert anna.get("/changes").json()["changes"][-1]["type"] == "event.created"


@pytest.mark.parametrize("do", ["register", "leave", "rsvp", "create", "update", "cancel", "copy", "touch"])
def test_a_transaction_that_reads_refuses(teahouse: Server, do: str) -> None:
    anna = teahouse.sign_up()
    fields: Any = {
        "rsvp": {"answer": "maybe"},
        "create": {"title": "Tea", **LATER},
        "update": {"title": "Tea"},
        "copy": LATER,
    }.get(do, {})
    refused = act(anna, do, anna.create_event(), user_id=anna.id, fields=fields, reads=True)
    assert "only reads" in check_problem(refused, 409, "tea_reads")["detail"]


def test_a_plugin_says_that_its_card_lines_changed(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    assert act(anna, "touch", anna.create_event()).status_code == 200
