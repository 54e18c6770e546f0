"""Texts with many marks in a row are normalized like any other, and quickly."""

import time
import unicodedata
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventorg.domain.normal_forms import MAX_IN_ONE, email_key, fold, name_key, normal
from eventorg.testing import PASSWORD, Server, check_problem

MARKS = "\u0301\u0327" * 15_000
"""30,000 characters, 60 KB: `unicodedata.normalize` needs more than two seconds."""
SECONDS = 0.5

LETTERS_AND_MARKS = st.text(st.sampled_from("aeßİ \u0344\u0301\u0327\u0323\u0345\u0e38\u1ebf\u1100\u1161\u11a8\ufdfaﬁ"))
AT = {"start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T11:00:00Z"}
SIGN_UP = {"username": "somebody", "email": "somebody@example.com", "password": PASSWORD}
BODIES: list[tuple[str, str, dict[str, Any], str]] = [
    ("POST", "/login", {"email": "a@b.cd", "password": PASSWORD}, "email"),
    ("POST", "/login", {"email": "a@b.cd", "password": PASSWORD}, "password"),
    *(("POST", "/users", SIGN_UP, name) for name in ("username", "email", "password", "first_name")),
    *(("POST", "/events", {"title": "T"} | AT, name) for name in ("title", "description", "location")),
]


@given(st.text() | LETTERS_AND_MARKS, st.sampled_from(["NFC", "NFKC"]))
def test_the_form_is_unicodes(value: str, form: Literal["NFC", "NFKC"]) -> None:
    assert normal(form, value) == unicodedata.normalize(form, value)


@pytest.mark.parametrize("key", [fold, name_key, email_key])
@given(value=LETTERS_AND_MARKS)
def test_a_key_is_its_own_key(key: Callable[[str], str], value: str) -> None:
    assert key(key(value)) == key(value)


def test_no_character_decomposes_into_more() -> None:
    assert max(len(unicodedata.normalize("NFD", chr(code))) for code in range(0x110000)) == MAX_IN_ONE


@pytest.mark.parametrize(("method", "path", "body", "field"), BODIES)
def test_marks_in_a_row_are_refused_in_no_time(
    server: Server, method: str, path: str, body: dict[str, Any], field: str
) -> None:
    user = server.sign_up()
    start = time.process_time()
    problem = check_problem(user.client.request(method, path, json=body | {field: MARKS}, headers=user.headers), 422)
    assert time.process_time() - start < SECONDS
    assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [(field, "too_long")]


def test_a_search_for_marks_is_refused_in_no_time(server: Server) -> None:
    start = time.process_time()
    check_problem(server.client.get("/events", params={"q": MARKS[:10_000]}), 422)
    assert time.process_time() - start < SECONDS


def test_marks_that_fit_in_are_kept_in_no_time(server: Server) -> None:
    start = time.process_time()
    event = server.sign_up().create_event(description=f"a{MARKS[:3_999]}")
    assert time.process_time() - start < SECONDS
    assert event["description"] == unicodedata.normalize("NFC", f"a{MARKS[:3_999]}")


def test_a_foreign_name_of_marks_is_cut_in_no_time(server: Server) -> None:
    start = time.process_time()
    response = server.make_bot("act").put("/identities/telegram/1", json={"first_name": f"a{MARKS[:29_000]}"})
    assert time.process_time() - start < SECONDS
    assert len(response.json()["first_name"]) == 100


def test_the_length_is_that_of_the_composed_text(server: Server) -> None:
    user = server.sign_up()
    assert user.create_event(title="e\u0301" * 200)["title"] == "é" * 200
    check_problem(user.post("/events", json={"title": "e\u0301" * 201} | AT), 422)
