"""The secret that signs tokens: set by the operator, or made once beside the database."""

import os
import secrets
from pathlib import Path

from eventorg.errors import OperatorError
from eventorg.settings import MIN_SECRET


def secret_path(database: Path) -> Path:
    """Where the secret of a database lies."""
    return database.with_name(database.name + ".secret")


def load_secret(database: Path) -> str:
    """The secret beside a database, made at the first call: 64 hexadecimal digits, mode 0600.

    Written whole under another name and linked into place, so that of ten that start at once nine find the
    tenth's, and a crash leaves none rather than half of one. Raises `OperatorError` if it cannot be used.
    """
    path = secret_path(database)
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"The secret {path} cannot be used: {error}.") from None
    if len(secret) < MIN_SECRET:
        raise OperatorError(f"The secret {path} is shorter than {MIN_SECRET} characters; remove it to have one made.")
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
            return  # another process was first: its secret counts
    finally:
        draft.unlink()
