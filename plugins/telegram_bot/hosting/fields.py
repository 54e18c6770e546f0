"""The fields of an event that hosts can change: one table, one prompt, one handler."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct

from ..screens import Rows, in_rows
from ..texts import say, shorten
from .moments import moment, times_of, when
from .visits import Handlers, Visit

MAX_GUESTS: Final = 5
"""The guests whom each person can bring along to an event that is made in the bot."""
_SHOWN: Final = 200
"""The units of a long text that the menu shows."""


class Unclear(Exception):
    """A message that is no value of the field."""


class Field(Struct, frozen=True):
    """A field of an event: how a message becomes its value, and the values that have a button."""

    name: str
    parse: Callable[[str], Any] | None = str.strip
    """None: the field has only the values with buttons."""
    choices: Sequence[Any] = ()


def _number(text: str) -> int:
    """Returns the number in a message. Raises `Unclear`."""
    numbers = [word for word in text.replace("+", " ").split() if word.isdecimal()]
    if len(numbers) != 1 or len(numbers[0]) > 9:
        raise Unclear
    return int(numbers[0])


FIELDS: Final = {
    field.name: field
    for field in (
        Field("title"),
        Field("location", choices=(None,)),
        Field("description", choices=(None,)),
        Field("capacity", _number, choices=(None,)),
        Field("max_guests", _number, choices=(0, 1, 2, 3, 5, 10)),
        Field("waitlist", None, (True, False)),
        Field("approval_required", None, (True, False)),
        Field("participants_visibility", None, ("everyone", "participants", "hosts")),
        Field("visibility", None, ("public", "unlisted", "private")),
    )
}
_WINDOW: Final = ("registration_opens_at", "registration_closes_at")
_ROW: Final = 3


def shown(language: str, field: Field, value: Any) -> str:
    """Returns a value as text."""
    if value is None or isinstance(value, bool) or (isinstance(value, str) and value in field.choices):
        return say(language, f"host.{field.name}_{str(value).lower()}")
    return shorten(str(value), _SHOWN)


def limit_text(visit: Visit, name: str) -> str:
    """Returns when the registration opens or closes, as text."""
    value = visit.event[name]
    return moment(value, visit.event["timezone"], visit.language) if value else visit.say(f"{name}_none")


async def edit(visit: Visit, notice: str = "") -> None:
    """Shows the fields with their values, and a button for each."""
    event = visit.event
    lines = [f"{visit.say('time')}: {when(*times_of(event), event['timezone'], visit.language)}"]
    lines += [f"{visit.say(name)}: {shown(visit.language, field, event[name])}" for name, field in FIELDS.items()]
    lines += [f"{visit.say(name)}: {limit_text(visit, name)}" for name in _WINDOW]
    buttons = [visit.named(name, "field", name) for name in FIELDS]
    buttons.insert(1, visit.named("time", "time", "time"))
    buttons.insert(2, visit.named("timezone", "zones"))
    buttons += [visit.named(name, "limit", name) for name in _WINDOW]
    rows = in_rows(buttons, 2)
    await visit.show("\n\n".join(filter(None, (notice, "\n".join(lines)))), [*rows, visit.back()])


async def _ask(visit: Visit, name: str, notice: str = "") -> None:
    """Asks for the value of a field."""
    field = FIELDS[name]
    now = visit.say("now", value=shown(visit.language, field, visit.event[name]))
    body = "\n\n".join(filter(None, (notice, visit.say(f"{name}_ask"), now)))
    rows = [*_choices(visit, field), visit.back("edit")]
    if field.parse is None:
        await visit.show(body, rows)
    else:
        await visit.ask("field", body, rows, field=name)


def _choices(visit: Visit, field: Field) -> Rows:
    buttons = [
        visit.button(shown(visit.language, field, value), "set", field.name, json.dumps(value))
        for value in field.choices
    ]
    return in_rows(buttons, _ROW if field.parse else 1)


async def _set(visit: Visit, name: str, value: str) -> None:
    """Sets the value of a button."""
    await _change(visit, FIELDS[name], json.loads(value))


async def _answer(visit: Visit) -> None:
    """Sets the value of a message."""
    field = FIELDS[visit.kept["field"]]
    assert field.parse
    assert visit.said
    try:
        value = field.parse(visit.said.argument)
    except Unclear:
        return await _ask(visit, field.name, visit.say("no_number"))
    return await _change(visit, field, value)


async def _change(visit: Visit, field: Field, value: Any) -> None:
    await visit.patch(**{field.name: value})
    text = f"✅ {visit.say(field.name)}: {shown(visit.language, field, visit.event[field.name])}"
    await visit.toast(text)
    await edit(visit, "" if visit.tap else text)


ACTIONS: Handlers = {"edit": edit, "field": _ask, "set": _set}
ANSWERS: Handlers = {"field": _answer}
