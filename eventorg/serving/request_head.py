"""Checks of what the head of a request says about its host and its path."""

import re
from ipaddress import IPv6Address
from typing import Final

from httptools import parse_url

from eventorg.web.errors import Malformed

_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~-]*|\[(?P<address>[0-9A-Fa-f:.]+)\])(?::(?P<port>\d{0,5}))?")
_LAST_PORT: Final = 65_535


def check_host(host: bytes) -> None:
    """Raises `Malformed` if `Host` is not a name or an address with an optional port. Responses use it in links."""
    found = _HOST.fullmatch(host)
    try:
        if found is None or int(found["port"] or 0) > _LAST_PORT:
            raise Malformed("bad_request")
        if found["address"]:
            IPv6Address(found["address"].decode())
    except ValueError:
        raise Malformed("bad_request") from None


def path_of(target: bytes, method: bytes) -> bytes:
    """Returns the target of a request that does not begin with its path. The path of an absolute address that has none
    is `/`, and for OPTIONS `*` (RFC 9112, sections 3.2.2 and 3.2.4)."""
    address = parse_url(target)
    if address.fragment is not None:
        raise Malformed("bad_request")
    if address.path:
        return target
    if method == b"OPTIONS" and address.query is None:
        return b"*"
    return b"/" if address.query is None else b"/?%b" % address.query
