"""The mail server and the addresses of mail."""

from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

_PORTS: Final = {"smtp": 25, "smtps": 465}


class MailServer(Struct, frozen=True):
    """The mail server. With `tls` the connection is encrypted from the start; otherwise STARTTLS is used if offered."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


def parse_server(url: str) -> MailServer:
    """Returns the mail server of a URL. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(url)
    return MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
    )


def parse_sender(written: str) -> Address:
    """Returns an address with its display name, if it has one. Raises `ValueError`."""
    if not written.isprintable():
        raise ValueError(written)
    name, address = parseaddr(written)
    return parse_address(address, name)


def parse_address(address: str, name: str = "") -> Address:
    """Returns the address with its domain in ASCII (IDNA). Raises `ValueError`."""
    from email_validator import validate_email  # here: its import is slow, and few commands need it

    valid = validate_email(address, check_deliverability=False, globally_deliverable=False)
    return Address(name, valid.ascii_local_part or valid.local_part, valid.ascii_domain)
