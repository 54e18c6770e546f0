"""The plugin's settings, and the parser of the mail server's URL."""

from email.headerregistry import Address
from email.utils import parseaddr
from importlib.util import find_spec
from typing import Annotated
from urllib.parse import unquote, urlsplit

from email_validator import validate_email
from msgspec import Meta, Struct

_PORTS = {"smtp": 25, "smtps": 465}


class MailServer(Struct, frozen=True):
    """The mail server. With `tls` the connection is encrypted from the start; otherwise STARTTLS is used if offered."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool


class Settings(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The settings `EVENTORG_REMINDERS_…`."""

    smtp_url: Annotated[
        str,
        Meta(description="the mail server for users without Telegram: `smtp://user:password@host:port` or `smtps://…`"),
    ] = ""
    smtp_from: Annotated[str, Meta(description="the sender, such as `Meetings <meetings@example.org>`")] = ""
    kept_days: Annotated[int, Meta(ge=1, le=3650, description="how many days after its event a delivery is kept")] = 30

    def __post_init__(self) -> None:
        if not self.smtp_url:
            return
        if find_spec("aiosmtplib") is None:
            raise ValueError("To send email, run: pip install 'eventorg[mail]' - at `$.smtp_url`")
        try:
            parse_server(self.smtp_url)
        except ValueError:
            raise ValueError("Expected smtp://user:password@host:port or smtps://… - at `$.smtp_url`") from None
        try:
            parse_sender(self.smtp_from)
        except ValueError:
            raise ValueError(
                "Expected an email address. It is required if EVENTORG_REMINDERS_SMTP_URL is set - at `$.smtp_from`"
            ) from None

    @property
    def sends_mail(self) -> bool:
        """True if users without Telegram get email."""
        return bool(self.smtp_url)


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
    valid = validate_email(address, check_deliverability=False, globally_deliverable=False)
    return Address(name, valid.ascii_local_part or valid.local_part, valid.ascii_domain)
