"""Questions as hosts set them, answers as people give them, and what does not fit."""

from typing import Any

import pytest

from eventorg.testing import check_problem

from .scene import AGE, ALL, CAR, EXTRAS, NOTE, PIZZA, Scene


def test_questions_are_shown_in_order_to_everybody_who_may_see_the_event(scene: Scene) -> None:
    path = f"{scene.path}/questions"
    guest = scene.server.sign_up()
    assert guest.get(path).json() == {"event_id": scene.event["id"], "questions": []}
    set_ = scene.host.put(path, json=ALL)
    shown = [{"options": None} | question for question in ALL]
    assert [{**question, "id": 0} for question in set_.json()["questions"]] == [{**each, "id": 0} for each in shown]
    read = guest.get(f"/events/{scene.event['code']}/questions")
    assert read.json() == set_.json()
    assert read.headers["ETag"] == set_.headers["ETag"]
    assert guest.get(path, headers={"If-None-Match": read.headers["ETag"]}).status_code == 304
    again = scene.host.put(path, json=read.json()["questions"], headers={"If-Match": read.headers["ETag"]})
    assert again.json() == read.json()
    assert scene.host.put(path, json=[]).json()["questions"] == []
    check_problem(scene.host.put(path, json=[], headers={"If-Match": read.headers["ETag"]}), 412, "version_mismatch")


def test_only_hosts_set_questions_and_strangers_do_not_see_private_ones(scene: Scene) -> None:
    guest = scene.server.sign_up()
    check_problem(guest.put(f"{scene.path}/questions", json=[]), 403, "forbidden")
    check_problem(scene.server.client.get(f"{scene.path}/questions"), 401)
    scene.host.patch(scene.path, json={"visibility": "private"}).raise_for_status()
    for name in ("questions", "answers"):
        check_problem(guest.get(f"{scene.path}/{name}"), 404, "event_not_found")
    check_problem(guest.put(f"{scene.path}/answers", json={"answers": {}}), 404, "event_not_found")


@pytest.mark.parametrize(
    ("questions", "field", "code"),
    [
        ([{**NOTE, "label": ""}], "[0].label", "too_short"),
        ([{**NOTE, "label": "x" * 201}], "[0].label", "too_long"),
        ([{**NOTE, "kind": "date"}], "[0].kind", "invalid_choice"),
        ([{"label": "?", "kind": "text"}], "[0].required", "required"),
        ([{**NOTE, "required": "yes"}], "[0].required", "wrong_type"),
        ([{**NOTE, "hint": "?"}], "[0].hint", "unknown_field"),
        ([{**NOTE, "options": ["a", "b"]}], "[0].options", "options_not_allowed"),
        ([{**NOTE, "id": "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"}], "[0].id", "unknown_question"),
        ([{**PIZZA, "options": None}], "[0].options", "required"),
        ([{**PIZZA, "options": ["a"]}], "[0].options", "too_short"),
        ([{**PIZZA, "options": [str(n) for n in range(51)]}], "[0].options", "too_long"),
        ([{**PIZZA, "options": ["a", " a "]}], "[0].options", "not_distinct"),
        ([{**PIZZA, "options": ["a", "b" * 101]}], "[0].options[1]", "too_long"),
        ([NOTE] * 21, "", "too_long"),
    ],
)
def test_invalid_questions_are_refused(scene: Scene, questions: Any, field: str, code: str) -> None:
    problem = check_problem(scene.host.put(f"{scene.path}/questions", json=questions), 422)
    (error,) = problem["errors"]
    assert (error["field"], error["code"]) == (field, code)


def test_a_question_of_another_event_is_unknown_and_one_is_not_kept_twice(scene: Scene) -> None:
    (pizza,) = scene.ask(PIZZA)
    other = Scene(scene.server)
    check_problem(other.host.put(f"{other.path}/questions", json=[{**PIZZA, "id": pizza}]), 422)
    check_problem(scene.host.put(f"{scene.path}/questions", json=[{**PIZZA, "id": pizza}] * 2), 422)
    assert scene.ask({**PIZZA, "id": pizza}) == [pizza]
    assert len(scene.ask(*[NOTE] * 20)) == 20


def test_answers_are_replaced_as_a_whole(scene: Scene) -> None:
    pizza, extras, note, age, car = scene.ask(*ALL)
    guest = scene.server.sign_up()
    path = f"{scene.path}/answers"
    nothing = {"event_id": scene.event["id"], "user_id": guest.id, "answers": {}, "answered_at": None}
    empty = guest.get(path)
    assert empty.json() == nothing
    sent = {pizza: "Funghi", extras: ["Chili", "Olives"], note: " a\nb ", age: 41.5, car: False}
    given = guest.put(path, json={"answers": sent}, headers={"If-Match": empty.headers["ETag"]})
    assert given.json() == nothing | {"answers": sent | {note: "a\nb"}, "answered_at": "2027-01-01T12:00:00Z"}
    assert guest.get(path).json() == given.json()
    assert guest.get(path, headers={"If-None-Match": given.headers["ETag"]}).status_code == 304
    check_problem(guest.put(path, json={"answers": {}}, headers={"If-Match": empty.headers["ETag"]}), 412)
    scene.answer(guest, **{age: 42})
    assert scene.answers_of(guest) == {age: 42}


