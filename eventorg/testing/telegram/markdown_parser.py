"""Telegram's MarkdownV2. The errors are those of tdlib's parser."""

import re

from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.html_parser import date_time, units

_MARKS = {
    "*": "bold",
    "_": "italic",
    "__": "underline",
    "~": "strikethrough",
    "||": "spoiler",
    "`": "code",
    "```": "pre",
    "[": "text_link",
    "![": "custom_emoji",
}
_TOKEN = re.compile(r"\\(?P<escaped>[\x01-\x7e])|(?P<mark>```|`|\|\||__|!\[|[*_~\[\]])|(?P<reserved>[#+\-=|{}.!()>])")


def parse_markdown(source: str) -> tuple[str, list[Json]]:
    """Returns the text without marks, and its entities. Raises the error 400 if a mark is not closed or not escaped."""
    text, at, entities = "", 0, []
    opened: list[tuple[str, int]] = []
    while found := _TOKEN.search(source, at):
        text += source[at : found.start()]
        at = found.end()
        if escaped := found["escaped"]:
            text += escaped
            continue
        mark, innermost = found["mark"], opened[-1][0] if opened else ""
        if innermost in ("`", "```") and mark != innermost:
            text += found[0]
        elif mark == "]" and innermost in ("[", "!["):
            link = re.compile(r"\(((?:\\.|[^)\\])*)\)").match(source, at)
            at = link.end() if link else at
            _, start = opened.pop()
            entities += _linked(innermost, link[1] if link else "", start, units(text) - start)
        elif mark and mark == innermost:
            _, start = opened.pop()
            if length := units(text) - start:
                entities.append({"type": _MARKS[mark], "offset": start, "length": length})
        elif mark in _MARKS:
            opened.append((mark, units(text)))
        elif found["reserved"] == ">" and (not text or text.endswith("\n")):
            end = source.find("\n", at)
            quoted, inner = parse_markdown(source[at : end if end >= 0 else len(source)])
            start = units(text)
            entities += [entity | {"offset": entity["offset"] + start} for entity in inner]
            entities.append({"type": "blockquote", "offset": start, "length": units(quoted)})
            text, at = text + quoted, end if end >= 0 else len(source)
        else:
            raise bad(
                f"can't parse entities: Character '{found[0]}' is reserved and must be escaped with the preceding '\\'"
            )
    if opened:
        kind = {"[": "TextUrl", "![": "CustomEmoji", "```": "Pre"}.get(opened[-1][0], _MARKS[opened[-1][0]].title())
        raise bad(f"can't parse entities: Can't find end of {kind} entity at byte offset {opened[-1][1]}")
    return text + source[at:], entities


def _linked(mark: str, link: str, start: int, length: int) -> list[Json]:
    place = {"offset": start, "length": length}
    link = re.sub(r"\\(.)", r"\1", link)
    if not length or not link:
        return []
    if mark == "[":
        return [{"type": "text_link", **place, "url": link}]
    if emoji := re.fullmatch(r"tg://emoji\?id=(\d+)", link):
        return [{"type": "custom_emoji", **place, "custom_emoji_id": emoji[1]}]
    if moment := re.fullmatch(r"tg://time\?unix=(-?\d+)(?:&format=(\w*))?", link):
        return [{"type": "date_time", **place, **date_time(moment[1], moment[2] or "")}]
    raise bad("can't parse entities: Custom emoji URL must have an emoji identifier")
