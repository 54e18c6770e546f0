"""The parameters of a call. Telegram takes them from the query, a form, a multipart form, or JSON."""

import json
from typing import Any, NamedTuple

from litestar import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import LitestarException

from eventorg.testing.telegram.errors import Json, bad


class Upload(NamedTuple):
    """A file that was sent in a multipart form."""

    name: str
    content: bytes
    content_type: str

    def __repr__(self) -> str:
        return f"<{self.name}, {len(self.content)} bytes>"


class Parameters:
    """The parameters of a call. A nested value can be JSON in a string, and a number or a boolean can be a string."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) not in (None, "")

    def raw(self, key: str) -> Any:
        """Returns the value as it was sent, or None."""
        return self.values.get(key)

    def text(self, key: str) -> str:
        """Returns a string, or an empty one."""
        value = self.values.get(key)
        return value if isinstance(value, str) else "" if value is None else str(value)

    def json(self, key: str, name: str = "") -> Any:
        """Returns a nested value, or None. `name` is its name in the error if it is not JSON."""
        value = self.values.get(key)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise bad(f"can't parse {name or key} JSON object") from error

    def number(self, key: str, default: int = 0) -> int:
        """Returns an integer, or the default if it is not given."""
        try:
            return int(self.values[key]) if key in self else default
        except (TypeError, ValueError) as error:
            raise bad(f"invalid {key} specified") from error

    def flag(self, key: str) -> bool:
        """Returns a boolean; False if it is not given."""
        return str(self.values.get(key, "")).lower() in ("true", "1", "yes")

    def file(self, key: str) -> Upload | str | None:
        """Returns an upload, also one that is named by `attach://`, or the id of a file, or None."""
        value = self.values.get(key)
        if isinstance(value, str) and value.startswith("attach://"):
            value = self.values.get(value.removeprefix("attach://"))
        return value if isinstance(value, Upload | str) else None


async def read_parameters(request: Request[Any, Any, Any]) -> Parameters:
    """Reads the parameters of a request."""
    values: Json = dict(request.query_params.items())
    content_type, _ = request.content_type
    if content_type == "application/json":
        if body := await request.body():
            try:
                values |= json.loads(body)
            except (ValueError, TypeError) as error:
                raise bad("can't parse request JSON object") from error
        return Parameters(values)
    try:
        form = await request.form()
    except LitestarException as error:
        raise bad("can't parse the form") from error
    for key, value in form.multi_items():
        values[key] = await _read(value) if isinstance(value, UploadFile) else value
    return Parameters(values)


async def _read(file: UploadFile) -> Upload:
    content = await file.read()
    await file.close()
    return Upload(file.filename, content, file.content_type)
