"""The server's secret: set by the operator, or created once beside the database."""

import os
import secrets
from pathlib import Path

from eventorg.errors import OperatorError
from eventorg.logger import Logger
from eventorg.settings import MIN_SECRET, split_secrets

log = Logger("eventorg.secret")


def secret_path(database: Path) -> Path:
    """Returns the path of the secret of a database."""
    return database.with_name(database.name + ".secret")


def create_secret(database: Path) -> bool:
    """Creates the secret beside a database: 64 hexadecimal digits, mode 0600. Returns false if there is one already.

    The secret is written under another name and then linked, so programs that start at once share one secret, and a
    crash leaves no incomplete file. Raises `OperatorError`.
    """
    path = secret_path(database)
    try:
        return not path.exists() and _make(path)
    except OSError as error:
        raise OperatorError(f"The secret {path} cannot be used: {error}.") from None


def load_secret(database: Path) -> str:
    """Returns the secret beside a database, as in `EVENTORG_SECRET`: older secrets can follow after commas.

    Creates a missing one and logs an error, because all tokens of before are then invalid: a new database has got its
    secret before. Raises `OperatorError` if the secret cannot be used.
    """
    path = secret_path(database)
    if create_secret(database):
        log.error(
            "secret_replaced",
            file=str(path),
            error="the file was missing, so a new secret was created and all logins have ended",
            remedy="to keep the logins, stop the server, put the old file back, start the server",
        )
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"The secret {path} cannot be used: {error}.") from None
    if any(len(each.encode()) < MIN_SECRET for each in split_secrets(secret)):
        raise OperatorError(
            f"A secret in {path} has fewer than {MIN_SECRET} bytes. Put the old file back. Or delete the file to get "
            "a new secret; all users must then log in again."
        )
    return secret


def _make(path: Path) -> bool:
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return False  # another process created it first
    finally:
        draft.unlink()
    return True
