"""Texts and entities: offsets and lengths in UTF-16 units, HTML, MarkdownV2, and what Telegram finds by itself."""

from typing import Any

import pytest

from eventorg.testing.telegram import ApiError
from eventorg.testing.telegram.formatting import formatted

ANNA = {"id": 1001, "is_bot": False, "first_name": "Anna"}


def find_user(user_id: int) -> dict[str, Any] | None:
    return ANNA if user_id == 1001 else None


def entity(kind: str, offset: int, length: int, **more: Any) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length} | more


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a &lt;b&gt; &amp; &quot;c&quot;", 'a <b> & "c"', []),
        ("&nbsp; &#39; &#x27; &apos; & &;", "&nbsp; ' ' &apos; & &;", []),
        ("🍵<b>Чай</b>", "🍵Чай", [entity("bold", 2, 3)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ("<B>a</B><b></b>", "a", [entity("bold", 0, 1)]),
        ("<b>a</>", "a", [entity("bold", 0, 1)]),
        ('<a href="https://x.org/?a=1&amp;b">x</a>', "x", [entity("text_link", 0, 1, url="https://x.org/?a=1&b")]),
        ("<a href='tg://user?id=1001'>Anna</a>", "Anna", [entity("text_mention", 0, 4, user=ANNA)]),
        ("<a\nhref='https://x.org/>'>x</a>", "x", [entity("text_link", 0, 1, url="https://x.org/>")]),
        ("<a href='tg://user?id=5'>Nobody</a>", "Nobody", []),
        ("<span class='tg-spoiler'>x</span>", "x", [entity("spoiler", 0, 1)]),
        ("<pre><code class='language-sql'>x</code></pre>", "x", [entity("pre", 0, 1, language="sql")]),
        ("<blockquote expandable>x</blockquote>", "x", [entity("expandable_blockquote", 0, 1)]),
        ("<tg-emoji emoji-id='5'>🍵</tg-emoji>", "🍵", [entity("custom_emoji", 0, 2, custom_emoji_id="5")]),
        (
            "<tg-time unix='1800000000'>Fri</tg-time>",
            "Fri",
            [entity("date_time", 0, 3, unix_time=1800000000, date_time_format="")],
        ),
        ("  <b>a </b> \n", "a", [entity("bold", 0, 1)]),
    ],
)
def test_html_becomes_entities(source: str, text: str, entities: list[dict[str, Any]]) -> None:
    assert formatted(source, "HTML", find_user=find_user) == (text, entities)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("a < b", 'Unsupported start tag "" at byte offset 2'),
        ("Чай <br>", 'Unsupported start tag "br" at byte offset 7'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b>a</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("a<b href='x", "Unclosed start tag at byte offset 1"),
        ("a <3 b", 'Unsupported start tag "3" at byte offset 2'),
        ("a<b", "Unclosed start tag at byte offset 1"),
        ("<b>a</b", "Unclosed end tag at byte offset 4"),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("<tg-time unix='x'>a</tg-time>", "Invalid date-time specified"),
        ("<tg-time unix='1' format='rD'>a</tg-time>", "Invalid date-time format specified"),
    ],
)
def test_html_that_telegram_does_not_know_is_refused(source: str, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        formatted(source, "html")
    assert refused.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        (r"*Tea* _at_ __6__\!", "Tea at 6!", [entity("bold", 0, 3), entity("italic", 4, 2), entity("underline", 7, 1)]),
        ("~a~ ||b|| `c*` ```d```", "a b c* d", None),
        (r"[Anna](tg://user?id=1001)", "Anna", [entity("text_mention", 0, 4, user=ANNA)]),
        (r"[x](https://x.org/\))", "x", [entity("text_link", 0, 1, url="https://x.org/)")]),
        (
            "![Fri](tg://time?unix=1800000000&format=wDT)",
            "Fri",
            [entity("date_time", 0, 3, unix_time=1800000000, date_time_format="wDT")],
        ),
        ("![🍵](tg://emoji?id=5)", "🍵", [entity("custom_emoji", 0, 2, custom_emoji_id="5")]),
        (">a\nb", "a\nb", [entity("blockquote", 0, 1)]),
        ("*a _b_*", "a b", [entity("bold", 0, 3), entity("italic", 2, 1)]),
    ],
)
def test_markdown_becomes_entities(source: str, text: str, entities: list[dict[str, Any]] | None) -> None:
    got, found = formatted(source, "MarkdownV2", find_user=find_user)
    assert got == text
    assert found == entities or (entities is None and {one["type"] for one in found} == SHOWN)


SHOWN = {"strikethrough", "spoiler", "code", "pre"}


@pytest.mark.parametrize("source", ["6.30", "a-b", "a!", "(a)", "*a", "![a](x)", "a]b"])
def test_markdown_that_is_not_escaped_is_refused(source: str) -> None:
    with pytest.raises(ApiError, match="can't parse entities"):
        formatted(source, "MarkdownV2")


def test_given_entities_are_cut_and_sorted() -> None:
    given = [entity("italic", 2, 99), entity("bold", 0, 3), entity("bold", 50, 1), entity("url", 0, 1)]
    assert formatted("abc ", "", given) == ("abc", [entity("bold", 0, 3), entity("italic", 2, 1)])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (entity("bold", 1, 2), "entity begins in a middle of a UTF-16 symbol"),
        (entity("bold", 0, 1), "entity ends in a middle of a UTF-16 symbol"),
        (entity("bold", -1, 1), "receive an entity with incorrect offset -1"),
        (entity("marquee", 0, 2), "Unsupported type specified"),
        ({"type": "bold"}, "must be of type Number"),
    ],
)
def test_given_entities_that_are_not_right_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ApiError, match=words):
        formatted("🍵a", "", [given])


def test_telegram_finds_entities_by_itself() -> None:
    text, found = formatted("/my@eventorg_bot #tea @anna_i https://x.org/a. a@x.org 1/2 /new!")
    assert [(one["type"], text[one["offset"] : one["offset"] + one["length"]]) for one in found] == [
        ("bot_command", "/my@eventorg_bot"),
        ("hashtag", "#tea"),
        ("mention", "@anna_i"),
        ("url", "https://x.org/a"),
        ("email", "a@x.org"),
        ("bot_command", "/new"),
    ]
    assert formatted("<code>/new</code>", "HTML")[1] == [entity("code", 0, 4)]
