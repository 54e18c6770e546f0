"""Sends deliveries by mail (SMTP) to users who have an email address and no Telegram account."""

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final

import msgspec
from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException
from msgspec import Struct

from eventorg import locales
from eventorg.background.repeat import repeating
from eventorg.domain.calendars import calendar_of
from eventorg.domain.deliveries import Outgoing
from eventorg.domain.errors import DomainError
from eventorg.domain.mail import MailServer, parse_address, parse_sender, parse_server
from eventorg.locales import negotiate
from eventorg.logger import Logger
from eventorg.repositories.deliveries import MAX_ATTEMPTS, DeliveryRepository, text_for

POLL_SECONDS: Final = 1.0
"""The time between two looks for mail to send."""
PAUSE_SECONDS: Final = 10.0
"""The pause after the mail server could not be used."""
_ANSWER_SECONDS: Final = 15.0
_MAIL_SECONDS: Final = 40.0

log = Logger("eventorg.mail")


class Outcome(Struct, frozen=True):
    """The result of a mail: `sent`, `retry` or `failed`. `usable`: the mail server can take another one."""

    state: str
    usable: bool = True
    reason: str = ""


class MailSender:
    """Sends due mails, one after the other."""

    def __init__(self, deliveries: DeliveryRepository, url: str, sender: str) -> None:
        self._deliveries = deliveries
        self._server = parse_server(url)
        self._sender = parse_sender(sender)

    def running(self) -> AbstractAsyncContextManager[None]:
        """Sends mail until the block ends. A mail in progress then is sent again later, with the same Message-ID."""
        return repeating(self._send_and_pause)

    async def _send_and_pause(self) -> None:
        usable = True
        try:
            usable = await self.send_due()
        except DomainError as error:
            log.warning("mail_failed", error=error.code, retry_in_seconds=POLL_SECONDS)
        await asyncio.sleep(POLL_SECONDS if usable else PAUSE_SECONDS)

    async def send_due(self) -> bool:
        """Sends due mails until none is left or the mail server does not accept more. Returns false in that case."""
        await self._deliveries.release_mail()
        client = _client(self._server, self._sender)
        try:
            while mail := await self._deliveries.claim_mail():
                outcome = await self._hand_in(client, mail)
                await self._settle(mail, outcome)
                if not outcome.usable:
                    return False
            if client.is_connected:
                with suppress(SMTPException):
                    await client.quit()
            return True
        finally:
            client.close()

    async def _settle(self, mail: Outgoing, outcome: Outcome) -> None:
        """Stores the result of a mail. A failed one is retried after a growing pause."""
        state = "failed" if outcome.state == "retry" and mail.attempts >= MAX_ATTEMPTS else outcome.state
        if state != "sent":
            log.warning(
                "mail_attempt_failed", delivery=mail.id, state=state, attempts=mail.attempts, error=outcome.reason
            )
        await self._deliveries.finish_mail(mail, state)

    async def _hand_in(self, client: SMTP, mail: Outgoing) -> Outcome:
        """Sends one mail over the open connection. The reasons contain no personal data."""
        try:
            message = compose(mail, self._sender)
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
    """Returns the mail: plain text in UTF-8, whose first line is the subject too, how to stop such mails (RFC 2369,
    section 3.2), and the calendar entry of the event, if the user attends it. A delivery always has the same
    Message-ID, so that a mailbox can detect a duplicate."""
    text = text_for(msgspec.json.decode(mail.texts), mail.locale)
    footer = locales.text(negotiate(mail.locale), "mail", "footer")
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["To"] = parse_address(mail.email or "")
    subject = text.partition("\n")[0]
    message["Subject"] = " ".join(subject.replace("=?", "= ?").split())  # a title must not contain encoded words
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{mail.dedupe_key.replace(':', '.')}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # prevents automatic replies (RFC 3834)
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe>"
    message.set_content(f"{text}\n\n-- \n{footer}\n")
    if mail.event is not None:
        calendar = calendar_of(mail.event, datetime.now(UTC))
        message.add_attachment(calendar, subtype="calendar", filename="event.ics", params={"method": "PUBLISH"})
    return message


def _client(server: MailServer, sender: Address) -> SMTP:
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
