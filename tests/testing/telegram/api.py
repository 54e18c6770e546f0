"""The Bot API over plain HTTP."""

import json
from collections.abc import Callable
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from types import TracebackType
from typing import Any

import httpx

NO_CERTIFICATES = SSLContext(PROTOCOL_TLS_CLIENT)
Send = Callable[[httpx.Client, str, dict[str, Any]], httpx.Response]


class Refused(Exception):
    """The Bot API answered with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body["description"])
        assert body["ok"] is False
        assert body["error_code"] == status
        self.code = status
        self.parameters = body.get("parameters", {})


class Api:
    """A client that sends the parameters of each call as JSON, or in another way if you name it."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/bot{token}/", timeout=30, verify=NO_CERTIFICATES)

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.client.close()

    def __call__(self, method: str, **parameters: Any) -> Any:
        """Calls a method and returns its result. Raises `Refused`."""
        return result_of(as_json(self.client, method, parameters))


def as_json(client: httpx.Client, method: str, parameters: dict[str, Any]) -> httpx.Response:
    """Sends the parameters as JSON."""
    return client.post(method, json=parameters)


def as_form(client: httpx.Client, method: str, parameters: dict[str, Any]) -> httpx.Response:
    """Sends the parameters as a form."""
    return client.post(method, data=_strings(parameters))


def as_multipart(client: httpx.Client, method: str, parameters: dict[str, Any]) -> httpx.Response:
    """Sends the parameters as a multipart form."""
    return client.post(method, files={key: (None, value.encode()) for key, value in _strings(parameters).items()})


def as_query(client: httpx.Client, method: str, parameters: dict[str, Any]) -> httpx.Response:
    """Sends the parameters in the query of a GET request."""
    return client.get(method, params=_strings(parameters))


def result_of(response: httpx.Response) -> Any:
    """Returns the result of a response. Raises `Refused`."""
    body = response.json()
    if response.status_code != 200:
        raise Refused(response.status_code, body)
    assert body.keys() == {"ok", "result"}
    return body["result"]


def _strings(parameters: dict[str, Any]) -> dict[str, str]:
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in parameters.items()}
