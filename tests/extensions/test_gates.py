"""Gates: a plugin's rules about who may take a place, inside the transaction that gives it."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from eventorg.errors import PluginError
from eventorg.extensions import gates
from eventorg.settings import Settings
from eventorg.storage.statements import Statement
from eventorg.storage.transactions import Transaction
from eventorg.testing import Server, check_problem, running
from tests.extensions.plugin_files import settings_of

TEA = '''
import time
from pathlib import Path

from msgspec import UNSET, structs

from eventorg.plugin import Conflict, Gate, Plugin, Refusal, RegistrationCreated

FULL = Refusal(
    "full", {"ru": "Чая больше нет.", "en": "No tea is left."}, {"ru": "Принесите чай.", "en": "Bring tea."}
)
CONTROL = "asked before the transaction"
asked_of = []


def few(asked, context, tx):
    """Ten people may come to an event."""
    asked_of.append(asked)
    assert asked.user.id == asked.user_id
    taken = tx.row(context.sql.count_taken, event_id=asked.event.id)["taken"]
    if taken >= 10 and asked.event.title != CONTROL:
        return structs.replace(FULL, data={"taken": taken, "by": asked.by})
    match asked.event.title:
        case "raise":
            raise KeyError("tea")
        case "raise a conflict":
            raise Conflict("tea_gone")
        case "exit":
            raise SystemExit(1)
        case "undeclared":
            return Refusal("empty", {"ru": "Пусто.", "en": "Empty."})
        case "other words":
            return Refusal("full", {"ru": "Пусто.", "en": "Empty."})
        case "another type":
            return "full"
        case "no json":
            return structs.replace(FULL, data={"cup": object()})
        case "write":
            tx.run(context.sql.pour, event_id=asked.event.id)
        case "write and read":
            tx.one(context.sql.pour_and_show, event_id=asked.event.id)
        case "notify":
            texts = {"ru": "Чай", "en": "Tea"}
            context.notify(tx, asked.user.id, kind="tea", dedupe_key="tea", texts=texts)
        case "hang":
            tx.all(context.sql.hang)
        case "by metadata":
            assert asked.event.metadata is UNSET
            return None if asked.metadata == {"door": "open"} else FULL
        case "slow":
            time.sleep(0.02)


plugin = Plugin(
    name="tea",
    gates=[Gate(check=few, binds_hosts=BINDS_HOSTS, on_error="ON_ERROR", applies="APPLIES")],
    refusals=[FULL],
    migrations=Path(__file__).parent / "migrations",
    statements=Path(__file__).parent / "sql",
)
'''
FILES = {
    "tea/migrations/0001_cups.sql": "CREATE TABLE tea_cups (event_id TEXT) STRICT;",
    "tea/sql/tea.sql": """
-- name: count_taken(event_id)^
SELECT count(*) AS taken FROM eventorg_registrations WHERE event_id = :event_id AND status <> 'cancelled';

-- name: pour(event_id)!
INSERT INTO tea_cups (event_id) VALUES (:event_id);

-- name: pour_and_show(event_id)^
INSERT INTO tea_cups (event_id) VALUES (:event_id) RETURNING event_id;

-- name: is_served(event_id)^
SELECT 1 FROM eventorg_events WHERE id = :event_id AND title = 'raise';

-- name: hangs_for(user_id)^
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers)
SELECT n FROM numbers WHERE n < 0 AND :user_id IS NOT NULL;

-- name: is_title(title)^
SELECT :title;

