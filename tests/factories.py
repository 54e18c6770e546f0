"""Valid request bodies for tests that do not depend on the values."""

import itertools
from typing import Any

from msgspec import Struct, structs
from polyfactory.factories.msgspec_factory import MsgspecFactory

from eventorg.domain.events import NewEvent
from eventorg.domain.users import NewUser
from eventorg.testing import PASSWORD

_numbers = itertools.count(1)


class NewEventFactory(MsgspecFactory[NewEvent]):
    """Events in the far future, with a random title."""

    __model__ = NewEvent
    __use_defaults__ = True

    start_time = "2100-01-01T10:00:00Z"
    end_time = "2100-01-01T12:00:00Z"


class NewUserFactory(MsgspecFactory[NewUser]):
    """Users whose names no other test uses."""

    __model__ = NewUser
    __use_defaults__ = True

    password = PASSWORD

    @classmethod
    def username(cls) -> str:
        return f"made-{next(_numbers)}"

    @classmethod
    def email(cls) -> str:
        return f"made-{next(_numbers)}@example.com"


def new_event(**fields: Any) -> dict[str, Any]:
    """Returns a body for `POST /events` with these fields."""
    return _body(NewEventFactory.build(), fields)


def new_user(**fields: Any) -> dict[str, Any]:
    """Returns a body for `POST /users` with these fields."""
    return _body(NewUserFactory.build(), fields)


def _body(valid: Struct, fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the required fields of the struct, with these fields, which may be invalid."""
    return {field.encode_name: getattr(valid, field.name) for field in structs.fields(valid) if field.required} | fields
