"""Sends mail (SMTP): codes, and deliveries to users who have a verified address and no Telegram account."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from functools import partial
from typing import Final

import msgspec
from aiosmtplib import SMTP, SMTPException, SMTPNotSupported, SMTPRecipientsRefused, SMTPResponseException
from msgspec import Struct

from eventorg import locales
from eventorg.background.repeat import repeating
from eventorg.domain.account_mails import AccountMail
from eventorg.domain.calendars import write_calendar
from eventorg.domain.deliveries import Outgoing
from eventorg.domain.errors import DomainError
from eventorg.domain.mail import MailServer, parse_address, parse_sender, parse_server
from eventorg.locales import negotiate
from eventorg.logger import Logger
from eventorg.repositories.account_mails import AccountMailRepository
from eventorg.repositories.deliveries import MAX_ATTEMPTS, DeliveryRepository, text_for

POLL_SECONDS: Final = 1.0
"""The time between two looks for mail to send."""
PAUSE_SECONDS: Final = 10.0
"""The pause after the mail server could not be used."""
CALENDAR_PRODUCT: Final = "-//eventorg//mail 1//EN"
_ANSWER_SECONDS: Final = 15.0
_MAIL_SECONDS: Final = 40.0

log = Logger("eventorg.mail")


class Outcome(Struct, frozen=True):
    """The result of a mail: `sent`, `retry` or `failed`. `usable`: the mail server can take another one."""

    state: str
    usable: bool = True
    reason: str = ""


class Claimed(Struct, frozen=True):
    """A mail that the server has leased. `compose` makes it and can raise `ValueError`; `finish` stores its result."""

    id: str
    attempts: int
    compose: Callable[[], EmailMessage]
    finish: Callable[[str], Awaitable[None]]


class MailSender:
    """Sends due mails, one after the other. Somebody waits for a code, so codes come first."""

    def __init__(
        self, account_mails: AccountMailRepository, deliveries: DeliveryRepository, url: str, sender: str
    ) -> None:
        self._account_mails = account_mails
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
        await self._account_mails.release_mail()
        await self._deliveries.release_mail()
        client = _client(self._server, self._sender)
        try:
            while mail := await self._claim():
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

    async def _claim(self) -> Claimed | None:
        codes, deliveries, sender = self._account_mails, self._deliveries, self._sender
        if code := await codes.claim_mail():
            compose_it, finish = partial(compose_code, code, sender), partial(codes.finish_mail, code)
            return Claimed(code.id, code.attempts, compose_it, finish)
        if mail := await deliveries.claim_mail():
            return Claimed(
                mail.id, mail.attempts, partial(compose, mail, sender), partial(deliveries.finish_mail, mail)
            )
        return None

    async def _settle(self, mail: Claimed, outcome: Outcome) -> None:
        """Stores the result of a mail. A failed one is retried after a growing pause."""
        state = "failed" if outcome.state == "retry" and mail.attempts >= MAX_ATTEMPTS else outcome.state
        if state != "sent":
            log.warning(
                "mail_attempt_failed", delivery=mail.id, state=state, attempts=mail.attempts, error=outcome.reason
            )
        await mail.finish(state)

    async def _hand_in(self, client: SMTP, mail: Claimed) -> Outcome:
        """Sends one mail over the open connection. The reasons contain no personal data."""
        try:
            message = mail.compose()
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
    subject = text.partition("\n")[0].replace("=?", "= ?")  # a title must not contain encoded words
    message = _addressed(sender, mail.email or "", subject, mail.dedupe_key.replace(":", "."))
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe>"
    message.set_content(f"{text}\n\n-- \n{footer}\n")
    if mail.event is not None:
        calendar = write_calendar([mail.event], datetime.now(UTC), product=CALENDAR_PRODUCT).decode()
        message.add_attachment(calendar, subtype="calendar", filename="event.ics", params={"method": "PUBLISH"})
    return message


def compose_code(mail: AccountMail, sender: Address) -> EmailMessage:
    """Returns the mail with a code, which stands alone on a line. Each attempt has another code and another Message-ID.

    Quoted-printable leaves that line as it is also in the message as sent, in every language.
    """
    subject, before, after = (
        locales.text(negotiate(mail.locale), "mail", f"{mail.purpose}_{part}")
        for part in ("subject", "before", "after")
    )
    message = _addressed(sender, mail.email, subject, f"account.{mail.id}.{mail.attempts}")
    message.set_content(f"{subject}\n\n{before}\n\n{mail.code}\n\n{after}\n", cte="quoted-printable")
    return message


def _addressed(sender: Address, recipient: str, subject: str, message_id: str) -> EmailMessage:
    """Returns a mail without content. Raises `ValueError` for an address to which no mail can be sent."""
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = sender
    message["To"] = parse_address(recipient)
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{message_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # prevents automatic replies (RFC 3834)
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
