"""Texts and their entities, as Telegram reads, checks, and counts them."""

import re
from collections.abc import Callable

from eventorg.testing.telegram.errors import Json, bad
from eventorg.testing.telegram.html_parser import date_time, parse_html, units
from eventorg.testing.telegram.markdown_parser import parse_markdown

FOUND = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/@]))"
    r"|(?P<url>\bhttps?://[^\s<>]+[^\s<>.,!?;:)])"
    r"|(?P<email>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b)"
    r"|(?P<mention>(?<!\w)@\w{4,32}\b)"
    r"|(?P<hashtag>(?<!\w)#\w+)"
)
"""Entities that Telegram finds in a text by itself."""
FOUND_TYPES = {"mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bank_card_number"}
GIVEN_TYPES = {
    *("bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote"),
    *("code", "pre", "text_link", "text_mention", "custom_emoji", "date_time"),
}
MENTION = re.compile(r"tg://user\?id=(\d+)")


def formatted(
    text: str, mode: str = "", entities: list[Json] | None = None, find_user: Callable[[int], Json | None] | None = None
) -> tuple[str, list[Json]]:
    """Returns a text without markup and outer white space, and its entities with those that Telegram finds by itself.

    A link to `tg://user?id=…` becomes a mention if `find_user` knows that user, and no entity otherwise. Raises the
    error 400.
    """
    match mode.lower():
        case "html":
            text, entities = parse_html(text)
        case "markdownv2":
            text, entities = parse_markdown(text)
        case "" | "none" | "markdown":
            entities = _checked(text, entities or [])
        case _:
            raise bad("unsupported parse_mode")
    text, entities = _trimmed(text, entities)
    named = [one for entity in entities for one in _with_user(entity, find_user)]
    return text, sorted(named + _found(text, named), key=lambda entity: (entity["offset"], -entity["length"]))


def commands_in(text: str) -> list[Json]:
    """Returns the entities that Telegram finds in what a person types."""
    return _found(text, [])


def _found(text: str, taken: list[Json]) -> list[Json]:
    closed = [
        (one["offset"], one["offset"] + one["length"])
        for one in taken
        if one["type"] in ("code", "pre", "text_link", "text_mention", "custom_emoji", "date_time")
    ]
    found: list[Json] = []
    for match in FOUND.finditer(text):
        offset, length = units(text[: match.start()]), units(match[0])
        if not any(start < offset + length and offset < end for start, end in closed):
            found.append({"type": match.lastgroup, "offset": offset, "length": length})
    return found


def _checked(text: str, entities: list[Json]) -> list[Json]:
    encoded, checked = text.encode("utf-16-le"), []
    for entity in entities:
        kind, offset, length = entity.get("type"), entity.get("offset"), entity.get("length")
        if kind in FOUND_TYPES:
            continue
        if kind not in GIVEN_TYPES:
            raise bad("can't parse MessageEntity: Unsupported type specified")
        if not isinstance(offset, int) or not isinstance(length, int):
            raise bad('can\'t parse MessageEntity: Field "offset" must be of type Number')
        if offset < 0:
            raise bad(f"receive an entity with incorrect offset {offset}")
        if length < 0:
            raise bad(f"receive an entity with incorrect length {length}")
        length = min(length, len(encoded) // 2 - offset)
        if length <= 0:
            continue
        for at, word in ((offset, "begins"), (offset + length, "ends")):
            if 0xDC <= (encoded[at * 2 + 1 : at * 2 + 2] or b"\0")[0] <= 0xDF:
                raise bad(f"entity {word} in a middle of a UTF-16 symbol at byte offset {at}")
        if kind == "date_time":
            entity |= date_time(str(entity.get("unix_time", "")), entity.get("date_time_format") or "")
        checked.append(entity | {"offset": offset, "length": length})
    return checked


def _trimmed(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    text = text.replace("\r", "").rstrip()
    size = units(text)
    kept = [
        entity | {"length": min(entity["length"], size - entity["offset"])}
        for entity in entities
        if entity["offset"] < size
    ]
    lead = min([len(text) - len(text.lstrip()), *(entity["offset"] for entity in kept)])
    return text[lead:], [entity | {"offset": entity["offset"] - lead} for entity in kept]


def _with_user(entity: Json, find_user: Callable[[int], Json | None] | None) -> list[Json]:
    mentioned = MENTION.fullmatch(str(entity.get("url", "")))
    user_id = int(mentioned[1]) if mentioned else (entity.get("user") or {}).get("id")
    if user_id is None or entity["type"] not in ("text_link", "text_mention"):
        return [entity]
    user = find_user(user_id) if find_user else None
    place = {"offset": entity["offset"], "length": entity["length"]}
    return [{"type": "text_mention", **place, "user": user}] if user else []
