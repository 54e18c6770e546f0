"""The server and a simple model give the same answers to any sequence of requests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from eventorg.settings import Settings
from eventorg.testing import Server, running
from tests.machine import Machine


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Returns a server whose file has only what the model knows."""
    path = tmp_path_factory.mktemp("model") / "eventorg.db"
    limited = Settings(
        plugins="none", database=str(path), log_level="error", login_attempts=1_000, signups_per_minute=0
    )
    with running(limited) as server:
        yield server


def run(server: Server, examples: int, steps: int, *, repeatable: bool) -> None:
    class Here(Machine):
        def __init__(self) -> None:
            super().__init__(server)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=repeatable,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_server_agrees_with_the_model(own_server: Server) -> None:
    run(own_server, examples=12, steps=30, repeatable=True)


@pytest.mark.slow
def test_the_server_agrees_with_the_model_for_long(own_server: Server) -> None:
    run(own_server, examples=200, steps=50, repeatable=False)


def test_a_seat_that_is_not_passed_on_is_seen(fresh_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventorg.repositories.seats.Seats.fill", lambda *_: None)
    machine = Machine(fresh_server)
    machine.begin()
    machine.register_all(event=0)
    machine.participants_and_their_positions_are_the_models()
    machine.leave(user=0, event=0)
    with pytest.raises(AssertionError):
        machine.participants_and_their_positions_are_the_models()
    with pytest.raises(AssertionError):
        machine.the_file_keeps_its_rules()