-- name: hang()
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers) SELECT n FROM numbers WHERE n < 0;
""",
}
DEFECTS = (
    *("raise", "raise a conflict", "exit", "undeclared", "other words", "another type", "no json"),
    *("write", "write and read", "notify", "hang"),
)


def files(*, binds_hosts: bool = False, on_error: str = "refuse", applies: str = "") -> dict[str, str]:
    source = TEA.replace("BINDS_HOSTS", str(binds_hosts)).replace("ON_ERROR", on_error).replace("APPLIES", applies)
    return FILES | {"tea/__init__.py": source}


@pytest.fixture(scope="module")
def teahouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(settings_of(tmp_path_factory.mktemp("tea"), files(), metrics="on")) as server:
        yield server


def register(user: Any, event: dict[str, Any], **fields: Any) -> Any:
    return user.post(f"/events/{event['id']}/register", json=fields, headers={"Accept-Language": "en"})


def test_no_race_passes_a_gate(teahouse: Server) -> None:
    event = teahouse.sign_up().create_event()
    bot = teahouse.make_bot("act")
    people = [f"telegram:{number}" for number in range(1, 101)]
    for each in people:  # without a password to hash
        bot.put(f"/identities/{each.replace(':', '/')}", json={"first_name": "Анна"}).raise_for_status()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda each: register(bot.acting_for(each), event), people))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [409] * 90
    problem = check_problem(next(answer for answer in answers if answer.status_code == 409), 409, "tea_full")
    assert problem["detail"] == "No tea is left."
    assert problem["data"] == {"taken": 10, "by": "self"}


def test_a_rule_that_is_asked_before_the_transaction_loses_the_race(teahouse: Server) -> None:
    """The control: the same rule, asked in a transaction of its own, as a plugin without a gate would do it."""
    event = teahouse.sign_up().create_event(title="asked before the transaction")
    users = [teahouse.sign_up() for _ in range(9)]
    assert {register(user, event).status_code for user in users} == {201}
    people = [teahouse.sign_up() for _ in range(2)]
    have_asked = threading.Barrier(2)
    url = f"/events/{event['id']}"

    def come(user: Any) -> int:
        is_free = user.get(url).json()["registered_count"] < 10
        have_asked.wait(10)
        return int(register(user, event).status_code) if is_free else 409

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(come, people)) == [201, 201]
    assert people[0].get(url).json()["registered_count"] == 11


def test_a_refusal_has_a_page(teahouse: Server) -> None:
    for language, step in (("ru", "Принесите чай."), ("en", "Bring tea.")):
        headers = {"Accept-Language": language, "Accept": "application/json"}
        page = teahouse.client.get("/problems/tea_full", headers=headers).json()
        assert (page["status"], page["next"]) == (409, step)


@pytest.mark.parametrize("title", DEFECTS)
def test_a_gate_that_fails_gives_no_place_and_affects_nobody_else(teahouse: Server, title: str) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event, other = anna.create_event(title=title), anna.create_event()
    refused = register(boris, event)
    check_problem(refused, 503, "plugin_failed")
    assert refused.headers["retry-after"] == "30"
    assert teahouse.client.get("/health").json()["plugins"] == {"tea": "failing"}
    assert anna.get(f"/events/{event['id']}/participants").json()["participants"] == []
    assert register(boris, other).status_code == 201
    assert teahouse.client.get("/health").json()["plugins"] == {"tea": "ok"}


@pytest.mark.parametrize(("title", "line"), [("raise", 'raise KeyError("tea")'), ("undeclared", "def few(")])
def test_the_log_has_the_place_of_a_fault(
    teahouse: Server, monkeypatch: pytest.MonkeyPatch, title: str, line: str
) -> None:
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(gates.log, "error", lambda event, **fields: logged.append({"event": event, **fields}))
    register(teahouse.sign_up(), teahouse.sign_up().create_event(title=title))
    (fault,) = logged
    file, _, number = fault["at"].rpartition(":")
    assert (fault["event"], fault["plugin"]) == ("gate_failed", "tea")
    assert line in Path(file).read_text().splitlines()[int(number) - 1]


def test_a_gate_reads_the_metadata_which_the_user_cannot_see(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(title="by metadata", metadata={"door": "closed"})
    check_problem(register(boris, event), 409, "tea_full")
    anna.patch(f"/events/{event['id']}", json={"metadata": {"door": "open"}})
    assert register(boris, event).status_code == 201


def test_gates_that_fail_or_are_slow_are_counted(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    assert register(anna, anna.create_event(title="slow")).status_code == 201
    register(anna, anna.create_event(title="raise"))
    metrics = teahouse.client.get("/metrics").text
    assert 'eventorg_plugin_gate_faults_total{fault="failed",plugin="tea"}' in metrics
    assert 'eventorg_plugin_gate_faults_total{fault="slow",plugin="tea"}' in metrics


def test_a_retry_with_the_same_key_is_refused_alike(teahouse: Server) -> None:
    event = teahouse.sign_up().create_event()
    for _ in range(10):
        register(teahouse.sign_up(), event)
    user = teahouse.sign_up()
    first, again = (user.post(f"/events/{event['id']}/register", headers={"Idempotency-Key": "one"}) for _ in range(2))
    assert (first.json()["data"], again.content) == ({"taken": 10, "by": "self"}, first.content)


def test_a_growing_party_is_asked_about_and_others_are_not(teahouse: Server) -> None:
    event = teahouse.sign_up().create_event(max_guests=5)
    users = [teahouse.sign_up() for _ in range(10)]
    assert {register(user, event, guests=1).status_code for user in users} == {201}
    url = f"/events/{event['id']}/register"
    check_problem(users[0].patch(url, json={"guests": 2}), 409, "tea_full")
    assert users[0].patch(url, json={"guest_names": ["Борис"]}).status_code == 200, "the same number"
    assert users[0].patch(url, json={"guests": 0}).status_code == 200, "fewer"
    assert register(users[1], event).status_code == 200, "who has a place is not asked again"
    assert users[1].delete(url).status_code == 200
    assert register(users[1], event).status_code == 201, "and comes back"


def test_the_waiting_list_is_not_asked_about_again(teahouse: Server) -> None:
    event = teahouse.sign_up().create_event(capacity=1)
    users = [teahouse.sign_up() for _ in range(10)]
    assert {register(user, event).status_code for user in users} == {201}
    check_problem(register(teahouse.sign_up(), event), 409, "tea_full")
    users[0].delete(f"/events/{event['id']}/register")
    assert users[1].get(f"/events/{event['id']}/participants/{users[1].id}").json()["status"] == "registered"


def test_the_cores_rules_come_first(teahouse: Server) -> None:
    anna = teahouse.sign_up()
    event = anna.create_event(title="raise")
    anna.patch(f"/events/{event['id']}", json={"status": "cancelled"})
    check_problem(register(teahouse.sign_up(), event), 409, "event_cancelled")


def test_a_gate_is_told_who_asks(teahouse: Server) -> None:
    anna, boris = teahouse.sign_up(), teahouse.sign_up()
    event = anna.create_event(max_guests=2)
    register(boris, event, guests=2, guest_names=["Вера"])
    asked = sys.modules["eventorg_plugins.tea"].asked_of[-1]
    assert (asked.event.id, asked.event.role, asked.user.id, asked.role) == (event["id"], None, boris.id, None)
    assert (asked.guests, asked.guest_names, asked.before, asked.by) == (2, ("Вера",), None, "self")
    assert (asked.bot, asked.invited) == (None, False)
    assert not asked.user.email


@pytest.mark.parametrize(("binds_hosts", "status"), [(False, 201), (True, 503)])
def test_a_host_who_adds_somebody_is_bound_only_if_the_gate_says_so(
    tmp_path: Path, binds_hosts: bool, status: int
) -> None:
    with running(settings_of(tmp_path, files(binds_hosts=binds_hosts))) as server:
        anna, boris = server.sign_up(), server.sign_up()
        event = anna.create_event(title="raise")
        added = anna.post(f"/events/{event['id']}/participants", json={"user_id": boris.id})
        assert added.status_code == status
        assert register(boris, event).status_code == (200 if status == 201 else 503)


@pytest.mark.parametrize("title", ["raise", "hang", "undeclared"])
def test_a_gate_can_let_people_in_when_it_fails(tmp_path: Path, title: str) -> None:
    with running(settings_of(tmp_path, files(on_error="allow"))) as server:
        anna = server.sign_up()
        assert register(anna, anna.create_event(title=title)).status_code == 201
        assert server.client.get("/health").json()["plugins"] == {"tea": "failing"}


def test_a_gate_is_asked_only_where_it_applies(tmp_path: Path) -> None:
    with running(settings_of(tmp_path, files(applies="is_served"))) as server:
        anna = server.sign_up()
        assert register(anna, anna.create_event()).status_code == 201
        asked_of = sys.modules["eventorg_plugins.tea"].asked_of
        assert not asked_of
        check_problem(register(anna, anna.create_event(title="raise")), 503, "plugin_failed")
        assert len(asked_of) == 1


def test_if_it_is_unknown_where_gates_apply_they_are_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with running(settings_of(tmp_path, files(applies="hangs_for"), log_level="warning")) as server:
        anna = server.sign_up()
        assert register(anna, anna.create_event()).status_code == 201
        check_problem(register(anna, anna.create_event(title="raise")), 503, "plugin_failed")
    assert "applying_gates_not_found" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("applies", "fault"),
    [
        ("is_fine", "is not one of its statements"),
        ("pour", "writes"),
        ("is_title", "takes other parameters than event_id and user_id"),
    ],
)
def test_a_wrong_condition_is_refused_at_the_start(tmp_path: Path, applies: str, fault: str) -> None:
    sentence = f"The plugin tea declares a gate with applies='{applies}', which {fault}."
    with pytest.raises(PluginError, match=sentence), running(settings_of(tmp_path, files(applies=applies))):
        pass


def test_gates_that_do_not_apply_take_one_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    for method in (Transaction.all, Transaction.run, Transaction.insert):

        def noted(tx: Transaction, statement: Statement, method: Any = method, **parameters: Any) -> Any:
            if tx.can_write:
                ran.append(statement.name)
            return method(tx, statement, **parameters)

        monkeypatch.setattr(Transaction, method.__name__, noted)
    with running(Settings(database=str(tmp_path / "eventorg.db"), log_level="error")) as server:  # with every plugin
        anna = server.sign_up()
        event = anna.create_event()
        assert register(anna, event).status_code == 201
    began = ran.index("get_admission")
    asked, *gates, seats = ran[began : began + 3]
    assert (asked, gates, seats) == ("get_admission", ["find_applying_gates"], "take_seats")
