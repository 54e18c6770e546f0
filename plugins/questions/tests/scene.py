"""An event of a host, with its questions."""

from typing import Any

from eventorg.testing import Server, User

PIZZA = {"label": "Which pizza?", "kind": "choice", "options": ["Margherita", "Funghi"], "required": True}
EXTRAS = {"label": "Extras?", "kind": "choices", "options": ["Olives", "Capers", "Chili"], "required": False}
NOTE = {"label": "Anything else?", "kind": "text", "required": False}
AGE = {"label": "How old are you?", "kind": "number", "required": False}
CAR = {"label": "Do you come by car?", "kind": "yes_no", "required": False}
ALL = [PIZZA, EXTRAS, NOTE, AGE, CAR]


class Scene:
    """An event of a host."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.host = server.sign_up()
        self.event = self.host.create_event()
        self.path = f"/events/{self.event['id']}"

    def ask(self, *questions: dict[str, Any]) -> list[str]:
        """Sets the questions of the event and returns their ids."""
        answer = self.host.put(f"{self.path}/questions", json=list(questions))
        assert answer.status_code == 200, answer.text
        return [question["id"] for question in answer.json()["questions"]]

    def answer(self, user: User, **answers: Any) -> None:
        """Answers questions by their ids."""
        answer = user.put(f"{self.path}/answers", json={"answers": answers})
        assert answer.status_code == 200, answer.text

    def answers_of(self, user: User) -> dict[str, Any]:
        answers: dict[str, Any] = user.get(f"{self.path}/answers").json()["answers"]
        return answers

    def register(self, user: User) -> str:
        """Registers a user and returns the status."""
        answer = user.post(f"{self.path}/register")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["status"])
