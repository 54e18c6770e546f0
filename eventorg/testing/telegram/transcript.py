"""The transcript: every call of the bot and every act of a person, in order, with times."""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from eventorg.testing.telegram.errors import Json


class Call(NamedTuple):
    """A call of the bot. `at` is on the clock `time.monotonic`. `error` is Telegram's description, or None."""

    at: float
    method: str
    parameters: Json
    error: str | None


@dataclass(frozen=True)
class Entry:
    """One step of a story: the bot calls a method, or a person does something.

    For a call, `result` is what Telegram answered, or None if `error` says why not. For an act of a person, `result`
    is the message or update that it made. Messages in it are as they were then.
    """

    at: float
    """Unix time, in seconds."""
    by: str
    """`bot`, or the first name of the person."""
    verb: str
    """A method such as `sendMessage`, or an act such as `say`, `tap`, `inline` or `block`."""
    said: Json
    result: Any = None
    error: str | None = None

    def json(self) -> Json:
        """Returns the entry as JSON. Files are named, not included."""
        said = {key: value if isinstance(value, str | int | float | bool | list | dict | None) else repr(value)
                for key, value in self.said.items()}  # fmt: skip
        shown: Json = {"at": self.at, "by": self.by, "verb": self.verb, "said": said}
        return shown | ({"error": self.error} if self.error else {"result": self.result})


class Transcript:
    """What has happened so far. `calls` has the calls alone."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.calls: list[Call] = []

    def note_call(self, method: str, parameters: Json, result: Any = None, error: str | None = None) -> None:
        """Adds a call of the bot."""
        self.calls.append(Call(time.monotonic(), method, parameters, error))
        self.entries.append(Entry(time.time(), "bot", method, parameters, result, error))

    def note_act(self, by: str, verb: str, said: Json, result: Any = None) -> None:
        """Adds an act of a person."""
        self.entries.append(Entry(time.time(), by, verb, said, result))
