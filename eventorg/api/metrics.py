"""GET /metrics: numbers for Prometheus, if the operator turns them on."""

from secrets import compare_digest
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from eventorg.domain.errors import Unauthenticated
from eventorg.metrics import Metrics
from eventorg.settings import Settings
from eventorg.web.authentication import OPEN
from eventorg.web.query_parameters import ANY_QUERY
from eventorg.web.rate_limits import UNLIMITED


@get("/metrics", opt=OPEN | UNLIMITED | ANY_QUERY, include_in_schema=False)
async def get_metrics(
    request: Request[Any, Any, Any], metrics: NamedDependency[Metrics], settings: NamedDependency[Settings]
) -> Response[bytes]:
    """Returns the metrics of this process. Raises `Unauthenticated` if a token is set and the request lacks it."""
    expected = f"Bearer {settings.metrics_token}".encode()
    if settings.metrics_token and not compare_digest(request.headers.get("authorization", "").encode(), expected):
        raise Unauthenticated()
    headers = {"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
    return Response(await metrics.expose(), headers=headers)
