"""People register after they have answered the required questions."""

from typing import Any

from eventorg.testing import User, check_problem

from .scene import ALL, NOTE, PIZZA, Scene


def refused(user: User, path: str, **sent: Any) -> list[dict[str, Any]]:
    """Returns the questions of the refusal."""
    problem = check_problem(user.post(path, **sent), 409, "questions_unanswered")
    questions: list[dict[str, Any]] = problem["data"]["questions"]
    return questions


def test_the_refusal_has_every_open_question_as_get_shows_it(scene: Scene) -> None:
    ids = scene.ask(*ALL)
    guest = scene.server.sign_up()
    shown = guest.get(f"{scene.path}/questions").json()["questions"]
    assert refused(guest, f"{scene.path}/register") == shown
    scene.answer(guest, **{ids[2]: "No nuts"})
    assert refused(guest, f"{scene.path}/register") == [shown[0], shown[1], shown[3], shown[4]]
    check_problem(guest.put(f"{scene.path}/rsvp", json={"answer": "going"}), 409, "questions_unanswered")
    scene.answer(guest, **{ids[0]: "Funghi"})
    assert scene.register(guest) == "registered"


def test_optional_questions_keep_nobody_out(scene: Scene) -> None:
    scene.ask(NOTE)
    assert scene.register(scene.server.sign_up()) == "registered"


def test_who_has_a_place_or_waits_is_not_asked_again(scene: Scene) -> None:
    scene.host.patch(scene.path, json={"capacity": 2, "max_guests": 3}).raise_for_status()
    seated, waiting = scene.server.sign_up(), scene.server.sign_up()
    assert scene.register(seated) == "registered"
    assert waiting.post(f"{scene.path}/register", json={"guests": 1}).json()["status"] == "waitlisted"
    scene.ask(PIZZA)
    assert seated.patch(f"{scene.path}/register", json={"guests": 1}).status_code == 200
    assert waiting.patch(f"{scene.path}/register", json={"guests": 2}).status_code == 200
    assert seated.post(f"{scene.path}/register").status_code == 200
    assert seated.delete(f"{scene.path}/register").status_code == 200
    assert len(refused(seated, f"{scene.path}/register")) == 1


def test_answers_stay_after_leaving(scene: Scene) -> None:
    (pizza,) = scene.ask(PIZZA)
    guest = scene.server.sign_up()
    scene.answer(guest, **{pizza: "Funghi"})
    scene.register(guest)
    assert guest.delete(f"{scene.path}/register").status_code == 200
    assert scene.answers_of(guest) == {pizza: "Funghi"}
    assert scene.register(guest) == "registered"


def test_people_whom_a_host_adds_are_not_asked(scene: Scene) -> None:
    scene.ask(PIZZA)
    guest = scene.server.sign_up()
    assert scene.host.post(f"{scene.path}/participants", json={"user_id": guest.id}).status_code == 201
    assert scene.host.post(f"{scene.path}/participants", json={"first_name": "Boris"}).status_code == 201


def test_the_refusal_has_a_page(scene: Scene) -> None:
    page = scene.server.client.get("/problems/questions_unanswered", headers={"Accept-Language": "en"})
    assert "PUT /events/{event_id}/answers" in page.text


def test_an_invitation_to_a_private_event_asks_too(scene: Scene) -> None:
    (pizza,) = scene.ask(PIZZA)
    scene.host.patch(scene.path, json={"visibility": "private"}).raise_for_status()
    code = scene.host.post(f"{scene.path}/invitations", json={"max_uses": 1}).json()["code"]
    guest = scene.server.sign_up()
    (question,) = refused(guest, f"/invitations/{code}/accept")
    assert question["id"] == pizza
    check_problem(guest.put(f"{scene.path}/answers", json={"answers": {pizza: "Funghi"}}), 404, "event_not_found")
    path = f"/invitations/{code}/answers"
    check_problem(guest.put(path, json={"answers": {pizza: "Salami"}}), 422)
    answer = guest.put(path, json={"answers": {pizza: "Funghi"}})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["answers"], answer.json()["user_id"]) == ({pizza: "Funghi"}, guest.id)
    assert guest.put(path, json={"answers": {pizza: "Margherita"}}, headers={"If-Match": '"x"'}).status_code == 412
    assert guest.post(f"/invitations/{code}/accept").status_code == 201
    assert scene.answers_of(guest) == {pizza: "Funghi"}
    late = scene.server.sign_up()
    check_problem(late.put(path, json={"answers": {}}), 404, "invitation_not_found")
    assert guest.put(path, json={"answers": {pizza: "Margherita"}}).status_code == 200
    check_problem(late.put("/invitations/nothing/answers", json={"answers": {}}), 404, "invitation_not_found")
