"""Sends email by SMTP to users who have an email address and no Telegram account."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final

from msgspec import Struct

from eventorg.plugin import Context, Transaction, rfc3339

from .outbox import Lease, Outgoing, finish, lease, pause_after
from .schedule import remind
from .settings import MailServer, Settings, parse_address, parse_sender, parse_server
from .texts import head

with suppress(ModuleNotFoundError):  # it comes with the extra `mail`; without it, the settings refuse a mail server
    from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException

MAX_ATTEMPTS: Final = 8
"""After this many attempts, an email has failed."""

_HOLDER: Final = ""
"""The holder of the server's own leases. No bot has this name."""
_ONE: Final = Lease(limit=1, lease_seconds=600)
_ANSWER_SECONDS: Final = 15.0
_MAIL_SECONDS: Final = 40.0
_RUN_SECONDS: Final = 200.0
"""A run ends before the timeout of its job. The next run continues."""


class Outcome(Struct, frozen=True):
    """The result of an email: `sent`, `retry`, or `failed`. `usable`: the mail server can take another one."""

    state: str
    usable: bool = True
    reason: str = ""


async def send_mail(context: Context) -> None:
    """Sends due emails one after the other, until none is left or the mail server does not accept more.

    If the process ends while it sends an email, the email is sent again with the same Message-ID.
    """
    settings: Settings = context.settings
    if not settings.sends_mail:
        return
    await remind(context)  # this may be the first job to run after a reminder became due
    await context.write(
        lambda tx: tx.run(context.sql.release_deliveries, holder=_HOLDER, now=tx.now, most_attempts=MAX_ATTEMPTS)
    )
    deadline = time.monotonic() + _RUN_SECONDS
    client = _client(parse_server(settings.smtp_url), parse_sender(settings.smtp_from))
    try:
        while time.monotonic() < deadline and (mail := await _claim(context)):
            outcome = await _send(client, mail, settings)
            await _store_result(context, mail, outcome)
            if not outcome.usable:
                break
        if client.is_connected:
            with suppress(SMTPException):
                await client.quit()
    finally:
        client.close()


async def _claim(context: Context) -> Outgoing | None:
    def work(tx: Transaction) -> Outgoing | None:
        return next(iter(lease(context, tx, _HOLDER, "email", _ONE)), None)

    return await context.write(work)


async def _store_result(context: Context, mail: Outgoing, outcome: Outcome) -> None:
    """Stores the result of an email. A failed one is retried after a growing pause."""
    state = "failed" if outcome.state == "retry" and mail.attempts >= MAX_ATTEMPTS else outcome.state
    if state != "sent":
        context.log.warning(
            "mail_attempt_failed", delivery=mail.id, state=state, attempts=mail.attempts, error=outcome.reason
        )

    def work(tx: Transaction) -> None:
        retry_at = datetime.fromisoformat(tx.now) + pause_after(mail.attempts)
        finish(context, tx, mail, state, rfc3339(retry_at))

    await context.write(work)


async def _send(client: "SMTP", mail: Outgoing, settings: Settings) -> Outcome:
    """Sends one email over the open connection. The reasons contain no personal data."""
    try:
        message = compose(mail, parse_sender(settings.smtp_from))
        async with asyncio.timeout(_MAIL_SECONDS):
            if not client.is_connected:
                await client.connect()
            await client.send_message(message)
    except SMTPRecipientsRefused as error:
        return _refused(error.recipients[0].code)
    except (SMTPNotSupported, ValueError) as error:
        return Outcome("failed", reason=type(error).__name__)
    except SMTPResponseException as error:
        return _refused(error.code, usable=client.is_connected)
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        return Outcome("retry", usable=False, reason=type(error).__name__)
    return Outcome("sent")


def _refused(code: int, *, usable: bool = True) -> Outcome:
    """Returns the result of a refusal: temporary (4xx) or permanent (5xx) (RFC 5321, section 4.2.1)."""
    return Outcome("failed" if code >= 500 and usable else "retry", usable=usable, reason=f"SMTP {code}")


def compose(mail: Outgoing, sender: Address) -> EmailMessage:
    """Returns the email: plain text in UTF-8. A delivery always has the same Message-ID, so that a mailbox can detect a
    duplicate."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["To"] = parse_address(mail.email or "")
    subject = head(mail.kind, mail.locale, mail.title)
    message["Subject"] = " ".join(subject.replace("=?", "= ?").split())  # a title must not contain encoded words
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{mail.dedupe_key.replace(':', '.')}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # prevents automatic replies (RFC 3834)
    message.set_content(mail.text)
    return message


def _client(server: MailServer, sender: Address) -> "SMTP":
    """Returns a client that is not connected yet. It uses STARTTLS if the server offers it."""
    return SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        use_tls=server.tls,
        local_hostname=sender.domain,
        timeout=_ANSWER_SECONDS,
    )