@pytest.mark.parametrize(
    ("question", "value", "code"),
    [
        (NOTE, "", "too_short"),
        (NOTE, "x" * 1001, "too_long"),
        (NOTE, "a\x00", "control_character"),
        (NOTE, 1, "wrong_type"),
        (AGE, "1", "wrong_type"),
        (AGE, True, "wrong_type"),
        (AGE, 10**15 + 1, "out_of_range"),
        (AGE, 10**400, "out_of_range"),
        (CAR, 1, "wrong_type"),
        (CAR, "yes", "wrong_type"),
        (PIZZA, "Salami", "invalid_choice"),
        (PIZZA, ["Funghi"], "wrong_type"),
        (EXTRAS, "Olives", "wrong_type"),
        (EXTRAS, [], "too_short"),
        (EXTRAS, ["Olives", "Salami"], "invalid_choice"),
        (EXTRAS, ["Olives", "Olives"], "not_distinct"),
    ],
)
def test_an_answer_of_another_kind_is_refused(scene: Scene, question: Any, value: Any, code: str) -> None:
    (question_id,) = scene.ask(question)
    answer = scene.host.put(f"{scene.path}/answers", json={"answers": {question_id: value}})
    (error,) = check_problem(answer, 422)["errors"]
    assert (error["field"], error["code"]) == (f"answers.{question_id}", code)


@pytest.mark.parametrize("body", [{}, {"answers": []}, {"answers": {"x": None}}, {"answers": {"x": {}}}, {"more": 1}])
def test_what_is_no_object_of_answers_is_refused(scene: Scene, body: Any) -> None:
    check_problem(scene.host.put(f"{scene.path}/answers", json=body), 422)


def test_an_unknown_question_is_refused_and_nothing_changes(scene: Scene) -> None:
    (pizza,) = scene.ask(PIZZA)
    answer = scene.host.put(f"{scene.path}/answers", json={"answers": {pizza: "Funghi", "x": 1}})
    (error,) = check_problem(answer, 422)["errors"]
    assert (error["field"], error["code"]) == ("answers.x", "unknown_question")
    assert scene.answers_of(scene.host) == {}


def test_people_answer_until_the_event_is_over(scene: Scene) -> None:
    times = {"start_time": "2027-01-01T13:00:00Z", "end_time": "2027-01-01T14:00:00Z"}
    scene.host.patch(scene.path, json=times).raise_for_status()
    scene.server.clock.advance(hours=1.9)
    scene.answer(scene.host)
    scene.server.clock.advance(hours=0.1)
    check_problem(scene.host.put(f"{scene.path}/answers", json={"answers": {}}), 409, "event_over")


@pytest.mark.parametrize(
    ("before", "value", "changes", "stays"),
    [
        (PIZZA, "Funghi", {"label": "Pizza!", "required": False}, True),
        (PIZZA, "Funghi", {"options": ["Funghi", "Salami"]}, True),
        (PIZZA, "Funghi", {"options": ["Margherita", "Salami"]}, False),
        (PIZZA, "Funghi", {"kind": "choices"}, False),
        (PIZZA, "Funghi", {"kind": "text", "options": None}, True),
        (NOTE, "Funghi", {"kind": "choice", "options": ["Funghi", "Salami"]}, True),
        (NOTE, "Funghi", {"kind": "choice", "options": ["fungHi", "Salami"]}, False),
        (NOTE, "1", {"kind": "number"}, False),
        (EXTRAS, ["Olives", "Chili"], {"options": ["Chili", "Olives"]}, True),
        (EXTRAS, ["Olives", "Chili"], {"options": ["Chili", "Capers"]}, False),
        (CAR, True, {"kind": "number"}, False),
    ],
)
def test_an_answer_that_no_longer_fits_goes(
    scene: Scene, before: dict[str, Any], value: Any, changes: dict[str, Any], stays: bool
) -> None:
    question, other = scene.ask(before, AGE)
    guest = scene.server.sign_up()
    scene.answer(guest, **{question: value, other: 7})
    scene.ask({**before, **changes, "id": question}, {**AGE, "id": other})
    assert scene.answers_of(guest) == ({question: value} if stays else {}) | {other: 7}


def test_answers_to_a_question_that_is_left_out_go_for_good(scene: Scene) -> None:
    pizza, age = scene.ask(PIZZA, AGE)
    guest = scene.server.sign_up()
    scene.answer(guest, **{pizza: "Funghi", age: 7})
    scene.ask({**AGE, "id": age}, PIZZA)
    assert scene.answers_of(guest) == {age: 7}
