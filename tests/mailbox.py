"""A mail server on this machine (aiosmtpd), and what it has taken."""

import asyncio
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
    """The received mails. `answer` decides about each mail after all of it was sent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logged_in: list[bool] = []
        self.refused: dict[str, str] = {}
        self.refusals: set[str] = set()
        self.tries = 0
        self.answer: Callable[[EmailMessage], str] = lambda _: TAKEN

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, to: str, ___: list[str]) -> str:  # noqa: N802
        if to in self.refused:
            self.refusals.add(to)
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
        """Receives mail until the block ends. With a password, it accepts logins that use it."""

        def authenticate(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: Any) -> AuthResult:
            known = isinstance(data, LoginPassword) and data.password.decode() == password
            return AuthResult(success=known, handled=known or mechanism not in ("PLAIN", "LOGIN"))

        if password is not None:
            options["authenticator"] = authenticate
        controller = _Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=False, **options)
        controller.start()
        try:
            yield self
        finally:
            controller.hang_up()
            controller.stop()


class _Controller(Controller):
    """Closes the connections it has, which aiosmtpd leaves to the garbage collector."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._connections: list[SMTP] = []
        super().__init__(*arguments, **options)

    def factory(self) -> SMTP:
        made: SMTP = super().factory()  # type: ignore[no-untyped-call]
        self._connections.append(made)
        return made

    def hang_up(self) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result()

    async def _hang_up(self) -> None:
        for connection in self._connections:
            for transport in (connection.transport, connection._original_transport):
                if isinstance(transport, asyncio.WriteTransport):
                    transport.abort()
        await asyncio.sleep(0.01)  # the transports close at the loop's next turns


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
