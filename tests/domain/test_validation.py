"""Errors of msgspec become field errors with stable codes and paths."""

from typing import Any, Literal

import msgspec
import pytest
from msgspec import Struct

from eventorg.domain.errors import FieldError, Invalid
from eventorg.domain.validation import field_errors


class Guest(Struct, forbid_unknown_fields=True):
    name: str
    kind: Literal["adult", "child"] = "adult"

    def __post_init__(self) -> None:
        if self.name == "":
            raise Invalid(FieldError("name", "too_short", {"minimum": 1}), FieldError("", "invalid"))


class Party(Struct, forbid_unknown_fields=True):
    guests: list[Guest]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, [FieldError("guests", "required")]),
        ({"guests": [], "when": 1}, [FieldError("when", "unknown_field")]),
        ({"guests": 1}, [FieldError("guests", "wrong_type", {"expected": "array"})]),
        ({"guests": [{}]}, [FieldError("guests[0].name", "required")]),
        ({"guests": [{"name": None}]}, [FieldError("guests[0].name", "wrong_type", {"expected": "str"})]),
        ({"guests": [{"name": "A", "kind": "cat"}]}, [FieldError("guests[0].kind", "invalid_choice")]),
        (
            {"guests": [{"name": ""}]},
            [FieldError("guests[0].name", "too_short", {"minimum": 1}), FieldError("guests[0]", "invalid")],
        ),
        ([], [FieldError("", "wrong_type", {"expected": "object"})]),
    ],
)
def test_errors_have_codes_and_paths(value: Any, expected: list[FieldError]) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, Party)
    assert list(field_errors(error.value)) == expected
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(msgspec.json.encode(value), type=Party)
    assert list(field_errors(error.value)) == expected


def test_other_errors_keep_the_reason() -> None:
    class Small(Struct):
        count: Any = 0

        def __post_init__(self) -> None:
            raise ValueError("The count is odd")

    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert({"count": 1}, Small)
    assert field_errors(error.value) == (FieldError("", "invalid", {"reason": "The count is odd"}),)
