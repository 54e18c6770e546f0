"""The client that openapi-python-client generates from /openapi.json works unchanged. Needs the extra `fuzz`."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from eventorg.testing import PASSWORD, Server
from tests.telegram import new_id

pytestmark = pytest.mark.fuzz

NAME = "generated_eventorg"
TIMES = {"start_time": datetime(2100, 1, 1, 10, tzinfo=UTC), "end_time": datetime(2100, 1, 1, 12, tzinfo=UTC)}


class Generated:
    """The generated package, imported module by module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.models = importlib.import_module(f"{NAME}.models")
        self.package = importlib.import_module(NAME)

    def operation(self, name: str) -> Any:
        """Returns the module of an operation by its id."""
        (file,) = self.folder.glob(f"{NAME}/api/*/{name}.py")
        return importlib.import_module(f"{NAME}.api.{file.parent.name}.{name}")


@pytest.fixture(scope="module")
def generated(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    """The generated client; any warning of the generator fails the test."""
    folder = tmp_path_factory.mktemp("client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--url", f"{server.url}/openapi.json"]
    command += ["--meta", "none", "--output-path", str(folder / NAME), "--fail-on-warning"]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # for the generator to find ruff
    made = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, ""), made.stdout + made.stderr
    assert "arning" not in made.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield Generated(folder)
        for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
            del sys.modules[name]


def test_it_has_every_operation_and_every_schema(server: Server, generated: Generated) -> None:
    document = server.client.get("/openapi.json").json()
    operations = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    for name in operations:
        assert callable(generated.operation(name).sync)
        assert callable(generated.operation(name).asyncio)
    assert set(document["components"]["schemas"]) <= set(generated.models.__all__)
    odd = [name for name in generated.models.__all__ if "Type" in name.removesuffix("Type")]
    assert odd == [], "a schema without a name of its own"


def test_a_person_signs_up_and_registers(server: Server, generated: Generated) -> None:
    models, operation = generated.models, generated.operation
    name = f"client-{new_id()}"
    with generated.package.Client(base_url=server.url) as anybody:
        new = models.NewUser(username=name, email=f"{name}@example.com", password=PASSWORD)
        user = operation("create_user").sync(client=anybody, body=new)
        assert isinstance(user, models.User)
        assert (user.username, user.email) == (name, new.email)
        assert user.created_at.tzinfo is not None
        logged_in = operation("login").sync(client=anybody, body=models.Login(email=new.email, password=PASSWORD))
        assert isinstance(logged_in, models.LoggedIn)
        assert logged_in.expires_at.tzinfo is not None
        assert operation("get_health").sync(client=anybody).status == "ok"
        events = operation("list_events").sync(client=anybody, from_=TIMES["start_time"], limit=1)
        assert isinstance(events, models.EventPage)
    with generated.package.AuthenticatedClient(base_url=server.url, token=logged_in.token) as client:
        event = operation("create_event").sync(client=client, body=models.NewEvent(title="Tea", capacity=1, **TIMES))
        assert isinstance(event, models.Event)
        assert (event.start_time, event.capacity, event.description) == (TIMES["start_time"], 1, None)
        assert event.status is models.EventStatus.PUBLISHED
        patch = models.EventPatch(description="Bring cake", capacity=None)
        changed = operation("update_event").sync(event.id, client=client, body=patch, if_match="*")
        assert (changed.description, changed.capacity, changed.title) == ("Bring cake", None, "Tea")
        taps = [operation("register").sync_detailed(event.code, client=client) for _ in range(2)]
        assert [tap.status_code for tap in taps] == [201, 200]
        assert taps[0].parsed == taps[1].parsed
        assert taps[0].parsed.status is models.RegistrationStatus.REGISTERED
        wanted = models.ListParticipantsStatus.REGISTERED
        listed = operation("list_participants").sync(event.id, client=client, status=wanted)
        assert [one.user_id for one in listed.participants] == [user.id]
        assert isinstance(operation("get_card").sync(event.id, client=client), models.Card)
        assert isinstance(operation("export_user").sync(client=client), models.Export)
        assert isinstance(operation("list_user_events").sync("me", client=client), models.UserEvents)
        page = operation("list_user_events").sync("me", client=client, limit=1)
        assert isinstance(page, models.UserEventPage)
        assert page.events[0].role is models.UserEventRole.ORGANIZER
        shown = operation("list_participants").sync(event.id, client=client, expand=models.ListParticipantsExpand.USER)
        assert shown.participants[0].user.username == name
        assert [one.id for one in operation("list_users").sync(client=client, ids=user.id).users] == [user.id]
        changes = operation("list_changes").sync(client=client, timeout=0)
        assert "registration.created" in [change.type_ for change in changes.changes]
        assert isinstance(operation("delete_event").sync(event.id, client=client), models.Done)


def test_a_bot_acts_for_a_telegram_account(server: Server, generated: Generated) -> None:
    models, operation = generated.models, generated.operation
    token, telegram_id = server.make_bot("act").token, new_id()
    with generated.package.AuthenticatedClient(base_url=server.url, token=token) as bot:
        seen = [
            operation("put_telegram_identity").sync_detailed(
                str(telegram_id), client=bot, body=models.TelegramAccount(first_name=name, username=None)
            )
            for name in ("Anna", "Anya")
        ]
        assert [answer.status_code for answer in seen] == [201, 200]
        assert [answer.parsed.first_name for answer in seen] == ["Anna", "Anya"]
        assert [answer.parsed.email for answer in seen] == [None, None]
    headers = {"X-Act-As": f"telegram:{telegram_id}"}
    with generated.package.AuthenticatedClient(base_url=server.url, token=token, headers=headers) as acting:
        assert operation("get_user").sync("me", client=acting) == seen[1].parsed
        event = operation("create_event").sync(client=acting, body=models.NewEvent(title="Tea", **TIMES))
        assert event.organizer_id == seen[0].parsed.id


def test_problems_are_typed_too(server: Server, generated: Generated) -> None:
    models, operation = generated.models, generated.operation
    user = server.sign_up()
    with generated.package.AuthenticatedClient(base_url=server.url, token=user.token) as client:
        new = models.NewEvent(title="", capacity=0, **TIMES)
        problems = [
            operation("get_event").sync("nothing", client=client),
            operation("create_event").sync(client=client, body=new),
            operation("update_user").sync("me", client=client, body=models.UserPatch(locale="?"), if_match='"0-self"'),
            operation("put_telegram_identity").sync("42", client=client, body=models.TelegramAccount()),
        ]
        assert all(isinstance(problem, models.Problem) for problem in problems)
        assert [(problem.status, problem.code) for problem in problems] == [
            (404, "event_not_found"), (422, "validation_failed"), (422, "validation_failed"), (403, "scope_missing")
        ]  # fmt: skip
        faults = problems[1].errors
        assert all(isinstance(fault, models.Fault) for fault in faults)
        assert {(fault.field, fault.code) for fault in faults} == {("title", "too_short"), ("capacity", "out_of_range")}
    with generated.package.AuthenticatedClient(base_url=server.url, token="wrong") as nobody:
        refused = operation("get_user").sync_detailed("me", client=nobody)
        assert (refused.status_code, refused.parsed.code) == (401, "token_invalid")
        assert json.loads(refused.content)["code"] == refused.parsed.code
