"""Draws the README's pictures of the Telegram bot: `python -m tests.pictures`.

A server with a clock of its own plays a story against the fake Telegram, and each picture is what a chat shows then.
"""

import logging
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Final
from xml.sax.saxutils import escape

from eventorg.settings import load
from eventorg.testing import Limits, running, running_fake
from tests.programs import CHECKOUT

FOLDER: Final = CHECKOUT / ".github" / "pictures"
_WIDTH: Final = 440
_EDGE: Final = 12
_FONT: Final = 15
_LINE: Final = 21
_KEY: Final = 34
_GAP: Final = 4
_FAMILY: Final = "-apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_STYLE: Final = (
    f"text{{font:{_FONT}px {_FAMILY};fill:#000}}.b{{font-weight:600}}.m{{fill:#2a7ab8}}"
    ".k{fill:#fff;font-size:14px;text-anchor:middle}.n{font-weight:600;fill:#3a8e3a;font-size:14px}"
)
_NARROW: Final = frozenset("fijlrtI1.,:;!'|()[]/ ")
Span = tuple[str, str]
"""A piece of text and its class."""


def picture(messages: Sequence[Any]) -> str:
    """Returns an SVG of messages, one below the other."""
    top, shapes = _EDGE, []
    for message in messages:
        for shape, height in _bubble(message, top):
            shapes.append(shape)
            top += height
        top += _EDGE
    size = f'width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}"'
    ground = f'<rect width="{_WIDTH}" height="{top}" rx="10" fill="#9fc0a0"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{_STYLE}</style>\n{ground}\n' + "".join(
        f"{shape}\n" for shape in [*filter(None, shapes), "</svg>"]
    )


def _bubble(message: Any, top: int) -> Iterator[tuple[str, int]]:
    """Yields the shapes of a message, each with the height that it adds."""
    is_bot = message.sender["is_bot"]
    width = _WIDTH - 2 * _EDGE
    lines = [*_wrapped(_spans(message), width - 2 * _EDGE)]
    if not is_bot:
        width = int(max(_length(line) for line in lines)) + 2 * _EDGE + 8
        width = max(width, int(_length([(message.sender["first_name"], "n")])) + 2 * _EDGE + 8)
    height = (len(lines) + 1) * _LINE + _EDGE
    color, name = ("#ffffff", "Events") if is_bot else ("#e6fbd5", message.sender["first_name"])
    yield f'<rect x="{_EDGE}" y="{top}" width="{width}" height="{height}" rx="12" fill="{color}"/>', 0
    yield f'<text class="n" x="{2 * _EDGE}" y="{top + _LINE - 1}">{escape(name)}</text>', 0
    for number, line in enumerate(lines, start=2):
        spans = "".join(
            f'<tspan class="{kind}">{escape(text)}</tspan>' if kind else escape(text) for text, kind in line
        )
        yield f'<text x="{2 * _EDGE}" y="{top + number * _LINE - 1}" xml:space="preserve">{spans}</text>', 0
    yield "", height + _GAP
    top += height + _GAP
    for row in (message.markup or {}).get("inline_keyboard", []):
        each = (width - _GAP * (len(row) - 1)) / len(row)
        for number, button in enumerate(row):
            x = _EDGE + number * (each + _GAP)
            yield f'<rect x="{x:.1f}" y="{top}" width="{each:.1f}" height="{_KEY}" rx="8" fill="#5f8d63"/>', 0
            yield f'<text class="k" x="{x + each / 2:.1f}" y="{top + 22}">{escape(button["text"])}</text>', 0
        yield "", _KEY + _GAP
        top += _KEY + _GAP


def _span(text: str, kind: str) -> str:
    return f'<tspan class="{kind}">{escape(text)}</tspan>' if kind else escape(text)


def _spans(message: Any) -> list[Span]:
    """Returns the text in pieces, by what is marked in it."""
    text = message.text.encode("utf-16-le")
    classes = {"bold": "b", "text_mention": "m", "text_link": "m", "date_time": "m", "bot_command": "m", "url": "m"}
    pieces, at = [], 0
    for entity in sorted(message.entities, key=lambda each: each["offset"]):
        begin, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        if begin < at or entity["type"] not in classes:
            continue
        pieces += [(text[at:begin], ""), (text[begin:end], classes[entity["type"]])]
        at = end
    pieces.append((text[at:], ""))
    return [(piece.decode("utf-16-le"), kind) for piece, kind in pieces if piece]


