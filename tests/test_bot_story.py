"""The life of a bot, from its token to the revocation, with only the routes that a bot needs."""

from typing import Any

import httpx

from eventorg.testing import Server, check_problem


class TelegramBot:
    """A bot that knows only the server's address and its token."""

    def __init__(self, client: httpx.Client, token: str) -> None:
        self._client = client
        self._token = token
        self._seen = 0

    def ask(self, method: str, path: str, who: int | None = None, **body: Any) -> httpx.Response:
        """Returns the answer to a request, sent for a Telegram account or by the bot itself."""
        headers = {"Authorization": f"Bearer {self._token}"} | ({"X-Act-As": f"telegram:{who}"} if who else {})
        return self._client.request(method, path, headers=headers, json=body or None)

    def meet(self, telegram_id: int, **names: Any) -> str:
        """Returns the id of the user of an account that has just written to the bot."""
        response = self.ask("PUT", f"/identities/telegram/{telegram_id}", **names)
        assert response.status_code in (200, 201), response.text
        return str(response.json()["id"])

    def press_join(self, telegram_id: int, name: str, event: str) -> httpx.Response:
        """Does what the bot does when somebody presses the button."""
        self.meet(telegram_id, first_name=name)
        return self.ask("POST", f"/events/{event}/register", telegram_id)

    def news(self) -> list[tuple[str, str | None]]:
        """Returns the types and users of the changes since the last call."""
        page = self.ask("GET", f"/changes?after={self._seen}&timeout=5&limit=1000").json()
        self._seen = page["next"]
        return [(change["type"], change["user_id"]) for change in page["changes"]]


def positions(bot: TelegramBot, event: str, who: int) -> list[tuple[str, str, int | None]]:
    rows = bot.ask("GET", f"/events/{event}/participants", who).json()["participants"]
    return [(row["user_id"], row["status"], row["waitlist_position"]) for row in rows]


def test_a_bot_plays_the_whole_chain(fresh_server: Server) -> None:
    made = fresh_server.make_bot("act", "changes")
    bot = TelegramBot(fresh_server.client, made.token)
    anna, boris, vera, gleb = 5_000_000_001, 5_000_000_002, 5_000_000_003, 5_000_000_004

    # Anna is new and creates an event with one seat. Its code fits into a button.
    anna_id = bot.meet(anna, first_name="Анна", username="anna")
    times = {"start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T12:00:00Z"}
    event = bot.ask("POST", "/events", anna, title="Чай", capacity=1, **times).json()
    code = event["code"]
    assert len(f"join:{code}".encode()) <= 64

    # Boris is new too and presses twice, which makes one registration. Vera and Gleb wait.
    first, second = (bot.press_join(boris, "Борис", code) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    boris_id = first.json()["user_id"]
    vera_id = bot.press_join(vera, "Вера", code).json()["user_id"]
    gleb_id = bot.press_join(gleb, "Глеб", code).json()["user_id"]
    waiting = [(boris_id, "registered", None), (vera_id, "waitlisted", 1), (gleb_id, "waitlisted", 2)]
    assert positions(bot, code, anna) == waiting
    told = bot.news()
    assert told.count(("registration.created", boris_id)) == 1
    assert told.count(("user.created", boris_id)) == 1

    # Boris leaves. Vera gets the seat, and the feed shows it.
    assert bot.ask("DELETE", f"/events/{code}/register", boris).json()["status"] == "cancelled"
    assert bot.news() == [("registration.cancelled", boris_id), ("registration.promoted", vera_id)]
    card = bot.ask("GET", f"/events/{code}/card?locale=ru", anna).json()
    assert card["names"] == ["Вера"]
    assert "Чай" in card["text"]

    # Gleb has an older account, which waits too. He links the two and keeps the earlier place.
    gleb_before = fresh_server.sign_up()
    assert gleb_before.post(f"/events/{code}/register").json()["waitlist_position"] == 2
    link_code = gleb_before.post("/users/me/link-codes").json()["code"]
    linked = bot.ask("POST", f"/identities/telegram/{gleb}/link", code=link_code)
    assert (linked.status_code, linked.json()["id"]) == (200, gleb_before.id)
    assert bot.ask("GET", "/users/me", gleb).json()["email"] == gleb_before.account["email"]
    assert positions(bot, code, anna) == [(vera_id, "registered", None), (gleb_before.id, "waitlisted", 1)]
    counted = bot.ask("GET", f"/events/{code}", anna).json()
    assert (counted["registered_count"], counted["waitlisted_count"]) == (1, 1)
    assert ("user.deleted", gleb_id) in bot.news()

    # Vera's other account gets the next seat that Anna adds. After the merge, that seat is free again.
    vera_before = fresh_server.sign_up()
    assert bot.ask("PATCH", f"/events/{code}", anna, capacity=3).status_code == 200
    assert vera_before.post(f"/events/{code}/register").json()["status"] == "registered"
    assert bot.press_join(boris, "Борис", code).json()["status"] == "waitlisted"
    link_code = vera_before.post("/users/me/link-codes").json()["code"]
    assert bot.ask("POST", f"/identities/telegram/{vera}/link", code=link_code).status_code == 200
    seated = {vera_before.id, gleb_before.id, boris_id}
    assert {(user, status) for user, status, _ in positions(bot, code, anna)} == {(u, "registered") for u in seated}
    assert ("registration.promoted", boris_id) in bot.news()

    # Anna deletes her event. The operator revokes the token, and the next request is refused.
    assert bot.ask("GET", "/users/me", anna).json()["id"] == anna_id
    assert bot.ask("DELETE", f"/events/{code}", anna).status_code == 200
    assert bot.news() == [("event.deleted", None)]
    fresh_server.revoke(made)
    for response in (bot.ask("GET", "/changes"), bot.ask("GET", "/users/me", anna)):
        check_problem(response, 401, "token_revoked")
