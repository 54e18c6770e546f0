"""Hosts read the answers as pages and as a CSV file."""

import csv
import io

from eventorg.testing import User, check_problem

from .scene import ALL, NOTE, PIZZA, Scene

CSV = {"Accept": "text/csv"}


def rows_of(scene: Scene) -> list[list[str]]:
    answer = scene.host.get(f"{scene.path}/participants/answers", headers=CSV)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbfuser_id,")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def test_pages_are_in_the_order_of_registration_with_all_who_take_part(scene: Scene) -> None:
    (note,) = scene.ask(NOTE)
    people = [scene.server.sign_up() for _ in range(6)]
    attended, registered, gone, pending, silent, _stranger = people
    for user in people:
        if user is not silent:
            scene.answer(user, **{note: user.id})
    scene.host.patch(scene.path, json={"capacity": 3}).raise_for_status()
    for user in (attended, registered, gone):
        scene.register(user)
    gone.delete(f"{scene.path}/register").raise_for_status()
    scene.host.patch(f"{scene.path}/participants/{attended.id}", json={"status": "attended"}).raise_for_status()
    scene.host.patch(scene.path, json={"approval_required": True}).raise_for_status()
    scene.register(pending)
    scene.host.post(f"{scene.path}/participants", json={"user_id": silent.id}).raise_for_status()
    path = f"{scene.path}/participants/answers"
    whole = scene.host.get(path).json()
    assert whole["answers"] == [
        {"user_id": user.id, "answers": {note: user.id}, "answered_at": "2027-01-01T12:00:00Z"}
        for user in (attended, registered, pending)
    ] + [{"user_id": silent.id, "answers": {}, "answered_at": None}]
    assert (whole["next"], type(whole["as_of"])) == (None, int)
    first = scene.host.get(path, params={"limit": 3}).json()
    second = scene.host.get(path, params={"limit": 3, "cursor": first["next"]}).json()
    assert first["answers"] + second["answers"] == whole["answers"]
    assert second["next"] is None
    check_problem(scene.host.get(path, params={"cursor": "x"}), 422)
    assert [row[0] for row in rows_of(scene)[1:]] == [entry["user_id"] for entry in whole["answers"]]


def test_only_hosts_read_them(scene: Scene) -> None:
    guest = scene.server.sign_up()
    scene.register(guest)
    for headers in ({}, CSV):
        check_problem(guest.get(f"{scene.path}/participants/answers", headers=headers), 403, "forbidden")
    scene.host.patch(scene.path, json={"visibility": "private"}).raise_for_status()
    stranger = scene.server.sign_up()
    check_problem(stranger.get(f"{scene.path}/participants/answers"), 404, "event_not_found")


def test_the_csv_file_has_a_row_for_each_person(scene: Scene) -> None:
    ids = scene.ask(*ALL)
    guest = scene.server.sign_up(first_name="Анна", last_name='O"Hara')
    scene.answer(guest, **dict(zip(ids, ["Funghi", ["Chili", "Olives"], "a\nb, c", -41.5, True], strict=True)))
    scene.register(guest)
    header, row = rows_of(scene)
    assert header == [
        *("user_id", "username", "first_name", "last_name", "answered_at"),
        *(question["label"] for question in ALL),
    ]
    person = [guest.id, guest.account["username"], "Анна", 'O"Hara', "2027-01-01T12:00:00Z"]
    assert row == [*person, "Funghi", "Chili; Olives", "a\nb, c", "-41.5", "yes"]


def test_no_text_in_the_csv_file_is_a_formula(scene: Scene) -> None:
    choice = {**PIZZA, "label": "@SUM(1)", "options": ["-1", "+1"]}
    several = {**choice, "label": "=1", "kind": "choices"}
    note, one, some, number = scene.ask(NOTE, choice, several, {**NOTE, "kind": "number", "label": "+"})
    guests: list[User] = []
    for written in ("=1+1", "+1", "-1", "@a", "a=1"):
        guest = scene.server.sign_up(first_name="=1+1")
        scene.answer(guest, **{note: written, one: "-1", some: ["+1", "-1"], number: -1})
        scene.register(guest)
        guests.append(guest)
    header, *rows = rows_of(scene)
    assert header[5:] == ["Anything else?", "'@SUM(1)", "'=1", "'+"]
    assert [row[5] for row in rows] == ["'=1+1", "'+1", "'-1", "'@a", "a=1"]
    assert {tuple(row[6:]) for row in rows} == {("'-1", "'+1; -1", "-1")}
    assert {row[2] for row in rows} == {"'=1+1"}


def test_the_description_has_the_csv_file(scene: Scene) -> None:
    paths = scene.server.client.get("/openapi.json").json()["paths"]
    responses = paths["/events/{event_id}/participants/answers"]["get"]["responses"]
    assert responses["200"]["content"].keys() == {"application/json", "text/csv"}
    assert responses["200"]["content"]["text/csv"]["schema"] == {"type": "string"}