def _wrapped(spans: Sequence[Span], width: int) -> Iterator[list[Span]]:
    """Yields lines of at most this width. Widths are estimates: the reader's font is not known."""
    line: list[Span] = []
    for text, kind in spans:
        for number, part in enumerate(text.split("\n")):
            if number:
                yield line
                line = []
            words = part.split(" ")
            for index, word in enumerate(words):
                piece = word if index == len(words) - 1 else f"{word} "
                if line and _length([*line, (piece.rstrip(), kind)]) > width:
                    yield line
                    line = []
                if line and line[-1][1] == kind:
                    line[-1] = (line[-1][0] + piece, kind)
                elif piece:
                    line.append((piece, kind))
    yield line


def _length(line: Sequence[Span]) -> float:
    return sum(_advance(letter) for text, _ in line for letter in text) * _FONT


def _advance(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if unicodedata.east_asian_width(letter) == "W" or unicodedata.category(letter) == "So":
        return 1.3
    if unicodedata.category(letter) in ("Mn", "Cf"):
        return 0.0
    return 0.74 if letter.isupper() else 0.62


class Stage:
    """A server with the bot, and the fake Telegram."""

    def __init__(self, stack: ExitStack) -> None:
        self.telegram = stack.enter_context(running_fake(limits=Limits(enforced=False)))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        given = {
            "EVENTORG_DATABASE": f"{folder}/eventorg.db",
            "EVENTORG_LOG_LEVEL": "error",
            "EVENTORG_TELEGRAM_BOT_TOKEN": self.telegram.token,
            "EVENTORG_TELEGRAM_BOT_API_URL": self.telegram.url,
        }
        self.server = stack.enter_context(running(load(given)))

    def wait(self, chat: Any, words: str) -> Any:
        """Returns the newest message of the bot in a chat that has these words."""
        return chat.wait_for(lambda each: each.sender["is_bot"] and words in each.text)

    def group(self, language: str, people: Sequence[str], zone: str, event: str, buttons: Sequence[str]) -> list[Any]:
        """Returns the host, the message, and the card of a group in which all tap a button each."""
        members = [self.telegram.person(name, language_code=language) for name in people]
        group = self.telegram.group("Friends", members[0], supergroup=True)
        group.add(*members)
        group.add_bot(members[0])
        members[0].say(group, f"/timezone {zone}")
        self.wait(group, zone)
        members[0].say(group, event)
        card = group.wait_for(lambda each: each.buttons)
        for member, button in zip(members, buttons, strict=True):
            member.tap(card, button)
        last, inner = members[-1].first_name, card._inner
        self.telegram.wait_until(lambda: f". {last}" in inner.text)
        said = group.wait_for(lambda each: each.text == event)
        return [members[0], said, card]

    def menu(self, host: Any, card: Any) -> Any:
        """Returns the menu that the host of a card gets in private."""
        host.start(card.buttons[0]["callback_data"].partition(":")[2])
        return self.wait(host.chat, "⚙️")


STORIES: Final = {
    "en": (
        ("Anna", "Bob", "Carol", "Dan"),
        ("Europe/Berlin", "/new Football Sat 19:00 2h, 12 seats, Luzhniki"),
        ("Going", "+1", "Maybe", "Going"),
    ),
    "ru": (
        ("Анна", "Борис", "Вера", "Глеб"),
        ("Europe/Moscow", "/new Футбол сб 19:00 2ч, 12 мест, Лужники"),
        ("Иду", "+1", "Может быть", "Иду"),
    ),
}
"""The people, the zone and the event, and the button that each taps, by language."""


def draw() -> dict[str, str]:
    """Returns the SVG of each picture by its name."""
    with ExitStack() as stack:
        stage, drawn = Stage(stack), {}
        for language, (people, (zone, event), buttons) in STORIES.items():
            host, said, card = stage.group(language, people, zone, event, buttons)
            drawn[f"card-{language}"] = picture([said, card])
            drawn[f"menu-{language}"] = picture([stage.menu(host, card)])
        return drawn


def main() -> None:
    """Writes the pictures."""
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # the fake stops while the bot polls
    FOLDER.mkdir(exist_ok=True)
    for name, svg in draw().items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        sys.stdout.write(f"{name}.svg\n")


if __name__ == "__main__":
    main()
