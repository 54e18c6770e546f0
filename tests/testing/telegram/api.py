"""The Bot API over plain HTTP."""

from types import TracebackType
from typing import Any

import httpx


class Refused(Exception):
    """The Bot API answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["description"])
        assert body["ok"] is False
        assert body["error_code"] == status
        self.code = status
        self.parameters = body.get("parameters", {})


class Api:
    """A client that sends the parameters of each call as JSON."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/bot{token}/", timeout=30)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Calls a method and returns its result. Raises `Refused`."""
        return result_of(self.client.post(method, json=parameters))


def result_of(response: httpx.Response) -> Any:
    """Returns the result of a response. Raises `Refused`."""
    body = response.json()
    if response.status_code != 200:
        raise Refused(response.status_code, body)
    assert body.keys() == {"ok", "result"}
    return body["result"]
