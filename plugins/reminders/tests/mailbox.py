"""A mail server on this machine (aiosmtpd), and what it has taken."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

TAKEN = "250 taken"


class Mailbox:
    """What has been taken; `answer` decides about each mail, after it was sent whole."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logged_in: list[bool] = []
        self.refused: dict[str, str] = {}
        self.tries = 0
        self.answer: Callable[[EmailMessage], str] = lambda _: TAKEN

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, to: str, ___: list[str]) -> str:  # noqa: N802
        if to in self.refused:
            return self.refused[to]
        envelope.rcpt_tos.append(to)
        return "250 ok"

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.tries += 1
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        answer = self.answer(mail)
        if answer == TAKEN:
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
            self.logged_in.append(bool(session.authenticated))
        return answer

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to somebody."""
        return [mail for mail, to in zip(self.mails, self.recipients, strict=True) if to == address]

    @contextmanager
    def open(self, password: str | None = None, **options: Any) -> Iterator["Mailbox"]:
        """Takes mail until the block ends; with a password, it lets those log in who know it."""

        def authenticate(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: Any) -> AuthResult:
            known = isinstance(data, LoginPassword) and data.password.decode() == password
            return AuthResult(success=known, handled=known or mechanism not in ("PLAIN", "LOGIN"))

        if password is not None:
            options["authenticator"] = authenticate
        controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=False, **options)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
