"""Users for the tests of resources."""

from collections.abc import Callable

import pytest

from eventorg.testing import Server, User


@pytest.fixture
def host(server: Server) -> User:
    return server.sign_up()


@pytest.fixture
def guest(server: Server) -> User:
    return server.sign_up()


@pytest.fixture
def guests(server: Server) -> Callable[[int], list[User]]:
    """Returns a function that signs up a number of users."""
    return lambda number: [server.sign_up() for _ in range(number)]
