"""Events that are deleted outside the bot: their cards say so, in every chat and language, also after a restart."""

import asyncio
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
from telegram.error import BadRequest, NetworkError

from ..card_places import CardPlaces
from ..client import Gone, Later
from ..state import MemoryState
from .scene import Scene, code_of, labels, marked

GONE = {"type": "event.deleted", "event_id": "e1"}


def test_cards_in_a_group_in_private_and_inline_say_that_the_event_was_deleted(scene: Scene) -> None:
    anna, boris = scene.person("Anna", started=True), scene.person("Борис", "ru", started=True)
    group = scene.group(anna, boris, zone="Europe/Berlin")
    anna.say(group, "/new Tea tomorrow 18:00")
    public = scene.card(group)
    code = code_of(public)
    boris.start(code)
    private = scene.card(boris.chat)
    inline = boris.choose(boris.inline(code)["results"][0], scene.telegram.group("Elsewhere", boris))
    boris.tap(inline, "Иду")
    for card in (public, private, inline):
        scene.shows(card, "1. Борис")
    scene.acting(anna).patch(f"/events/{code}", json={"title": "Cake"}).raise_for_status()
    scene.server.clock.advance(seconds=4)
    for card in (public, private, inline):
        scene.shows(card, "Cake")
    kept = scene.acting(boris).get("/users/me/export").json()["plugins"]["telegram_bot"]
    own = [each["values"] for each in kept if each["kind"] == "card"]
    event_id = scene.acting(boris).get(f"/events/{code}").json()["id"]
    assert own == [{"event": event_id, "language": "ru"}], "what is in the private chat is about the person"
    scene.acting(anna).delete(f"/events/{code}").raise_for_status()
    assert scene.shows(public, "deleted") == "Cake\n❌ The event was deleted."
    assert scene.shows(private, "удалено") == "Cake\n❌ Мероприятие удалено."
    scene.shows(inline, "удалено")
    assert marked(public, "bold") == ["Cake"]
    assert [labels(card) for card in (public, private, inline)] == [[], [], []]


def placement(chat: int | None, message: str, event_id: str = "e1", locale: str = "en") -> dict[str, Any]:
    chat_id = None if chat is None else str(chat)
    return {"event_id": event_id, "chat_id": chat_id, "message_id": message, "locale": locale}


class Place:
    """Card places without servers: `edit` is what Telegram does, `now` is in seconds since 1970."""

    def __init__(self, file: Path | None = None) -> None:
        self.now = 1_000_000
        self.edit = AsyncMock()
        self.state = MemoryState(file)
        clock = Mock(side_effect=lambda: SimpleNamespace(timestamp=lambda: self.now))
        telegram = SimpleNamespace(pace=SimpleNamespace(turn=lambda *_, **__: nullcontext()), edit=self.edit)
        reminders = SimpleNamespace(forget=AsyncMock())
        api = SimpleNamespace(find_user_id=AsyncMock(return_value="u1"))
        bot = SimpleNamespace(
            api=api, state=self.state, clock=clock, telegram=telegram, reminders=reminders, log=Mock()
        )
        self.places = CardPlaces(cast("Any", bot))

    async def end(self, *changes: dict[str, Any]) -> None:
        """Takes changes, and waits until what follows is done."""
        await self.places.take(changes)
        assert await self.places.work() is False
        await asyncio.gather(*self.places._ending.values())

    @property
    def edited(self) -> list[object]:
        return [call.kwargs["message"] for call in self.edit.call_args_list]


def test_cards_end_after_a_restart_and_only_those_of_deleted_events(tmp_path: Path) -> None:
    async def run() -> None:
        before = Place(tmp_path / "bot.json")
        await before.places.note(placement(-5, "7"), "Tea", 1_000_100)
        await before.places.note(placement(None, "AbC_1", locale="ru"), "Tea", 1_000_100)
        await before.places.note(placement(-5, "8", "e2"), "Cake", 1_000_100)
        await before.places.note(placement(-5, "9"), "Tea", 1_000_100)
        await before.places.forget(placement(-5, "9"))
        await before.places.take([GONE, {"type": "event.updated", "event_id": "e2"}])
        after = Place(tmp_path / "bot.json")
        await after.places.load()
        await after.end()
        texts = {call.kwargs["message"]: call.args[0] for call in after.edit.call_args_list}
        assert texts == {7: "Tea\n❌ The event was deleted.", "AbC_1": "Tea\n❌ Мероприятие удалено."}
        assert list(await after.state.list("cards")) == ["e2"]
        await after.end(GONE)
        assert len(after.edited) == 2, "the same change again"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "tries"),
    [(Later(1), 2), (NetworkError("502"), 2), (Gone("kicked"), 1), (BadRequest("Message is too old"), 1)],
)
def test_a_card_that_telegram_does_not_take_now_comes_again(error: Exception, tries: int) -> None:
    async def run() -> None:
        place = Place()
        await place.places.note(placement(5, "7"), "Tea", 1_000_100)
        place.edit.side_effect = [error, None]
        await place.end(GONE)
        await place.end()
        await place.end()
        assert place.edited == [7] * tries
        assert await place.state.list("cards") == {}

    asyncio.run(run())


def test_events_of_long_ago_are_forgotten() -> None:
    async def run() -> None:
        place = Place()
        await place.places.note(placement(5, "7"), "Tea", 1_000_100)
        await place.places.work()
        place.now += 31 * 24 * 60 * 60
        await place.places.note(placement(5, "8", "e2"), "Cake", place.now + 100)
        await place.end(GONE)
        assert list(await place.state.list("cards")) == ["e2"]

    asyncio.run(run())
