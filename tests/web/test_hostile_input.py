"""Hostile bodies, parameters and headers: always a problem document, never a 500, and nothing is written."""

import base64
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import msgspec
import pytest

from eventorg.settings import Settings
from eventorg.testing import PASSWORD, Server, User, check_problem, running

ID = "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"
EVENT = {"title": "T", "start_time": "2100-01-01T10:00:00Z", "end_time": "2100-01-01T11:00:00Z"}
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/users"): {"username": "somebody", "email": "somebody@example.com", "password": PASSWORD},
    ("POST", "/login"): {"email": "somebody@example.com", "password": PASSWORD},
    ("PATCH", "/users/me"): {"first_name": "Anna"},
    ("POST", "/events"): EVENT,
    ("PATCH", "/events/{event}"): {"title": "T"},
    ("POST", "/events/{event}/register"): {},
}

DEEP = 3_000
NOT_JSON = {
    "nothing": b"",
    "spaces": b"  ",
    "half": b'{"title": ',
    "two": b"{} {}",
    "invalid UTF-8": b'{"title": "\xff\xfe"}',
    "UTF-8 of a surrogate": b'{"title": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"title": "\xc0\x80"}',
    "UTF-16": '{"title": "T"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"title": "T"}',
    "lone surrogate": b'{"title": "\\ud800"}',
    "lone low surrogate": b'{"title": "\\udc00"}',
    "raw NUL": b'{"title": "a\x00b"}',
    "raw newline": b'{"title": "a\nb"}',
    "NaN": b'{"capacity": NaN}',
    "Infinity": b'{"capacity": -Infinity}',
    "leading zero": b'{"capacity": 01}',
    "single quotes": b"{'title': 'T'}",
    "comment": b'{"title": "T"} // yes',
    "trailing comma": b'{"title": "T",}',
    "open arrays": b"[" * DEEP,
    "open objects": b'{"a":' * DEEP,
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep value": b'{"title": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"title": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep unknown field": b'{"unknown": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "broken rule, then garbage": b'{"title": ""} {',
    "form": b"title=T",
}
NOT_THE_TYPE = {
    "array": b"[]",
    "text": b'"T"',
    "number": b"1",
    "true": b"true",
    "unknown field": b'{"admin": true}',
    "empty name": b'{"": 1}',
    "name with a NUL": b'{"a\\u0000b": 1}',
    "huge number": b"9" * 4_000,
}

TEXTS = [1, 1.5, True, [], {}, ["T"], {"$ne": ""}, "a\x00b", "a\x01b", "a\x7fb", "a\x85b", "a\u2028b"]
TIMES = [
    0, 1.5, True, [], "", "now", "2100-01-01", "10:00", "2100-01-01T10:00:00", "2100-01-01 10:00",
    "2100-13-01T10:00:00Z",
    "2100-02-30T10:00:00Z", "2100-01-01T25:00:00Z", "2100-01-01T10:00:00+25:00", "0001-01-01T00:00:00+14:00",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
    "2201-01-01T00:00:00Z", "2200-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "-2100-01-01T10:00:00Z", "4102480800",
]  # fmt: skip
IDS = [ID.upper(), f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", ""), f" {ID}", f"{ID}\n", ID[:-1], "me", "", "1"]
WRONG: dict[str, list[Any]] = {
    "title": [*TEXTS, None, "", "  \t ", "x" * 201],
    "description": [*TEXTS, "x" * 4001],
    "location": [*TEXTS, "a\nb", "x" * 501],
    "first_name": [*TEXTS, "", " ", "a\nb", "x" * 101],
    "last_name": [*TEXTS, "", "\u3000", "x" * 101],
    "username": [*TEXTS, None, "ab", "x" * 33, "a b c", "a@b", "a/b", "<script>", "a\u200bb", "abc\u202e", "😀😀😀"],
    "email": [*TEXTS, None, "", "a", "@", "a@", "@b.cd", "a@b@c.de", "a b@example.com", f"{'x' * 250}@example.com"],
    "password": [1, True, None, [], {}, "", "1234567", "x" * 1025, "ж" * 513, "password\x00", "pass\nword"],
    "current_password": [1, True, None, [], "x" * 1025],
    "start_time": [*TIMES, None],
    "end_time": [*TIMES, None],
    "timezone": [*TEXTS, None, "", "Moscow", "europe/moscow", "../../etc/passwd", "/etc/passwd", "UTC+3", "x" * 5000],
    "locale": [*TEXTS, None, "", "русский", "ru_RU", "r", "ru-", "x" * 5000],
    "capacity": [0, -1, 1.0, 1.5, 1e308, True, "1", [], {}, 10**9 + 1, 2**63, 2**64, -(2**63) - 1],
    "waitlist": [0, 1, "true", "", None, []],
    "status": ["Published", "", "over", None, 1, True, ["published"]],
    "visibility": ["secret", "", None, 0, {}],
    "organizer_id": [*IDS, 1, True, []],
    "user_id": [*IDS, 1, True, []],
}
HUGE_NUMBERS = [b"9" * 4_000, b"-" + b"9" * 4_000, b"1e4000", b"1" + b"0" * 4_000 + b".5", b"0." + b"1" * 4_000]
MEDIA_TYPES = [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "*/*",
    "application/json; charset=latin-1", "application/json; charset=utf-16", "application/json; charset=utf_8",
    "application/jsonx", "text/json", "json",
]  # fmt: skip
PATH_SEGMENTS = [
    "{EVENT}", "{bare}", "%7B{event}%7D", "urn:uuid:{event}", "%20{event}", "{event}%0A", "{event}%00", ID, "1", "null",
    "%00", "%FF", "%ED%A0%80", "%C0%AE", "%2e%2e", "%D0%B8", "%", "%zz", "'%20OR%201=1%20--", "_________", "x" * 5_000,
]  # fmt: skip


def cursor(place: bytes) -> str:
    """Returns a well-formed cursor for a place of another type."""
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


QUERIES = [
    "limit=0", "limit=-1", "limit=1001", "limit=1.5", "limit=true", "limit=", "limit=%00", "limit=%FF", "limit=%D9%A1",
    "limit=+1", "limit=1_0", "limit=0x10", f"limit={'9' * 4_000}", "status=", "status=x", "status=Registered",
    "status=%FF", "status=registered%00",
    "cursor=", "cursor=x", "cursor=M", "cursor=%FF", "cursor=%00", "cursor=%D0%B8",
    *(f"cursor={cursor(place)}" for place in (
        b"1.5", b"true", b"null", b"-1", b'"1"', b"[1]", b"9" * 19, b"9" * 4_000, b"1e400",
        b"[" * DEEP, b'"\xff"', b"NaN",
    )),
]  # fmt: skip
HEADERS = [
    b"", b'"', b'""', b"W/", b'W/""', b"\xff\xfe", b"\xed\xa0\x80", b'"' + b"9" * 4_000 + b'-0-0"', b"x" * 20_000,
    b",,,,",
    b'"1-0-0', '"²-0"'.encode("latin-1"), b"q=;;;", b"*;q=x", b"ru;q=1e9", b"en" * 400, b"a\tb", b'"-1"',
    b'"1' + b"\\" * 99,
]  # fmt: skip
AUTHORIZATIONS = [
    b"", b"Bearer", b"bearer x", b"Basic dTpw", b"Bearer a b", b"Bearer ..", b"Bearer a.b.c", b"Bearer =.=.=", b"\xff",
    b"Bearer \xff\xfe", b"Bearer \xed\xa0\x80", "Bearer é".encode(), b"Bearer " + b"x" * 30_000,
    b"Bearer " + b"." * 4_000,
    b"TOKEN", b"Token TOKEN", b"Bearer TOKENx", b"Bearer x.TOKEN", b"Bearer TOKEN, Bearer TOKEN", b"Bearer\tTOKEN",
]  # fmt: skip


class Target:
    """A server to attack, and a user with an event on it."""

    def __init__(self, server: Server, file: sqlite3.Connection) -> None:
        self.server = server
        self._file = file
        self.user: User = server.sign_up()
        self.event = self.user.create_event()["id"]
        assert self.user.post(f"/events/{self.event}/register").status_code == 201
        self.rows = self.dump()

    def send(self, method: str, path: str, content: Any, media_type: str | None = "application/json") -> httpx.Response:
        """Returns the answer to these bytes as a body, sent as the user."""
        headers = self.user.headers | ({"Content-Type": media_type} if media_type is not None else {})
        url = path.format(event=self.event)
        return self.server.client.request(method, url, content=content, headers=headers)

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns every row of every table."""
        tables = [row[0] for row in self._file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: self._file.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    database = tmp_path_factory.mktemp("hostile") / "eventorg.db"
    with (
        running(Settings(plugins="none", database=str(database), login_attempts=100_000)) as server,
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as file,
    ):
        yield Target(server, file)


@pytest.fixture
def target(victim: Target) -> Iterator[Target]:
    """The target. After the test, it must have the same rows as after the last one, and still serve."""
    yield victim
    before, victim.rows = victim.rows, victim.dump()
    assert victim.rows == before
    assert victim.server.client.get("/health").status_code == 200


each_body = pytest.mark.parametrize(("method", "path"), BODIES)


@each_body
@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_in_utf8_is_400(target: Target, method: str, path: str, name: str) -> None:
    response = target.send(method, path, NOT_JSON[name])
    if name == "nothing" and path.endswith("/register"):
        assert response.status_code == 200  # the only optional body
    else:
        check_problem(response, 400, "malformed_json")


@each_body
@pytest.mark.parametrize("name", NOT_THE_TYPE)
def test_json_of_another_type_is_422(target: Target, method: str, path: str, name: str) -> None:
    check_problem(target.send(method, path, NOT_THE_TYPE[name]), 422, "validation_failed")


@each_body
@pytest.mark.parametrize("field", WRONG)
def test_a_wrong_value_is_422_and_names_the_field(target: Target, method: str, path: str, field: str) -> None:
    for value in WRONG[field]:
        response = target.send(method, path, msgspec.json.encode(BODIES[method, path] | {field: value}))
        if path == "/login" and response.status_code == 401:  # any text can be a login attempt
            assert isinstance(value, str)
            check_problem(response, 401, "invalid_credentials")
            continue
        assert field in {fault["field"] for fault in check_problem(response, 422)["errors"]}, value


@pytest.mark.parametrize("number", HUGE_NUMBERS, ids=lambda number: f"{number[:3].decode()}…")
def test_a_number_of_thousands_of_digits_is_422(target: Target, number: bytes) -> None:
    body = msgspec.json.encode(EVENT)[:-1] + b', "capacity": ' + number + b"}"
    check_problem(target.send("POST", "/events", body), 422)


@each_body
def test_another_media_type_is_415(target: Target, method: str, path: str) -> None:
    body = msgspec.json.encode(BODIES[method, path])
    for media_type in MEDIA_TYPES:
        response = target.send(method, path, body, media_type)
        check_problem(response, 415, "unsupported_media_type")
        check_acceptable(response, method)
        assert "accept-encoding" not in response.headers  # RFC 7694, section 3: it would name the coding as the cause


def check_acceptable(response: httpx.Response, method: str) -> None:
    """Checks that a 415 names the media types that the method takes."""
    taken = "application/json" + ", application/merge-patch+json" * (method == "PATCH")
    assert response.headers["accept"] == taken
    assert response.headers.get("accept-patch") == (taken if method == "PATCH" else None)


@each_body
def test_only_patch_takes_a_merge_patch(target: Target, method: str, path: str) -> None:
    for media_type in ("application/merge-patch+json", "Application/Merge-Patch+JSON; charset=utf-8"):
        response = target.send(method, path, b'{"unknown": 1}', media_type)
        check_problem(response, 422 if method == "PATCH" else 415)


def test_options_name_what_patch_takes(target: Target) -> None:
    answered = target.server.client.options("/users/me")
    assert answered.headers["accept-patch"] == "application/json, application/merge-patch+json"
    assert "accept-patch" not in target.server.client.options("/login").headers


@pytest.mark.parametrize(
    "parameter",
    ["", ";", "; charset=utf-8", ";charset=UTF-8", '; charset="utf-8"', "; charset=utf8", '; charset="UTF8"'],
)
def test_utf8_is_utf8_however_it_is_spelled(target: Target, parameter: str) -> None:
    media_type = f"application/json{parameter}"
    assert target.send("PATCH", "/events/{event}", b"{}", media_type).status_code == 200


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 200), ("Identity", 200)])
def test_a_body_is_not_compressed(target: Target, encoding: str, status: int) -> None:
    headers = target.user.headers | {"Content-Type": "application/json", "Content-Encoding": encoding}
    url = f"/events/{target.event}"
    response = target.server.client.patch(url, content=b"{}", headers=headers)
    assert response.status_code == status
    if status == 415:
        check_acceptable(response, "PATCH")
        assert response.headers["accept-encoding"] == "identity"


@each_body
def test_a_body_of_one_byte_too_many_is_413(target: Target, method: str, path: str) -> None:
    largest = b'{"unknown": "' + b"x" * (64 * 1024 - 15) + b'"}'
    assert len(largest) == 64 * 1024
    check_problem(target.send(method, path, largest), 422)
    check_problem(target.send(method, path, largest + b" "), 413, "body_too_large")
    check_problem(target.send(method, path, iter([largest])), 422)  # chunked, without a Content-Length
    check_problem(target.send(method, path, iter([largest, b" "])), 413, "body_too_large")


@pytest.mark.parametrize("spelling", PATH_SEGMENTS)
def test_another_spelling_of_an_id_is_404(target: Target, spelling: str) -> None:
    segment = spelling.format(event=target.event, EVENT=target.event.upper(), bare=target.event.replace("-", ""))
    for method, path in (
        ("GET", f"/events/{segment}"),
        ("PATCH", f"/events/{segment}"),
        ("DELETE", f"/events/{segment}"),
        ("POST", f"/events/{segment}/register"),
        ("GET", f"/events/{segment}/participants"),
        ("GET", f"/users/{segment}"),
        ("PATCH", f"/users/{segment}"),
        ("DELETE", f"/users/{segment}"),
    ):
        check_problem(target.send(method, path, b"{}" if method in ("PATCH", "POST") else None), 404)


def test_the_list_of_a_user_who_is_not_there_is_404_in_any_spelling(target: Target) -> None:
    for segment in (target.user.id.upper(), "%00", "%ff", ID):
        check_problem(target.user.get(f"/users/{segment}/events"), 404, "user_not_found")


@pytest.mark.parametrize("query", QUERIES)
def test_garbage_in_the_query_is_422(target: Target, query: str) -> None:
    problem = check_problem(target.user.get(f"/events/{target.event}/participants?{query}"), 422)
    assert [fault["field"] for fault in problem["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize("path", ["..%2f..%2fpyproject.toml", "%2e%2e/%2e%2e/x", "%00", "%ff", "a%00.css", "x" * 300])
def test_the_docs_hand_out_no_other_file(target: Target, path: str) -> None:
    check_problem(target.server.client.get(f"/docs/assets/{path}"), 404)
    check_problem(target.server.client.get(f"/docs/{path}"), 404)


@pytest.mark.parametrize("header", ["If-None-Match", "Accept-Language", "Accept", "Cookie", "X-Request-Id"])
def test_garbage_in_a_header_does_no_harm(target: Target, header: str) -> None:
    for value in HEADERS:
        assert target.user.get(f"/events/{target.event}", headers={header: value}).status_code == 200


def test_garbage_in_if_match_is_no_version(target: Target) -> None:
    for value in HEADERS:
        response = target.user.patch(f"/events/{target.event}", json={"title": "T"}, headers={"If-Match": value})
        check_problem(response, 412, "version_mismatch")


@pytest.mark.parametrize("value", AUTHORIZATIONS)
def test_a_garbage_authorization_is_401(target: Target, value: bytes) -> None:
    for method, path in (("GET", "/users/me"), ("GET", f"/events/{target.event}"), ("POST", "/users")):
        header = value.replace(b"TOKEN", target.user.token.encode())
        response = target.server.client.request(method, path, headers={b"Authorization": header})
        check_problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
