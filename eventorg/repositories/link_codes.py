"""One-time codes: with one of them, a Telegram account or a person who was added by name becomes another user's."""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from eventorg.domain.errors import NotFound
from eventorg.domain.identities import LinkCode
from eventorg.domain.values import BASE58, Clock, rfc3339
from eventorg.storage.statements import Statements
from eventorg.storage.transactions import Transaction

CODE_LIFE: Final = timedelta(minutes=15)
CODE_LENGTH: Final = 10
"""58^10 codes: nobody guesses one within 15 minutes."""


class LinkCodes:
    """Creates and uses codes inside the caller's transaction. Each user has one at a time."""

    def __init__(self, sql: Statements, clock: Clock) -> None:
        self._sql = sql
        self._clock = clock

    def create(self, tx: Transaction, user_id: str) -> LinkCode:
        """Returns a new code of a user. An older one ends."""
        code = "".join(secrets.choice(BASE58) for _ in range(CODE_LENGTH))
        made = LinkCode(code, rfc3339(self._clock() + CODE_LIFE))
        tx.run(self._sql.keep_link_code, code_sha256=_hash(code), user_id=user_id, expires_at=made.expires_at)
        return made

    def use(self, tx: Transaction, code: str, *, of_name_only: bool) -> str:
        """Returns the user of a code, which ends: one with an account, or one who was added by name.

        Raises `NotFound` if there is no such code, or it was used or has expired.
        """
        row = tx.one(self._sql.use_link_code, code_sha256=_hash(code), name_only=of_name_only, now=tx.now)
        if row is None:
            raise NotFound("link_code_not_found")
        return str(row["user_id"])


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
