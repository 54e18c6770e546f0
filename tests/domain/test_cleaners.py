"""Rules are applied wherever they stand in a type: in lists, mappings and optional fields of what is sent."""

from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, UnsetType, ValidationError, convert, field

from eventorg.domain.validation import field_errors
from eventorg.domain.values import Id, Input, Refused, Time, rule, text

Word = Annotated[str, text(2, 5, example="tea")]


def sort_without_duplicates(words: list[str]) -> list[str]:
    if len(set(words)) < len(words):
        raise Refused("repeated")
    return sorted(words)


class Order(Input):
    word: Word = "tea"
    words: list[Word] = field(default_factory=list)
    some: Annotated[list[Word], Meta(max_length=3)] | None = None
    several: list[Word] | UnsetType = UNSET
    deep: list[list[Word]] = field(default_factory=list)
    pair: tuple[Word, int] = ("tea", 1)
    many: tuple[Word, ...] = ()
    unique: set[Word] = field(default_factory=set)
    by_name: dict[Word, Word | None] = field(default_factory=dict, name="byName")
    one_or_more: Word | list[Word] = "tea"
    when: list[Time] = field(default_factory=list)
    sorted_words: Annotated[list[Word], rule(sort_without_duplicates)] = field(default_factory=list)
    plain: list[int] = field(default_factory=list)
    kind: Literal["black", "green"] | None = None
    ids: list[Id] = field(default_factory=list)


@pytest.mark.parametrize(
    ("sent", "name", "kept"),
    [
        ({"word": " tea "}, "word", "tea"),
        ({"words": [" tea ", "milk"]}, "words", ["tea", "milk"]),
        ({"words": []}, "words", []),
        ({"some": None}, "some", None),
        ({"some": [" tea "]}, "some", ["tea"]),
        ({}, "several", UNSET),
        ({"several": ["cafe\u0301"]}, "several", ["café"]),
        ({"deep": [[" tea "], []]}, "deep", [["tea"], []]),
        ({"pair": [" tea ", 3]}, "pair", ("tea", 3)),
        ({"many": [" tea ", "milk "]}, "many", ("tea", "milk")),
        ({"unique": [" tea ", "tea"]}, "unique", {"tea"}),
        ({"byName": {" tea ": " milk ", "rum": None}}, "by_name", {"tea": "milk", "rum": None}),
        ({"one_or_more": " tea "}, "one_or_more", "tea"),
        ({"one_or_more": [" tea "]}, "one_or_more", ["tea"]),
        ({"when": ["2027-01-01T03:00:00+03:00"]}, "when", ["2027-01-01T00:00:00Z"]),
        ({"sorted_words": [" tea", "milk"]}, "sorted_words", ["milk", "tea"]),
        ({"plain": [1]}, "plain", [1]),
        ({"kind": "black"}, "kind", "black"),
    ],
)
def test_values_are_cleaned_wherever_they_stand(sent: dict[str, Any], name: str, kept: Any) -> None:
    assert getattr(convert(sent, Order), name) == kept


@pytest.mark.parametrize(
    ("sent", "faults"),
    [
        ({"words": ["tea", "t", "tea time"]}, [("words[1]", "too_short"), ("words[2]", "too_long")]),
        ({"some": ["t"]}, [("some[0]", "too_short")]),
        ({"deep": [["tea"], ["tea", "t"]]}, [("deep[1][1]", "too_short")]),
        ({"pair": ["t", 1]}, [("pair[0]", "too_short")]),
        ({"byName": {"t": "tea", "tea": "t"}}, [("byName.t", "too_short"), ("byName.tea", "too_short")]),
        ({"one_or_more": ["t"]}, [("one_or_more[0]", "too_short")]),
        ({"sorted_words": ["t", "t"]}, [("sorted_words[0]", "too_short"), ("sorted_words[1]", "too_short")]),
        ({"sorted_words": ["tea", " tea"]}, [("sorted_words", "repeated")]),
        ({"words": ["t\x00a"], "word": "t"}, [("word", "too_short"), ("words[0]", "control_character")]),
        ({"ids": ["1"]}, [("ids[0]", "id_syntax")]),
    ],
)
def test_every_broken_rule_is_told_with_its_place(sent: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationError) as raised:
        convert(sent, Order)
    assert [(error.field, error.code) for error in field_errors(raised.value)] == faults
