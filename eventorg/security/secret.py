"""The server's secret: set by the operator, or created once beside the database."""

import os
import secrets
from pathlib import Path

from eventorg.errors import OperatorError
from eventorg.settings import MIN_SECRET


def secret_path(database: Path) -> Path:
    """Returns the path of the secret of a database."""
    return database.with_name(database.name + ".secret")


def load_secret(database: Path) -> str:
    """Returns the secret beside a database, created by the first call: 64 hexadecimal digits, mode 0600.

    The secret is written under another name and then linked, so programs that start at once share one secret, and a
    crash leaves no incomplete file. Raises `OperatorError` if the secret cannot be used.
    """
    path = secret_path(database)
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"The secret {path} cannot be used: {error}.") from None
    if len(secret) < MIN_SECRET:
        raise OperatorError(
            f"The secret {path} has fewer than {MIN_SECRET} characters. Delete the file to get a new secret. All users "
            "must then log in again."
        )
    return secret


def _make(path: Path) -> None:
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
            return  # another process created it first
    finally:
        draft.unlink()
