"""The `type` of every problem leads to a page of this server that explains the code."""

import ast
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx
import pytest

from eventorg.extensions.loader import load_plugins
from eventorg.locales import LANGUAGES, catalogue
from eventorg.settings import load
from eventorg.testing import Server, check_problem, running
from eventorg.web.problem_codes import STATUSES
from tests.programs import CHECKOUT

CODES = [*STATUSES, *sorted(catalogue("en")["fields"].keys() - STATUSES.keys())]


class Page(HTMLParser):
    """The language, the texts and the links of a page, whose tags must be closed in order."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__()
        self.language: str | None = None
        self.texts: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        assert response.status_code == 200, response.url
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        self.feed(response.text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        if tag == "html":
            self.language = values["lang"]
        if tag == "a":
            self.links.append(str(values["href"]))
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all plugins."""
    settings = {"EVENTORG_DATABASE": str(tmp_path_factory.mktemp("pages") / "eventorg.db")}
    with running(load(settings | {"EVENTORG_LOG_LEVEL": "error"})) as server:
        yield server


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_page_in_the_readers_language(server: Server, language: str) -> None:
    for code in CODES:
        response = server.client.get(f"/problems/{code}", headers={"Accept-Language": language})
        page, text = Page(response), response.text
        assert page.language == response.headers["content-language"] == language
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert catalogue(language)["pages"]["next_title"] in page.texts
        assert code in page.texts
        assert "{" not in text.partition("</style>")[2].replace("{telegram_id}", ""), code
        assert str(STATUSES.get(code, "")) in text


def test_the_type_of_a_problem_leads_to_its_page(server: Server) -> None:
    for response in (server.client.get("/nothing"), server.client.get("/users/me"), server.client.post("/login")):
        problem = check_problem(response, response.status_code)
        page = Page(server.client.get(urljoin(str(response.url), problem["type"])))
        assert problem["code"] in page.texts


def test_the_index_leads_to_every_page_and_back(served: Server) -> None:
    index = served.client.get("/problems")
    links = [urljoin(str(index.url), link) for link in Page(index).links]
    plugins = [loaded.plugin for loaded in load_plugins(served.settings)]
    refusals = {f"{plugin.name}_{refusal.code}" for plugin in plugins for refusal in plugin.refusals}
    expected = {*CODES, *refusals}.union(*(plugin.problems for plugin in plugins))
    assert {link.rpartition("/problems/")[2] for link in links} == expected
    assert len(links) >= len(expected)
    for link in links:
        page = served.client.get(link)
        assert [urljoin(str(page.url), back) for back in Page(page).links] == [str(index.url)]


def test_programs_get_json(server: Server) -> None:
    headers = {"Accept": "application/json", "Accept-Language": "en"}
    assert server.client.get("/problems/event_full", headers=headers).json() == {
        "code": "event_full",
        "status": 409,
        "title": "Event full",
        "detail": "There are not enough free seats.",
        "next": "Try again later: somebody may leave, or a host may raise the capacity.",
    }
    listed = server.client.get("/problems", headers=headers)
    assert [each["code"] for each in listed.json()["problems"]] == list(STATUSES)
    assert listed.headers["vary"] == "Accept, Accept-Language"


def test_an_unknown_code_has_no_page(server: Server) -> None:
    for code in ("nothing", "%3Cscript%3E", "webhook_off", "Event_full"):
        check_problem(server.client.get(f"/problems/{code}"), 404, "not_found")


def test_the_pages_need_no_token_and_ignore_parameters(server: Server) -> None:
    for path in ("/problems", "/problems/forbidden"):
        assert server.client.get(f"{path}?utm=1", headers={"Authorization": "Bearer x"}).status_code == 200
        assert server.client.head(path).status_code == 200


def test_bundled_plugins_declare_their_codes(served: Server) -> None:
    kinds = {"Conflict", "Forbidden", "Gone", "NotFound", "TooMany", "Unavailable"}
    known = {
        each["code"]
        for each in served.client.get("/problems", headers={"Accept": "application/json"}).json()["problems"]
    }
    calls = [
        node
        for file in (CHECKOUT / "plugins").rglob("*.py")
        if "tests" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in kinds and node.args
    ]
    codes = {node.args[0].value for node in calls if isinstance(node.args[0], ast.Constant)}
    assert codes
    assert codes <= known
