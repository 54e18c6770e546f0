"""Tokens that somebody made by hand, some of them even with the right secret."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from eventorg.security.secret import load_secret
from eventorg.testing import Server, User, check_problem

HS256 = {"alg": "HS256", "typ": "JWT"}

CLAIMS: dict[str, dict[str, Any]] = {
    "sub of another form": {"sub": "somebody"},
    "sub is a number": {"sub": 1},
    "sub is a list": {"sub": ["x"]},
    "sub is a lone surrogate": {"sub": "\ud800" * 36},
    "sub holds NUL": {"sub": "\0" * 36},
    "sub of nobody": {"sub": "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"},
    "exp is 1e308": {"exp": 1e308},
    "exp is infinite": {"exp": float("inf")},
    "exp is no number": {"exp": float("nan")},
    "exp is text": {"exp": "4102480800"},
    "exp is true": {"exp": True},
    "exp is long ago": {"exp": -(10**400)},
    "iat is text": {"iat": "now"},
    "iat is true": {"iat": True},
    "nbf is far away": {"nbf": 10**12},
    "ver is true": {"ver": True},
    "ver is 1.0": {"ver": 1.0},
    "ver is text": {"ver": "1"},
    "ver is another": {"ver": 2},
    "ver is huge": {"ver": 10**400},
    "iss is another": {"iss": "somebody"},
    "iss is a list": {"iss": ["eventorg"]},
    "aud is another": {"aud": "somebody"},
    "aud is a number": {"aud": 1},
    "jti is a number": {"jti": 1},
}
HEADERS: dict[str, Any] = {
    "none": {"alg": "none"},
    "None": {"alg": "None"},
    "no alg": {"typ": "JWT"},
    "alg is null": {"alg": None},
    "alg is a list": {"alg": ["HS256"]},
    "RS256": {"alg": "RS256"},
    "ES256": {"alg": "ES256"},
    "HS512 by name": {"alg": "HS512"},
    "crit": HS256 | {"crit": ["x"], "x": 1},
    "b64": HS256 | {"crit": ["b64"], "b64": False},
    "kid is a number": HS256 | {"kid": 1},
    "a list": ["HS256"],
    "deep": "[" * 1_000,
}
PAYLOADS = {
    "nothing": b"",
    "list": b"[]",
    "not UTF-8": b"\xff",
    "deep": b"[" * 1_400 + b"]" * 1_400,
    "open": b"[" * 2_900,
}


def sign(payload: bytes, secret: str, header: Any = HS256, digest: str = "sha256") -> str:
    """A token of whatever stands in it (RFC 7515, section 3.1)."""
    signed = f"{encode(json.dumps(header).encode())}.{encode(payload)}"
    return f"{signed}.{encode(hmac.new(secret.encode(), signed.encode(), getattr(hashlib, digest)).digest())}"


def encode(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@pytest.fixture
def user(server: Server) -> User:
    return server.sign_up()


@pytest.fixture
def secret(server: Server) -> str:
    return load_secret(server.settings.database_path)


@pytest.fixture
def claims(server: Server, user: User) -> dict[str, Any]:
    """Good ones."""
    now = int(server.clock().timestamp())
    return {"sub": user.id, "iat": now, "exp": now + 9, "iss": "eventorg", "aud": "eventorg", "jti": "x", "ver": 1}


def refuse(server: Server, token: str) -> None:
    response = server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"})
    check_problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_made_by_hand_the_right_way_is_good(
    server: Server, user: User, secret: str, claims: dict[str, Any]
) -> None:
    token = sign(json.dumps(claims).encode(), secret)
    response = server.client.get("/users/me", headers={"Authorization": f"Bearer {token}"})
    assert response.json()["id"] == user.id  # so the refusals below are for what they change


@pytest.mark.parametrize("name", CLAIMS)
def test_wrong_claims_are_401(server: Server, secret: str, claims: dict[str, Any], name: str) -> None:
    refuse(server, sign(json.dumps(claims | CLAIMS[name]).encode(), secret))


@pytest.mark.parametrize("claim", ["sub", "iat", "exp", "iss", "aud", "jti", "ver"])
def test_a_missing_claim_is_401(server: Server, secret: str, claims: dict[str, Any], claim: str) -> None:
    refuse(server, sign(json.dumps(claims | {claim: None}).encode(), secret))
    del claims[claim]
    refuse(server, sign(json.dumps(claims).encode(), secret))


@pytest.mark.parametrize("name", HEADERS)
def test_another_header_is_401(server: Server, secret: str, claims: dict[str, Any], name: str) -> None:
    token = sign(json.dumps(claims).encode(), secret, HEADERS[name])
    refuse(server, token)
    refuse(server, token.rpartition(".")[0] + ".")  # unsigned


@pytest.mark.parametrize("name", PAYLOADS)
def test_another_payload_is_401(server: Server, secret: str, name: str) -> None:
    refuse(server, sign(PAYLOADS[name], secret))


def test_another_signature_is_401(server: Server, secret: str, claims: dict[str, Any]) -> None:
    payload = json.dumps(claims).encode()
    refuse(server, sign(payload, "x" * 64))
    refuse(server, sign(payload, ""))
    refuse(server, sign(payload, secret, HS256 | {"alg": "HS512"}, "sha512"))
    refuse(server, sign(payload, secret, digest="sha512"))
    head, _, signature = sign(payload, secret).split(".")
    refuse(server, f"{head}.{encode(json.dumps(claims | {'sub': 'x' * 36}).encode())}.{signature}")
