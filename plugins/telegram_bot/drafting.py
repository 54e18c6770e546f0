"""`/new` without more, in private: a dialog that asks for one thing after the other, and survives a restart."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from telegram import InlineKeyboardButton

from . import zones
from .bot import Bot
from .hosting import menu
from .hosting.fields import FIELDS, MAX_GUESTS, Field, Unclear, shown
from .hosting.moments import times_of, when
from .hosting.times import make_copy, next_week
from .hosting.visits import Visit, event_for
from .people import Person
from .router import Feature, Said, Tap
from .screens import Rows, in_rows, show
from .state import DIALOG
from .texts import say
from .when import NoSuchDayError, read_length, read_times

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
_MAX_TITLE: Final = 200
_ROW: Final = 3


@dataclass(kw_only=True)
class Dialog:
    """A person and what the event is so far."""

    bot: Bot
    person: Person
    step: str = "title"
    values: dict[str, Any] = field(default_factory=dict)
    tap: Tap | None = None
    update_id: int = 0

    @property
    def language(self) -> str:
        """The language of the person."""
        return self.person.language

    def say(self, name: str, /, **values: object) -> str:
        """Returns a text of the dialog."""
        return say(self.language, f"draft.{name}", **values)

    async def zone(self) -> ZoneInfo:
        """Returns the zone of the person."""
        return ZoneInfo((await self.bot.zone(None, self.person))[0])

    def button(self, label: str, *data: object) -> InlineKeyboardButton:
        """Returns a button of the dialog."""
        return InlineKeyboardButton(label, callback_data=":".join(str(each) for each in (PREFIX, *data)))

    async def go(self, step: str, notice: str = "") -> None:
        """Goes to a step: remembers it, and asks."""
        self.step = step
        kept = {"kind": KIND, "step": step, "values": self.values, "update": self.update_id}
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
        return self.say(f"{self.step}_ask")

    async def _known(self) -> list[str]:
        """Returns a line for each thing that is known before this step."""
        known: list[str] = []
        for step in STEPS[: STEPS.index(self.step)]:
            if step == "title":
                known.append(f"📝 {self.values['title']}")
            elif step == ("sure" if self.step != "sure" else "when"):
                known.append(f"🕒 {when(*self._times, str(await self.zone()), self.language)}")
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

    def body(self, zone: str) -> dict[str, Any]:
        """Returns the event, as `POST /events` takes it."""
        settings = DEFAULTS | self.values
        times = {f"{each}_time": settings.pop(each) for each in ("start", "end")}
        return settings | times | {"timezone": zone, "visibility": "unlisted"}


async def begin(said: Said) -> None:
    """Begins the dialog."""
    await Dialog(bot=said.bot, person=said.person, update_id=said.update_id).go("title")


async def _text(said: Said) -> bool:
    """Takes a message as the answer to the question of the step."""
    kept = await said.bot.state.get(DIALOG, said.person.id)
    if kept.get("kind") != KIND:
        return False
    dialog = Dialog(bot=said.bot, person=said.person, step=kept["step"], values=kept["values"])
    dialog.update_id = said.update_id
    text = said.argument.strip()
    if kept.get("update") == said.update_id or not text:  # the same message again, or a picture
        await dialog.ask()
    elif dialog.step == "title":
        dialog.take("title", text[:_MAX_TITLE])
        await dialog.advance()
    elif dialog.step in ("when", "sure"):
        await _take_time(dialog, text)
    elif dialog.step == "length":
        length = read_length(text)
        if length is None:
            await dialog.ask(say(dialog.language, "host.no_number"))
        else:
            dialog.take("length", int(length.total_seconds()) // 60)
            await dialog.advance()
    elif (parse := FIELDS[dialog.step].parse if dialog.step in FIELDS else None) is not None:
        try:
            dialog.take(dialog.step, parse(text))
        except Unclear:
            await dialog.ask(say(dialog.language, "host.no_number"))
        else:
            await dialog.advance()
    else:
        await dialog.ask(dialog.say("tap"))
    return True


async def _take_time(dialog: Dialog, text: str) -> None:
    """Shows back the time that a message names."""
    now = dialog.bot.clock()
    try:
        times = read_times(text, now, await dialog.zone())
    except NoSuchDayError:
        await dialog.ask(say(dialog.language, "host.no_such_day"))
        return
    if times is None or times[0] <= now:
        await dialog.ask(say(dialog.language, "host.no_time" if times is None else "host.past"))
        return
    dialog.values |= {
        name: each.isoformat(timespec="seconds") for name, each in zip(("start", "end"), times, strict=True)
    }
    await dialog.go("sure")


async def _tap(tap: Tap) -> None:
    action, _, rest = tap.argument.partition(":")
    kept = await tap.bot.state.get(DIALOG, tap.person.id)
    if kept.get("kind") != KIND:
        return await tap.toast(say(tap.person.language, "errors.unknown_button"))
    dialog = Dialog(bot=tap.bot, person=tap.person, step=kept["step"], values=kept["values"], tap=tap)
    if action == "stop":
        await dialog.forget()
        return await show(dialog.bot, dialog.person, dialog.say("stopped"), [], tap=tap)
    if action == "again":
        return await _again(dialog, *rest.split(":"))
    if action == "create":
        return await _create(dialog)
    step, _, value = rest.partition(":")
    if STEPS.index(step) > STEPS.index(dialog.step):  # a button of a question that was taken back
        return await dialog.ask()
    dialog.step = step
    if action == "back":
        return await dialog.back()
    default = dialog.length if step == "length" else DEFAULTS.get(step)
    dialog.take(step, json.loads(value) if action == "set" else default)
    return await dialog.advance()


async def _create(dialog: Dialog) -> None:
    """Makes the event, and shows its card and its menu."""
    assert dialog.tap
    if dialog.step != "done":
        return await dialog.ask()
    zone, is_chosen = await dialog.bot.zone(None, dialog.person)
    event = await dialog.bot.api.call("POST", "/events", dialog.person, json=dialog.body(zone), key=dialog.tap.key)
    await show(dialog.bot, dialog.person, dialog.say("created", title=event["title"]), [], tap=dialog.tap)
    person = dialog.person
    await dialog.bot.cards.post(person.id, event["id"], dialog.language, person)
    if not is_chosen:
        await zones.note_question(dialog.bot, person.id, person, event["code"])
        text = say(dialog.language, "zones.ask", zone=zone)
        await dialog.bot.telegram.send(person.id, text, keyboard=zones.offer(dialog.language, event["code"]))
    await menu.offer(dialog.bot, person, event, dialog.tap.key)
    await dialog.forget()  # last, so that nothing is left out if the bot ends here: Telegram sends the tap again
    return None


async def _again(dialog: Dialog, code: str, start: str, end: str) -> None:
    """Makes an event again."""
    assert dialog.tap
    event = await event_for(dialog.bot, dialog.person, code)
    times = (datetime.fromtimestamp(int(each), UTC).isoformat(timespec="seconds") for each in (start, end))
    await show(dialog.bot, dialog.person, dialog.say("created", title=event["title"]), [], tap=dialog.tap)
    await make_copy(Visit(bot=dialog.bot, person=dialog.person, event=event, key=dialog.tap.key), *times)
    await dialog.forget()


FEATURE: Final = Feature(taps={PREFIX: _tap}, texts=(_text,))
