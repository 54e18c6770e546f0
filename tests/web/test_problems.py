"""Every failure has one shape, in the requested language, and every code has its texts."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

import pytest
import structlog

import eventorg
import eventorg.web.errors
from eventorg.domain import errors
from eventorg.domain.errors import StorageFull, Unavailable
from eventorg.locales import LANGUAGES, catalogue, negotiate
from eventorg.repositories.health import HealthRepository
from eventorg.security.passwords import Passwords
from eventorg.settings import Settings
from eventorg.storage.database import Database
from eventorg.testing import PASSWORD, Server, check_problem, running
from eventorg.web.problem_codes import STATUSES
from eventorg.web.problems import FRAMEWORK_CODES, MEDIA_TYPE, STATUS
from tests.factories import new_event
from tests.telegram import new_id

DOMAIN_ERRORS = {
    name: kind
    for name, kind in {**vars(errors), **vars(eventorg.web.errors)}.items()
    if isinstance(kind, type) and issubclass(kind, errors.DomainError) and kind is not errors.DomainError
}
PACKAGE = Path(eventorg.__file__).parent


@cache
def calls() -> list[tuple[str, list[ast.expr]]]:
    """Returns the names that the sources call, each with the arguments of the call."""
    return [
        (str(getattr(node.func, "id", None) or getattr(node.func, "attr", "")), node.args)
        for path in PACKAGE.rglob("*.py")
        if not path.is_relative_to(PACKAGE / "extensions" / "template")  # plugins bring their own texts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and node.args
    ]


def codes_given_to(names: set[str], place: int) -> Iterator[str]:
    """Yields the constant arguments at a position in calls of these names, as regular expressions."""
    for name, arguments in calls():
        if name not in names or len(arguments) <= place:
            continue
        match arguments[place]:
            case ast.Constant(value=str(code)):
                yield re.escape(code)
            case ast.JoinedStr(values=parts):
                yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in parts)


@cache
def used_codes() -> dict[str, set[str]]:
    """Returns the codes that the sources use, by section of the catalogue."""
    problems = {re.escape(kind.default_code) for kind in DOMAIN_ERRORS.values()}
    problems |= {*FRAMEWORK_CODES.values(), "internal_error", *codes_given_to(set(DOMAIN_ERRORS), 0)}
    fields = {*codes_given_to({"Refused"}, 0), *codes_given_to({"FieldError"}, 1)}
    return {
        "titles": problems,
        "details": problems,
        "fields": fields,
        "messages": set(codes_given_to({"done"}, 1)),
    }


@pytest.mark.parametrize("section", ["titles", "details", "fields", "messages"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_its_text_and_every_text_its_code(language: str, section: str) -> None:
    codes, texts = used_codes()[section], catalogue(language)[section]
    assert len(codes) > 1
    assert [code for code in codes if not any(re.fullmatch(code, key) for key in texts)] == []
    assert [key for key in texts if not any(re.fullmatch(code, key) for code in codes)] == []
    assert all(text.strip() for text in texts.values())


def test_every_code_has_the_status_of_its_errors() -> None:
    statuses = {
        pattern: next(STATUS[base] for base in kind.__mro__ if base in STATUS)
        for name, kind in DOMAIN_ERRORS.items()
        for pattern in {re.escape(kind.default_code), *codes_given_to({name}, 0)}
    } | {code: status for status, code in FRAMEWORK_CODES.items()}
    statuses["internal_error"] = 500
    for code, status in STATUSES.items():
        found = [statuses[pattern] for pattern in statuses if re.fullmatch(pattern, code)]
        assert statuses.get(code, found[0]) == status, code
    assert list(STATUSES) == sorted(catalogue("en")["titles"])


def test_the_languages_say_the_same_things() -> None:
    russian, english = ({section: meanings(texts) for section, texts in catalogue(x).items()} for x in LANGUAGES)
    assert russian == english


def meanings(texts: dict[str, str]) -> dict[str, set[str | None]]:
    """Returns the placeholders of each text. The plural forms, which differ by language, count as one text."""
    return {re.sub("_(one|few|many|other)$", "", code): fields_of(text) for code, text in texts.items()}


def fields_of(template: str) -> set[str | None]:
    return {field for _, field, _, _ in Formatter().parse(template)}


FAILURES: dict[str, tuple[str, str, Any, int, str]] = {
    "unknown path": ("GET", "/nothing", None, 404, "not_found"),
    "unknown path below a known one": ("GET", "/users/me/nothing", None, 404, "not_found"),
    "root": ("GET", "/", None, 404, "not_found"),
    "path of the framework": ("GET", "/docs/redoc", None, 404, "not_found"),
    "file that is not there": ("GET", "/docs/assets/nothing.js", None, 404, "not_found"),
    "method of another path": ("PUT", "/users/me", {}, 405, "method_not_allowed"),
    "rare method": ("TRACE", "/health", None, 405, "method_not_allowed"),
    "no token": ("GET", "/users/me", None, 401, "unauthenticated"),
    "no body": ("POST", "/users", None, 400, "malformed_json"),
    "long body": ("POST", "/users", {"username": "x" * 65_536}, 413, "body_too_large"),
    "broken rule": ("POST", "/users", {}, 422, "validation_failed"),
    "unknown event": ("GET", "/events/111111111", None, 404, "event_not_found"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_has_the_one_shape(server: Server, name: str) -> None:
    method, path, body, status, code = FAILURES[name]
    for language in LANGUAGES:
        response = server.client.request(method, path, json=body, headers={"Accept-Language": language})
        problem = check_problem(response, status, code)
        assert problem["title"] == catalogue(language)["titles"][code]
        assert problem["detail"] == catalogue(language)["details"][code]
        assert response.headers["content-language"] == language
        assert response.headers["vary"] == "Accept-Language"
        assert response.headers["cache-control"] == "no-store"
        assert len(response.headers["x-request-id"]) == 32


def test_another_media_type_has_the_one_shape(server: Server) -> None:
    response = server.client.post("/login", content="{}", headers={"Content-Type": "text/plain"})
    check_problem(response, 415, "unsupported_media_type")


def test_405_tells_the_methods_there_are(server: Server) -> None:
    response = server.client.put("/users/me")
    check_problem(response, 405)
    assert set(response.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH"}


def test_401_tells_the_scheme(server: Server) -> None:
    login = server.client.post("/login", json={"email": "nobody@example.com", "password": PASSWORD})
    for response in (server.client.get("/users/me"), login):
        check_problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "ru"),
        ("*", "ru"),
        ("de", "ru"),
        ("en", "en"),
        ("EN", "en"),
        ("en-GB", "en"),
        ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", "en"),
        ("ru;q=0.1, en;q=0.2", "en"),
        ("de, en;q=0.5", "en"),
        ("de, *;q=0.7, en;q=0.5", "ru"),
        ("en;q=0", "ru"),
        ("en ; q=0.5", "en"),
        ("ru, en", "ru"),
        ("en, ru", "en"),
        ("english", "ru"),
        ("en;q=2", "ru"),
        ("en;q=x,,;", "ru"),
        ("en;q=1.5", "ru"),
        ("en;Q=0.5", "en"),
        ("ru;q=0", "en"),
        ("ru;q=0, *", "en"),
        ("ru;q=0, *;q=0.5", "en"),
        ("ru;q=0, en;q=0", "ru"),
        ("*;q=0", "ru"),
        ("*, ru;q=0.5", "en"),
        ("en, *", "en"),
    ],
)
def test_the_language_is_the_one_liked_best(server: Server, accept: str, language: str) -> None:
    assert negotiate(accept) == language
    response = server.client.get("/nothing", headers={"Accept-Language": accept})
    assert response.json()["title"] == catalogue(language)["titles"]["not_found"]


def test_several_lines_of_languages_are_one_list(server: Server) -> None:
    for lines, language in ((["de", "en"], "en"), (["en;q=0.5", "ru;q=0.7"], "ru"), (["ru;q=0.5", "de, en"], "en")):
        response = server.client.get("/nothing", headers=[("Accept-Language", line) for line in lines])
        assert response.headers["content-language"] == language


def test_without_a_header_the_language_is_the_users(server: Server) -> None:
    user, bot = server.sign_up(locale="en-GB"), server.make_bot("act")
    for caller in (user, bot.acting_for(user.id)):
        assert caller.get("/events/1").headers["content-language"] == "en"
        assert caller.get("/events/1", headers={"Accept-Language": ""}).headers["content-language"] == "en"
        assert caller.get("/events/1", headers={"Accept-Language": "ru"}).headers["content-language"] == "ru"
        assert caller.get("/events/1", headers={"Accept-Language": "de"}).headers["content-language"] == "ru"
    assert bot.get("/users/me").headers["content-language"] == "ru"
    user.patch("/users/me", json={"locale": "ru"})
    for caller in (user, bot.acting_for(user.id)):
        assert caller.get("/events/1").headers["content-language"] == "ru"
    user.patch("/users/me", json={"locale": "en"})
    assert user.delete(f"/events/{user.create_event()['id']}").json() == {"message": "Event deleted"}


def test_a_telegram_user_gets_its_language(server: Server) -> None:
    bot, telegram_id = server.make_bot("act"), new_id()
    acting = bot.acting_for(f"telegram:{telegram_id}")
    for locale, language in (("en", "en"), ("ru", "ru"), ("en-US", "en")):
        bot.put(f"/identities/telegram/{telegram_id}", json={"locale": locale})
        assert acting.get("/events/1").headers["content-language"] == language


def test_no_language_asked_for_is_russian(server: Server) -> None:
    assert "accept-language" not in server.client.headers
    assert server.client.get("/nothing").json()["title"] == "Не найдено"


def test_all_broken_rules_are_told_at_once_in_words(server: Server) -> None:
    body = {"username": "ab", "email": "x@", "password": "short"}
    response = server.client.post("/users", json=body, headers={"Accept-Language": "en"})
    assert check_problem(response, 422)["errors"] == [
        {"field": "username", "code": "too_short", "message": "Must have 3 or more characters."},
        {"field": "email", "code": "too_short", "message": "Must have 3 or more characters."},
        {"field": "password", "code": "too_short", "message": "Must have 8 or more bytes."},
    ]


WRITTEN: list[tuple[dict[str, Any], str, str]] = [
    ({"capacity": 0}, "Must be between 1 and 1,000,000,000.", "Укажите значение от 1 до 1\xa0000\xa0000\xa0000."),
    (
        {"capacity": "x"},
        "Wrong type: expected a whole number or null.",
        "Неверный тип: ожидается целое число или null.",
    ),
    ({"title": 1}, "Wrong type: expected text.", "Неверный тип: ожидается строка."),
    ({"title": "x" * 201}, "Must have at most 200 characters.", "Число символов: не больше 200."),
    ({"start_time": "1969-01-01T00:00:00Z"}, "The year must be between 1970 and 2200.", "Укажите год от 1970 до 2200."),
]


def test_values_in_texts_are_written_as_in_the_language(server: Server) -> None:
    anna = server.sign_up()
    for change, english, russian in WRITTEN:
        for language, message in (("en", english), ("ru", russian)):
            response = anna.post("/events", json=new_event() | change, headers={"Accept-Language": language})
            assert [fault["message"] for fault in check_problem(response, 422)["errors"]] == [message]


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [(Unavailable("busy"), 503, "1"), (Unavailable("storage_unavailable", retry_after=30), 503, "30"),
     (StorageFull(), 507, None)],
)  # fmt: skip
def test_a_storage_that_cannot_serve_is_said_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, error: errors.DomainError, status: int, retry_after: str | None
) -> None:
    async def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(Database, "write", refuse)
    response = server.client.get("/health")
    check_problem(response, status, error.code)
    assert response.headers.get("retry-after") == retry_after


class Broken(Passwords):
    """Raises an unexpected error."""

    async def hash(self, password: str, sender: str | None = None) -> str:
        raise ZeroDivisionError("the cause")


@pytest.fixture
def log_configuration() -> Iterator[None]:
    """Restores the log configuration for the servers of other tests."""
    configuration = structlog.get_config()
    yield
    structlog.configure(**configuration)


@pytest.mark.usefixtures("log_configuration")
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_unforeseen_is_logged_with_its_traceback_and_told_without_detail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log_format: Literal["console", "json"]
) -> None:
    account = {"username": "anna", "email": "anna@example.com", "password": "my secret words"}
    settings = Settings(
        plugins="none", database=str(tmp_path / "eventorg.db"), log_level="error", log_format=log_format
    )
    with running(settings, passwords=Broken()) as server:
        response = server.client.post("/users", json=account)
    problem = check_problem(response, 500, "internal_error")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert "the cause" not in response.text
    assert "ZeroDivisionError" not in response.text

    log = capsys.readouterr().err
    for expected in ("request_failed", "ZeroDivisionError", "the cause", "test_problems.py"):
        assert expected in log
    assert response.headers["x-request-id"] in log
    for secret in ("my secret words", "anna@example.com"):
        assert secret not in log
    if log_format == "json":
        (line,) = log.splitlines()
        (exception,) = json.loads(line)["exception"]
        assert exception["exc_type"] == "ZeroDivisionError"
        assert exception["frames"][-1]["name"] == "hash"


def test_the_unforeseen_has_its_language(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(HealthRepository, "probe", fail)
    response = server.client.get("/health", headers={"Accept-Language": "en"})
    assert check_problem(response, 500)["title"] == "Internal error"
    assert response.headers["content-type"] == MEDIA_TYPE
