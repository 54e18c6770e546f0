"""Questions at registration: a dialog in private, from every kind of button."""

from typing import Any

import pytest

from .scene import Scene, code_of, labels

QUESTIONS = [
    {"label": "Your level?", "kind": "text", "required": True},
    {"label": "How old are you?", "kind": "number", "required": True},
    {"label": "Do you drive?", "kind": "yes_no", "required": True},
    {"label": "Which pizza?", "kind": "choice", "options": ["Margherita", "Funghi"], "required": True},
    {"label": "What do you bring?", "kind": "choices", "options": ["Ball", "Water", "Music"], "required": True},
    {"label": "Anything else?", "kind": "text", "required": False},
]


@pytest.fixture
def anna(scene: Scene) -> Any:
    return scene.person("Anna", started=True)


def post(scene: Scene, host: Any, questions: list[dict[str, Any]], *members: Any) -> Any:
    """Returns the card of an event that asks, in a new group."""
    group = scene.group(host, *members, zone="Europe/Berlin")
    host.say(group, "/new Tea tomorrow 18:00, 9 seats")
    card = scene.card(group)
    response = scene.acting(host).put(f"/events/{code_of(card)}/questions", json=questions)
    assert response.status_code == 200, response.text
    return card


def answers_of(scene: Scene, host: Any, card: Any) -> list[Any]:
    found = scene.acting(host).get(f"/events/{code_of(card)}/participants/answers").json()
    return [list(each["answers"].values()) for each in found["answers"]]


def test_every_kind_of_question_is_asked_one_by_one(scene: Scene, anna: Any) -> None:
    boris = scene.person("Boris", started=True)
    card = post(scene, anna, QUESTIONS, boris)
    assert boris.tap(card, "Going") == {
        "text": "There are questions to answer first. I have sent them to you in private.",
        "show_alert": True,
        "url": None,
    }
    question = scene.wait(boris.chat, "Your level?")
    assert question.text == (
        "Before you register for “Tea”, there are 6 questions:\n\nYour level?\n(Send me the answer.)"
    )
    boris.say(None, "beginner")
    scene.shows(question, "→ beginner")
    assert labels(question) == []
    age = scene.wait(boris.chat, "How old are you?")
    boris.say(None, "old")
    scene.wait(boris.chat, "That is not a number.")
    boris.say(None, "41,5")
    scene.shows(age, "→ 41,5")
    boris.tap(scene.wait(boris.chat, "Do you drive?"), "No")
    pizza = scene.wait(boris.chat, "Which pizza?")
    boris.say(None, "Funghi")
    scene.wait(boris.chat, "use the buttons")
    boris.tap(pizza, "Funghi")
    bring = scene.wait(boris.chat, "What do you bring?")
    assert boris.tap(bring, "Done")["text"] == "Choose at least one."
    for option in ("Ball", "Music", "Water"):
        boris.tap(bring, option)
    boris.tap(bring, "Music")
    expected = ["☑️ Ball", "☑️ Water", "Music", "✅ Done", "✖️ Cancel"]
    scene.telegram.wait_until(lambda: [each["text"] for each in bring._inner.buttons] == expected)
    boris.tap(bring, "Done")
    boris.tap(scene.wait(boris.chat, "Anything else?"), "Skip")
    scene.wait(boris.chat, "You are going. Seats taken: 1 of 9.")
    scene.shows(card, "1. Boris")
    assert answers_of(scene, anna, card) == [["beginner", 41.5, False, "Funghi", ["Ball", "Water"]]]
    assert scene.health == "ok"


def test_a_stranger_gets_a_link_and_brings_a_guest(scene: Scene, anna: Any) -> None:
    vera = scene.person("Вера", "ru")
    card = post(scene, anna, QUESTIONS[2:3], vera)
    answer = vera.tap(card, "+1")
    assert answer["url"] == f"https://t.me/eventorg_bot?start=q_{code_of(card)}"
    vera.start(answer["url"].partition("start=")[2])
    question = scene.wait(vera.chat, "Do you drive?")
    assert question.text.startswith("Перед записью на «Tea» нужно ответить на 1 вопрос:")
    vera.tap(question, "Да")
    scene.wait(vera.chat, "Вы идёте, с вами 1 гость. Занято мест: 2 из 9.")
    assert answers_of(scene, anna, card) == [[True]]


def test_a_link_without_a_dialog_begins_one(scene: Scene, anna: Any) -> None:
    vera = scene.person("Vera")
    card = post(scene, anna, QUESTIONS[2:3])
    vera.start(f"q_{code_of(card)}")
    question = scene.wait(vera.chat, "Do you drive?")
    vera.tap(question, "Cancel")
    scene.shows(question, "Canceled: you are not registered.")
    question.markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "dq:00000000:yes"}]]}
    assert vera.tap(question, "Yes")["text"] == "This button does not work any more."


def test_an_inline_card_asks_too(scene: Scene, anna: Any) -> None:
    vera = scene.person("Vera", started=True)
    post(scene, anna, QUESTIONS[2:3])
    card = anna.choose(anna.inline("Tea")["results"][0], scene.telegram.group("Elsewhere", vera))
    assert "in private" in vera.tap(card, "Going")["text"]
    vera.tap(scene.wait(vera.chat, "Do you drive?"), "Yes")
    scene.shows(card, "1. Vera")


def test_an_invitation_asks_too(scene: Scene, anna: Any) -> None:
    vera = scene.person("Vera")
    card = post(scene, anna, QUESTIONS[2:3])
    host = scene.acting(anna)
    host.patch(f"/events/{code_of(card)}", json={"visibility": "private"}).raise_for_status()
    code = host.post(f"/events/{code_of(card)}/invitations").json()["code"]
    vera.start(f"i_{code}")
    vera.tap(scene.wait(vera.chat, "You are invited"), "Going")
    vera.tap(scene.wait(vera.chat, "Do you drive?"), "Yes")
    scene.wait(vera.chat, "You are going. Seats taken: 1 of 9.")
    assert "1. Vera" in scene.card(vera.chat).text
    assert answers_of(scene, anna, card) == [[True]]


def test_questions_that_came_meanwhile_are_asked(scene: Scene, anna: Any) -> None:
    vera = scene.person("Vera", started=True)
    card = post(scene, anna, QUESTIONS[2:3], vera)
    vera.tap(card, "Going")
    question = scene.wait(vera.chat, "Do you drive?")
    path = f"/events/{code_of(card)}/questions"
    before = scene.acting(anna).get(path).json()["questions"]
    scene.acting(anna).put(path, json=[*before, QUESTIONS[3]]).raise_for_status()
    vera.tap(question, "Yes")
    vera.tap(scene.wait(vera.chat, "Which pizza?"), "Funghi")
    scene.wait(vera.chat, "You are going.")
    assert answers_of(scene, anna, card) == [[True, "Funghi"]]
