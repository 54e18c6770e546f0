"""A server that sends mail to a mailbox on this machine, and the codes in the mails."""

import asyncio
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from eventorg.settings import Settings
from eventorg.testing import Clock, Server, running
from tests.mailbox import Mailbox


@contextmanager
def mailing(
    folder: Path, mailbox: Mailbox, clock: Clock | None = None, *, sends: bool = True, **settings: Any
) -> Iterator[Server]:
    """Runs a server that looks for mail all the time, or never, if it does not send. The mailbox need not be open."""
    given: dict[str, Any] = {"plugins": "none", "log_level": "error", "signups_per_minute": 0} | settings
    given |= {"smtp_url": f"smtp://127.0.0.1:{mailbox.port}", "smtp_from": "Встречи <meetings@example.org>"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("eventorg.background.mail.POLL_SECONDS", 0.01)
        patch.setattr("eventorg.background.mail.PAUSE_SECONDS", 0.05)
        if not sends:
            patch.setattr("eventorg.background.mail.MailSender._send_and_pause", lambda _: asyncio.sleep(3600))
        with running(Settings(database=str(folder / "eventorg.db"), **given), clock) as server:
            yield server


class Post:
    """What a server mails."""

    def __init__(self, server: Server, mailbox: Mailbox) -> None:
        self.server = server
        self.mailbox = mailbox

    def mails(self, address: str, number: int = 1) -> list[EmailMessage]:
        """Returns the mails to an address, once there are this many and nothing else waits."""
        self.server.wait_for(lambda: len(self.mailbox.to(address)) >= number and not self.waiting())
        found = self.mailbox.to(address)
        assert len(found) == number
        return found

    def codes(self, address: str, number: int = 1) -> list[str]:
        return [code_of(mail) for mail in self.mails(address, number)]

    def reset(self, address: str, number: int = 1) -> str:
        """Asks for a reset and returns the code of the mail, which is the address's mail of this number."""
        response = self.server.client.post("/password-resets", json={"email": address})
        assert response.status_code == 202, response.text
        return self.codes(address, number)[-1]

    def waiting(self) -> int:
        """Returns the number of mails that are to be sent."""
        waits = "state IN ('waiting', 'leased', 'retry') AND user_id IS NOT NULL"
        return int(self.rows(f"SELECT count(*) FROM account_mails WHERE {waits}")[0][0])

    def wait_for_retries(self, number: int = 1) -> None:
        """Returns when so many mails have failed for now. The next attempt is thirty seconds later."""
        self.server.wait_for(lambda: len(self.rows("SELECT id FROM account_mails WHERE state = 'retry'")) == number)

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.server.settings.database_path)) as file:
            return file.execute(query).fetchall()


def code_of(mail: EmailMessage) -> str:
    """Returns the code, which is the only line of one word."""
    (code,) = [line for line in mail.get_content().splitlines() if re.fullmatch(r"\S+", line)]
    assert re.fullmatch("[1-9A-HJ-NP-Za-km-z]{22}", code)
    return str(code)
