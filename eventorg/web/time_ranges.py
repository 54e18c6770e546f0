"""The query parameters `from` and `to` of lists that are ordered by start time."""

import re
from typing import Annotated, Final

from litestar.params import QueryParameter

_TIME: Final = {"format": "date-time"}
From = Annotated[
    str | None,
    QueryParameter(name="from", description="Only events that start at or after this time.", schema_extra=_TIME),
]
To = Annotated[
    str | None, QueryParameter(name="to", description="Only events that start before this time.", schema_extra=_TIME)
]

# A `+` that is not percent-encoded arrives as a space: `10:00:00 03:00` stands for `10:00:00+03:00`.
_LOST_PLUS: Final = re.compile(r" (\d\d:\d\d)$")


def time_range(start_from: str | None, start_to: str | None) -> dict[str, str | None]:
    """Returns the two parameters by name, with the `+` of their offsets."""
    given = {"from": start_from, "to": start_to}
    return {name: time and _LOST_PLUS.sub(r"+\1", time) for name, time in given.items()}
