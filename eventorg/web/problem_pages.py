"""The pages that the `type` of a problem document leads to: GET /problems and GET /problems/{code}."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from litestar import Request, Response, Router, get
from litestar.params import FromPath
from msgspec import Struct

from eventorg.domain.errors import NotFound
from eventorg.locales import DEFAULT, catalogue, text
from eventorg.web.authentication import OPEN
from eventorg.web.headers import accepts, language_for, protect_page
from eventorg.web.problem_codes import STATUSES
from eventorg.web.query_parameters import ANY_QUERY

Words = Mapping[str, str]
"""A text by language."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)[^}]*\}")
_CODE: Final = re.compile(r"`([^`]+)`")
_PAGE: Final = """\
<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }}
h1, dt {{ overflow-wrap: anywhere }}
dd {{ margin: 0 0 .75rem }}
code {{ font-family: ui-monospace, monospace }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


class Explanation(Struct, frozen=True):
    """A code: its text, what to do next, and its HTTP status (null for the code of a field or of a plugin)."""

    code: str
    status: int | None
    title: str
    detail: str
    next: str


class PluginProblem(Struct, frozen=True):
    """A code of a plugin: its text and its next step by language, and its HTTP status if it is always the same."""

    words: Words
    next_step: Words = {}
    status: int | None = None


class Explanations(Struct, frozen=True):
    """All codes of problems, and all codes of fields in their `errors`."""

    problems: Sequence[Explanation]
    fields: Sequence[Explanation]


def explain_all(language: str, of_plugins: Mapping[str, PluginProblem]) -> Explanations:
    """Returns all codes in alphabetical order, those of plugins included."""
    own = [_of_core(language, code) for code in STATUSES]
    theirs = [_of_plugin(language, code, each) for code, each in of_plugins.items() if code not in STATUSES]
    fields = [_of_field(language, code) for code in catalogue(language)["fields"]]
    return Explanations(*(sorted(each, key=lambda explanation: explanation.code) for each in (own + theirs, fields)))


def problem_pages(of_plugins: Mapping[str, PluginProblem]) -> Router:
    """Returns the routes of the pages, with the codes that plugins declare and their texts."""

    def find(language: str) -> Explanations:
        return explain_all(language, of_plugins)

    @get("/problems", sync_to_thread=False)
    def list_problems(request: Request[Any, Any, Any]) -> Response[Any]:
        """Returns all codes, as a page or as JSON."""
        language = language_for(request.scope)
        found = find(language)
        return _answer(request, language, found, text(language, "pages", "index_title"), _index(language, found))

    @get("/problems/{code:str}", sync_to_thread=False)
    def get_problem(request: Request[Any, Any, Any], code: FromPath[str]) -> Response[Any]:
        """Returns the meaning of a code, as a page or as JSON. Raises `NotFound`."""
        language = language_for(request.scope)
        known = find(language)
        for found in (*known.problems, *known.fields):
            if found.code == code:
                return _answer(request, language, found, found.title, _page(language, found))
        raise NotFound()

    return Router(
        path="/",
        route_handlers=[list_problems, get_problem],
        opt=OPEN | ANY_QUERY,
        after_request=protect_page,
        include_in_schema=False,
    )


def _of_core(language: str, code: str) -> Explanation:
    status = STATUSES[code]
    texts = catalogue(language)
    what_next = texts["next"].get(code) or texts["next"][f"status_{status}"]
    return Explanation(code, status, texts["titles"][code], _filled(texts["details"][code]), what_next)


def _of_field(language: str, code: str) -> Explanation:
    texts = catalogue(language)
    return Explanation(code, None, _filled(texts["fields"][code]), texts["pages"]["field"], texts["next"]["status_422"])


def _of_plugin(language: str, code: str, problem: PluginProblem) -> Explanation:
    detail = problem.words.get(language) or problem.words.get(DEFAULT) or code
    next_step = problem.next_step.get(language) or text(language, "next", "plugin")
    return Explanation(code, problem.status, code, detail, next_step)


def _filled(template: str) -> str:
    """Returns a text with the names of its values in their place: `<maximum>`."""
    return _PLACEHOLDER.sub(r"<\1>", template)


def _answer(request: Request[Any, Any, Any], language: str, content: object, title: str, body: str) -> Response[Any]:
    headers = {"Content-Language": language, "Vary": "Accept, Accept-Language"}
    if accepts(request.scope, "application/json", default="text/html"):
        return Response(content, headers=headers)
    page = _PAGE.format(language=language, title=escape(title), body=body)
    return Response(page.encode(), media_type="text/html", headers=headers)


def _index(language: str, found: Explanations) -> str:
    def listed(explanations: Sequence[Explanation], name: str) -> str:
        rows = "\n".join(
            f'<dt><a href="problems/{escape(each.code)}"><code>{escape(each.code)}</code></a> {each.status or ""}</dt>'
            f"<dd>{_marked(getattr(each, name))}</dd>"
            for each in explanations
        )
        return f"<dl>\n{rows}\n</dl>"

    words = catalogue(language)["pages"]
    return (
        f"<h1>{words['index_title']}</h1>\n<p>{_marked(words['index_text'])}</p>\n{listed(found.problems, 'detail')}\n"
        f"<h2>{_marked(words['fields_title'])}</h2>\n<p>{_marked(words['fields_text'])}</p>\n"
        f"{listed(found.fields, 'title')}"
    )


def _page(language: str, found: Explanation) -> str:
    words = catalogue(language)["pages"]
    status = "" if found.status is None else f": {text(language, 'pages', 'status', status=found.status)}"
    return (
        f"<h1>{_marked(found.title)}</h1>\n<p><code>{escape(found.code)}</code>{status}</p>\n"
        f"<p>{_marked(found.detail)}</p>\n<h2>{words['next_title']}</h2>\n<p>{_marked(found.next)}</p>\n"
        f'<p><a href="../problems">{words["all_codes"]}</a></p>'
    )


def _marked(content: str) -> str:
    """Returns a text as HTML, with what stands between backticks as code."""
    return _CODE.sub(r"<code>\1</code>", escape(content))
