"""Requests with an `Idempotency-Key`."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx

from eventorg.testing import Bot, Server, User
from tests.factories import new_event

EVENT = new_event()

Request = tuple[User | Bot, str, Any]
"""The caller, the URL and the body."""


def ask(request: Request, method: str, key: str, **headers: str) -> httpx.Response:
    caller, url, body = request
    response: httpx.Response = getattr(caller, method.lower())(
        url, json=body, headers={"Idempotency-Key": key, **headers}
    )
    return response


def is_replayed(response: httpx.Response) -> bool:
    return bool(response.headers.get("idempotency-replayed") == "true")


def count(server: Server) -> dict[str, int]:
    """Returns the number of rows in each table."""
    with closing(sqlite3.connect(server.settings.database_path)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: file.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}
