"""The dialog of `/new` in private: it asks for one thing after the other, and survives a restart."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from babel.numbers import format_decimal
from telegram import InlineKeyboardButton

from . import group_links
from .bot import Bot
from .group_links import Group
from .hosting.fields import FIELDS, MAX_GUESTS, Field, shown
from .hosting.moments import times_of, when
from .hosting.times import next_week
from .people import Person
from .router import Tap
from .screens import Rows, in_rows, show
from .state import DIALOG
from .texts import say

KIND: Final = "new"
PREFIX: Final = "d"
STEPS: Final = (
    *("title", "when", "sure", "length", "location", "capacity", "max_guests", "waitlist"),
    *("participants_visibility", "done"),
)
DEFAULTS: Final[dict[str, Any]] = {
    "location": None,
    "capacity": None,
    "max_guests": MAX_GUESTS,
    "waitlist": True,
    "participants_visibility": "everyone",
}
"""The steps that can be skipped, with their values then. The length can be, too: it stays as it is."""
_LENGTHS: Final = (60, 90, 120, 180)
_RECENT: Final = timedelta(days=60)
_ROW: Final = 3


@dataclass(kw_only=True)
class Dialog:
    """A person and what the event is so far."""

    bot: Bot
    person: Person
    step: str = "title"
    values: dict[str, Any] = field(default_factory=dict)
    group: Group | None = None
    """Where the card goes, if the person has begun in a group."""
    tap: Tap | None = None
    update_id: int = 0

    @property
    def language(self) -> str:
        """The language of the person."""
        return self.person.language

    def say(self, name: str, /, **values: object) -> str:
        """Returns a text of the dialog."""
        return say(self.language, f"draft.{name}", **values)

    async def zone(self) -> tuple[str, bool]:
        """Returns the zone of the group or the person, and whether anybody chose it."""
        return await self.bot.zone(self.group.chat if self.group else None, self.person)

    def button(self, label: str, *data: object) -> InlineKeyboardButton:
        """Returns a button of the dialog."""
        return InlineKeyboardButton(label, callback_data=":".join(str(each) for each in (PREFIX, *data)))

    async def go(self, step: str, notice: str = "") -> None:
        """Goes to a step: remembers it, and asks."""
        self.step = step
        kept = {"kind": KIND, "step": step, "values": self.values, "update": self.update_id}
        kept |= {"group": msgspec.to_builtins(self.group)} if self.group else {}
        await self.bot.state.set(DIALOG, self.person.id, kept, await self.bot.api.user_id(self.person))
        await self.ask(notice)

    async def ask(self, notice: str = "") -> None:
        """Asks the question of the step, below what is known already."""
        lines = "\n".join(await self._known())
        body = "\n\n".join(filter(None, (lines, notice, self._question())))
        await show(self.bot, self.person, body, await self._rows(), tap=self.tap)

    async def advance(self) -> None:
        """Goes to the next step."""
        await self.go(STEPS[STEPS.index(self.step) + (2 if self._is_before_waitlist(self.step, 1) else 1)])

    async def back(self) -> None:
        """Goes to the step before, which is forgotten."""
        at = STEPS.index(self.step) - (2 if self._is_before_waitlist(self.step, -1) else 1)
        await self.go("when" if STEPS[at] == "sure" else STEPS[max(at, 0)])

    def _is_before_waitlist(self, step: str, direction: int) -> bool:
        """Returns true if the next step is about the waiting list, and the event cannot have one."""
        return STEPS[STEPS.index(step) + direction] == "waitlist" and self.values.get("capacity") is None

    def _question(self) -> str:
        if self.step in FIELDS and self.step != "title":
            return say(self.language, f"host.{self.step}_ask")
        return self.say("done_ask_group" if self.step == "done" and self.group else f"{self.step}_ask")

    async def _known(self) -> list[str]:
        """Returns a line for each thing that is known before this step."""
        known: list[str] = []
        for step in STEPS[: STEPS.index(self.step)]:
            if step == "title":
                known.append(f"📝 {self.values['title']}")
            elif step == ("sure" if self.step != "sure" else "when"):
                known.append(f"🕒 {when(*self._times, (await self.zone())[0], self.language)}")
            elif step in FIELDS and step in self.values:
                value = shown(self.language, FIELDS[step], self.values[step])
                known.append(f"{say(self.language, f'host.{step}')}: {value}")
        return known

    async def _rows(self) -> Rows:
        rows: Rows = []
        if self.step == "title":
            rows += await self._templates()
        elif self.step == "sure":
            rows.append([self.button(self.say("yes"), "set", "sure", "true")])
        elif self.step == "length":
            lengths = sorted({*_LENGTHS, self.length})
            rows += in_rows([self.button(self._hours(each), "set", "length", each) for each in lengths], _ROW)
        elif self.step == "done":
            rows.append([self.button(self.say("create"), "create")])
        elif self.step in FIELDS:
            rows += self._choices(FIELDS[self.step])
        if self.step in DEFAULTS or self.step == "length":
            rows.append([self.button(self.say("skip"), "skip", self.step)])
        last = [] if self.step == "title" else [self.button(say(self.language, "host.back"), "back", self.step)]
        return [*rows, [*last, self.button(self.say("stop"), "stop")]]

    def _choices(self, field: Field) -> Rows:
        choices = [value for value in field.choices if value is not None]
        buttons = [
            self.button(shown(self.language, field, value), "set", field.name, json.dumps(value)) for value in choices
        ]
        return in_rows(buttons, _ROW)

    @property
    def _times(self) -> tuple[datetime, datetime]:
        return datetime.fromisoformat(self.values["start"]), datetime.fromisoformat(self.values["end"])

    @property
    def length(self) -> int:
        """The minutes from the start to the end."""
        start, end = self._times
        return int((end - start).total_seconds()) // 60

    def _hours(self, minutes: int) -> str:
        label = self.say("hours", hours=format_decimal(minutes / 60, locale=self.language))
        return f"✓ {label}" if minutes == self.length else label

    async def _templates(self) -> Rows:
        """Returns a button that makes the person's last event again, if there is one."""
        since = (self.bot.clock() - _RECENT).isoformat(timespec="seconds")
        parameters = {"from": since, "role": "organizer"}
        found = (await self.bot.api.get("/users/me/events", self.person, **parameters))["events"]
        if not found:
            return []
        event = await self.bot.api.get(f"/events/{found[-1]['id']}", self.person)
        start, end = next_week(*times_of(event), self.bot.clock())
        day = when(start, end, event["timezone"], self.language).partition(" – ")[0]
        moments = (int(each.timestamp()) for each in (start, end))
        return [[self.button(f"🔁 {event['title'][:30]}, {day}", "again", event["code"], *moments)]]

    def take(self, step: str, value: Any) -> None:
        """Keeps the value of a step."""
        self.step = step
        if step == "length":
            start = datetime.fromisoformat(self.values["start"])
            end = (start.astimezone(UTC) + timedelta(minutes=value)).astimezone(start.tzinfo)
            self.values["end"] = end.isoformat(timespec="seconds")
        elif step != "sure":
            self.values[step] = value

    async def forget(self) -> None:
        """Ends the dialog."""
        await self.bot.state.set(DIALOG, self.person.id, {})

    async def post(self, event_id: str) -> None:
        """Posts the card into the group, if the dialog began in one."""
        if self.group:
            is_posted = await group_links.post(self.bot, self.group, event_id, self.person)
            words = self.say("posted" if is_posted else "not_posted")
            await self.bot.telegram.send(self.person.id, words)

    def body(self, zone: str) -> dict[str, Any]:
        """Returns the event, as `POST /events` takes it."""
        settings = DEFAULTS | self.values
        times = {f"{each}_time": settings.pop(each) for each in ("start", "end")}
        return settings | times | {"timezone": zone, "visibility": "unlisted"}
