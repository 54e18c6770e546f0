"""The page /docs: Swagger UI with this server's files, in light or dark, on screens of any width."""

from html import escape
from typing import Any, Final

from litestar import Request, Router
from litestar.openapi.plugins import SwaggerRenderPlugin

_ASSETS: Final = "docs/assets"  # relative to /docs, so that it works behind a prefix too

_STYLE: Final = """\
html { color-scheme: light dark; overflow-x: hidden; }
body { margin: 0; }
html.dark-mode, html.dark-mode body { background: #1c2022; }
html.dark-mode .swagger-ui table.headers td, html.dark-mode .swagger-ui .header-col { color: #e4e6e6; }
.swagger-ui .wrapper { padding: 0 16px; }
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .scheme-container { padding: 12px 0; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 8px; }
  .swagger-ui .info .title { font-size: 28px; }
  .swagger-ui .opblock-tag { flex-wrap: wrap; padding: 10px 0; }
  .swagger-ui .opblock-tag small { flex-basis: 100%; padding: 0; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; overflow-wrap: anywhere; word-break: normal; }
  .swagger-ui .opblock-summary-path-description-wrapper { flex-wrap: wrap; }
  .swagger-ui .opblock-summary-description { flex-basis: 100%; }
  .swagger-ui .parameters-col_name { width: auto; }
  .swagger-ui .parameters-container table tr { display: block; padding: 8px 0; }
  .swagger-ui .parameters-container table td { display: block; padding: 2px 0; }
  .swagger-ui .parameters-container table thead { display: none; }
  .swagger-ui .responses-table tr.response { display: block; padding: 8px 0; }
  .swagger-ui .responses-table tr.response td { display: block; padding: 2px 0; }
  .swagger-ui .responses-table thead { display: none; }
  .swagger-ui table.headers td { padding: 4px; }
  .swagger-ui .opblock-body pre, .swagger-ui .markdown pre { max-width: 100%; overflow-x: auto; }
  .swagger-ui input, .swagger-ui select, .swagger-ui textarea { max-width: 100% !important; min-width: 0 !important; }
  .swagger-ui .opblock .opblock-section-header { flex-wrap: wrap; padding: 8px; }
  .swagger-ui .dialog-ux .modal-ux { min-width: 0; width: 94vw; }
}
"""
_SCHEME: Final = """\
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();
"""
_START: Final = """\
SwaggerUIBundle({
  spec: %s,
  dom_id: "#docs",
  deepLinking: true,
  persistAuthorization: true,
  displayRequestDuration: true,
  operationsSorter: "alpha",
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
});
"""


class DocsPage(SwaggerRenderPlugin):
    """Renders /docs with scripts and styles from this server, and without a page for OAuth redirects.

    A token that is entered in the page stays in the browser until the reader logs out there.
    """

    def __init__(self) -> None:
        super().__init__(path="/", js_url=f"{_ASSETS}/swagger-ui-bundle.js", css_url=f"{_ASSETS}/swagger-ui.css")

    def receive_router(self, router: Router) -> None:
        """Adds no routes."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Returns the page with the description in it."""
        description = self.render_json(request, openapi_schema).decode().replace("</", "<\\/")
        title = escape(openapi_schema["info"]["title"])
        return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{self.css_url}">
<style>{_STYLE}</style>
<script>{_SCHEME}</script>
<script src="{self.js_url}"></script>
</head>
<body>
<main id="docs"></main>
<script>{_START % description}</script>
</body>
</html>
""".encode()
