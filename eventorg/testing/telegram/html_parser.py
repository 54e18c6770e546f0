"""Telegram's HTML: a few tags and four named entities. The errors are those of tdlib's parser."""

import re
from dataclasses import dataclass, field

from eventorg.testing.telegram.errors import ApiError, Json, bad

TAGS = {
    "a": "text_link",
    "b": "bold",
    "blockquote": "blockquote",
    "code": "code",
    "del": "strikethrough",
    "em": "italic",
    "i": "italic",
    "ins": "underline",
    "pre": "pre",
    "s": "strikethrough",
    "span": "spoiler",
    "strike": "strikethrough",
    "strong": "bold",
    "tg-emoji": "custom_emoji",
    "tg-spoiler": "spoiler",
    "tg-time": "date_time",
    "u": "underline",
}
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|([a-z]+));?")
_ATTRIBUTE = re.compile(r"""\s*([^\s=>]+)(?:\s*=\s*("[^"]*"|'[^']*'|[\w.-]+))?\s*""")


def units(text: str) -> int:
    """Returns the length in UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass
class _Open:
    tag: str
    start: int
    attributes: dict[str, str]


@dataclass
class _Parser:
    source: str
    at: int = 0
    text: str = ""
    length: int = 0
    entities: list[Json] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)

    def parse(self) -> tuple[str, list[Json]]:
        while self.at < len(self.source):
            if self.source[self.at] == "<":
                self._close() if self.source.startswith("</", self.at) else self._begin()
            elif self.source[self.at] == "&":
                self._reference()
            else:
                end = re.compile(r"[<&]").search(self.source, self.at)
                self._add(self.source[self.at : (stop := end.start() if end else len(self.source))])
                self.at = stop
        if self.open:
            raise _fault(f'Can\'t find end tag corresponding to start tag "{self.open[-1].tag}"')
        return self.text, self.entities

    def _add(self, text: str) -> None:
        self.text += text
        self.length += units(text)

    def _offset(self) -> int:
        return len(self.source[: self.at].encode())

    def _reference(self) -> None:
        found = _REFERENCE.match(self.source, self.at)
        decoded = _decode(found) if found else ""
        self._add(decoded or "&")
        self.at = found.end() if found and decoded else self.at + 1

    def _begin(self) -> None:
        offset = self._offset()
        end = self.source.find(">", self.at)
        name, space, rest = self.source[self.at + 1 : end if end >= 0 else None].partition(" ")
        if end < 0 and not space:
            raise _fault(f"Unclosed start tag at byte offset {offset}")
        tag = name.strip().lower()
        if tag not in TAGS:
            raise _fault(f'Unsupported start tag "{tag}" at byte offset {offset}')
        if end < 0:
            raise _fault(f"Unclosed start tag at byte offset {offset}")
        attributes = {key.lower(): _unquoted(value or "") for key, value in _ATTRIBUTE.findall(rest)}
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            raise _fault(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
        self.open.append(_Open(tag, self.length, attributes))
        self.at = end + 1

    def _close(self) -> None:
        offset = self._offset()
        if not self.open:
            raise _fault(f"Unexpected end tag at byte offset {offset}")
        end = self.source.find(">", self.at)
        if end < 0:
            raise _fault(f"Unclosed end tag at byte offset {offset}")
        tag, opened = self.source[self.at + 2 : end].strip().lower(), self.open.pop()
        if tag and tag != opened.tag:
            raise _fault(f'Unmatched end tag at byte offset {offset}, expected "</{opened.tag}>", found "</{tag}>"')
        self.at = end + 1
        if length := self.length - opened.start:
            self._entity(opened, length)

    def _entity(self, opened: _Open, length: int) -> None:
        entity: Json = {"type": TAGS[opened.tag], "offset": opened.start, "length": length}
        attributes, inner = opened.attributes, self.text.encode("utf-16-le")[opened.start * 2 :].decode("utf-16-le")
        match opened.tag:
            case "a":
                entity["url"] = attributes.get("href") or inner
            case "tg-emoji":
                entity["custom_emoji_id"] = attributes.get("emoji-id", "")
            case "tg-time":
                entity |= date_time(attributes.get("unix", ""), attributes.get("format", ""))
            case "blockquote" if "expandable" in attributes:
                entity["type"] = "expandable_blockquote"
            case "code" if attributes.get("class", "").startswith("language-") and self._is_inside_pre(opened):
                self.open[-1].attributes["language"] = attributes["class"].removeprefix("language-")
                return
            case "pre" if "language" in attributes:
                entity["language"] = attributes["language"]
            case _:
                pass
        self.entities.append(entity)

    def _is_inside_pre(self, opened: _Open) -> bool:
        return bool(self.open) and self.open[-1].tag == "pre" and self.open[-1].start == opened.start


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Returns the text without tags, and its entities. Raises the error 400 if it is not Telegram's HTML."""
    return _Parser(source).parse()


def date_time(unix: str, form: str) -> Json:
    """Returns the fields of a `date_time` entity. Raises the error 400 if they are invalid."""
    if not re.fullmatch(r"-?\d{1,10}", unix):
        raise _fault("Invalid date-time specified")
    if not re.fullmatch(r"r|w?[dD]?[tT]?", form):
        raise _fault("Invalid date-time format specified")
    return {"unix_time": int(unix), "date_time_format": form}


def _decode(found: re.Match[str]) -> str:
    in_hex, in_decimal, name = found.groups()
    if name:
        return _NAMED.get(name, "")
    number = int(in_hex, 16) if in_hex else int(in_decimal)
    return chr(number) if 0 < number < 0x110000 and not 0xD800 <= number < 0xE000 else ""


def _unquoted(value: str) -> str:
    inner = value[1:-1] if value[:1] in ('"', "'") else value
    return _REFERENCE.sub(lambda found: _decode(found) or found[0], inner)


def _fault(description: str) -> ApiError:
    return bad(f"can't parse entities: {description}")
