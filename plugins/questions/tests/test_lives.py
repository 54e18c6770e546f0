"""Copies of events, and what happens to answers when people or events go."""

import sqlite3
from contextlib import closing
from typing import Any

from eventorg.testing import User, check_problem

from .scene import AGE, NOTE, PIZZA, Scene


def labels(user: User, event_id: str) -> list[str]:
    questions: list[dict[str, Any]] = user.get(f"/events/{event_id}/questions").json()["questions"]
    return [question["label"] for question in questions]


def stored(scene: Scene, table: str) -> list[str]:
    with closing(sqlite3.connect(scene.server.settings.database_path)) as file:
        return [row[0] for row in file.execute(f"SELECT event_id FROM {table} ORDER BY event_id")]


def has_handled_all(scene: Scene) -> bool:
    with closing(sqlite3.connect(scene.server.settings.database_path)) as file:
        statement = "SELECT plugins.seq = (SELECT max(seq) FROM changes) FROM plugins WHERE name = 'questions'"
        return bool(file.execute(statement).fetchone()[0])


def copy_of(scene: Scene, event_id: str) -> str:
    copy = scene.host.post(f"/events/{event_id}/copy", json={"start_time": "2100-02-01T10:00:00Z"})
    assert copy.status_code == 201, copy.text
    return str(copy.json()["id"])


def test_a_copy_has_the_questions_at_once_with_ids_of_its_own(scene: Scene) -> None:
    pizza, note = scene.ask(PIZZA, NOTE)
    scene.answer(scene.host, **{pizza: "Funghi"})
    copy_id = copy_of(scene, copy_of(scene, scene.event["id"]))
    check_problem(scene.server.sign_up().post(f"/events/{copy_id}/register"), 409, "questions_unanswered")
    shown = scene.host.get(f"/events/{copy_id}/questions").json()
    assert [question["label"] for question in shown["questions"]] == [PIZZA["label"], NOTE["label"]]
    assert {question["id"] for question in shown["questions"]}.isdisjoint({pizza, note})
    assert scene.host.get(f"/events/{copy_id}/answers").json()["answers"] == {}
    scene.server.wait_for(lambda: len(stored(scene, "questions_events")) == 3)
    assert scene.host.get(f"/events/{copy_id}/questions").json() == shown
    scene.ask(AGE)
    assert labels(scene.host, copy_id) == [PIZZA["label"], NOTE["label"]]


def test_questions_set_in_a_copy_stay_and_a_copy_without_any_gets_none_later(scene: Scene) -> None:
    bare = copy_of(scene, scene.event["id"])
    scene.server.wait_for(lambda: has_handled_all(scene))
    scene.ask(PIZZA)
    assert labels(scene.host, bare) == []
    copy_id = copy_of(scene, scene.event["id"])
    scene.host.put(f"/events/{copy_id}/questions", json=[]).raise_for_status()
    last = copy_of(scene, scene.event["id"])
    scene.server.wait_for(lambda: last in stored(scene, "questions_events"))
    assert labels(scene.host, copy_id) == []
    assert labels(scene.host, last) == [PIZZA["label"]]


def test_answers_are_in_the_export_and_go_with_the_account(scene: Scene) -> None:
    (note,) = scene.ask(NOTE)
    guest = scene.server.sign_up()
    scene.answer(guest, **{note: "No nuts"})
    assert guest.get("/users/me/export").json()["plugins"]["questions"] == [
        {"event_id": scene.event["id"], "answers": {note: "No nuts"}, "answered_at": "2027-01-01T12:00:00Z"}
    ]
    assert scene.host.get("/users/me/export").json()["plugins"]["questions"] == []
    assert guest.delete("/users/me").status_code in (200, 204)
    scene.server.wait_for(lambda: stored(scene, "questions_answers") == [])


def test_questions_and_answers_go_with_the_event(scene: Scene) -> None:
    (note,) = scene.ask(NOTE)
    scene.answer(scene.host, **{note: "No nuts"})
    assert scene.host.delete(scene.path).status_code in (200, 204)
    scene.server.wait_for(lambda: stored(scene, "questions_answers") + stored(scene, "questions_events") == [])


def test_answers_move_with_a_linked_account_whose_own_take_precedence(scene: Scene) -> None:
    note, age = scene.ask(NOTE, AGE)
    other = Scene(scene.server)
    (pizza,) = other.ask(PIZZA)
    bot = scene.server.make_bot("act")
    put = bot.put("/identities/telegram/4711", json={"first_name": "Anna"})
    assert put.status_code in (200, 201), put.text
    gone, stays = bot.acting_for("telegram:4711"), scene.server.sign_up()
    scene.answer(gone, **{note: "No nuts", age: 41})
    other.answer(gone, **{pizza: "Funghi"})
    scene.answer(stays, **{age: 42})
    code = stays.post("/users/me/link-codes").json()["code"]
    linked = bot.post("/identities/telegram/4711/link", json={"code": code})
    assert linked.status_code == 200, linked.text
    assert scene.answers_of(stays) == {note: "No nuts", age: 42}
    assert other.answers_of(stays) == {pizza: "Funghi"}
