"""Fingerprints of requests, which say whether a request that is sent again is the same one.

A request can contain a password. A plain hash in the database would let a thief of the file try passwords quickly, so a
fingerprint is an HMAC with a key that is derived from the server's secret, which the file does not contain.
"""

import hashlib
import hmac
from typing import Final

_PURPOSE: Final = b"eventorg: fingerprints of requests"
_PREFIX: Final = "hmac:"


class Fingerprints:
    """Makes fingerprints and compares them with requests."""

    def __init__(self) -> None:
        self._keys: tuple[bytes, ...] = ()

    def use(self, secrets: tuple[str, ...]) -> None:
        """Sets the secrets: the first makes fingerprints, each of them can have made an older one."""
        self._keys = tuple(hmac.digest(secret.encode(), _PURPOSE, "sha256") for secret in secrets)

    def make(self, content: bytes) -> str:
        """Returns the fingerprint of a request: `hmac:` and 64 hexadecimal digits."""
        return _make(self._keys[0], content)

    def matches(self, fingerprint: str, content: bytes) -> bool:
        """Returns true if the fingerprint is that of a request, under any of the secrets.

        Versions up to 0.1.0 stored the SHA-256 instead. It is accepted, so that a retry across the upgrade is not
        carried out twice, but never made; the last ones are deleted a day after the upgrade.
        """
        if not fingerprint.startswith(_PREFIX):
            return hmac.compare_digest(fingerprint, hashlib.sha256(content).hexdigest())
        return any(hmac.compare_digest(fingerprint, _make(key, content)) for key in self._keys)


def _make(key: bytes, content: bytes) -> str:
    return _PREFIX + hmac.digest(key, content, "sha256").hex()
