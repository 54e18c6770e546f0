"""Fingerprints of requests: keyed, and stable while the secret that made them is known."""

import hashlib

import pytest

from eventorg.security.fingerprints import Fingerprints

CONTENT = b'POST\0/users\0{"password": "correct horse"}'
OLD, NEW = "old" * 20, "new" * 20


def with_secrets(*secrets: str) -> Fingerprints:
    fingerprints = Fingerprints()
    fingerprints.use(secrets)
    return fingerprints


def test_a_fingerprint_is_that_of_its_content_alone() -> None:
    fingerprints = with_secrets(NEW)
    fingerprint = fingerprints.make(CONTENT)
    assert fingerprints.matches(fingerprint, CONTENT)
    assert not fingerprints.matches(fingerprint, CONTENT + b" ")


def test_a_fingerprint_cannot_be_made_without_the_secret() -> None:
    fingerprint = with_secrets(NEW).make(CONTENT)
    assert hashlib.sha256(CONTENT).hexdigest() not in fingerprint
    assert with_secrets(OLD).make(CONTENT) != fingerprint
    assert not with_secrets(OLD).matches(fingerprint, CONTENT)


def test_the_key_of_fingerprints_is_not_the_secret_itself() -> None:
    """The secret also signs tokens, so neither use may reveal anything about the other."""
    plain = hashlib.sha256(NEW.encode()).hexdigest()
    keys = with_secrets(NEW)._keys
    assert NEW.encode() not in keys
    assert plain not in [key.hex() for key in keys]


@pytest.mark.parametrize("secrets", [(NEW, OLD), (OLD, NEW)])
def test_a_fingerprint_is_known_under_each_secret_in_use(secrets: tuple[str, str]) -> None:
    made = with_secrets(OLD).make(CONTENT)
    rotated = with_secrets(*secrets)
    assert rotated.matches(made, CONTENT)
    assert not rotated.matches(made, b"another request")
    assert rotated.make(CONTENT) == with_secrets(secrets[0]).make(CONTENT)


def test_a_fingerprint_of_before_the_upgrade_is_accepted_and_never_made() -> None:
    fingerprints = with_secrets(NEW)
    old = hashlib.sha256(CONTENT).hexdigest()
    assert fingerprints.matches(old, CONTENT)
    assert not fingerprints.matches(old, b"another request")
    assert fingerprints.make(CONTENT) != old
