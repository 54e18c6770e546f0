"""Tokens that an attacker made by hand, some of them even with the right secret."""

import base64
import hashlib
import hmac
import json
import string
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
    "jti is null": {"jti": None},
    "aud is a list without ours": {"aud": ["somebody", "else"]},
    "aud is a nested list": {"aud": [["eventorg"]]},
    "sub in upper case": {"sub": "0B9FDC1E-7F5C-4A55-9F0E-3C1D5D3A6F11"},
    "sub with a newline": {"sub": "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11\n"},
    "ver is below zero": {"ver": -1},
    "exp is a list": {"exp": [4102480800]},
    "exp is 0": {"exp": 0},
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
    "kid is a list": HS256 | {"kid": ["x"]},
    "alg in lower case": {"alg": "hs256"},
    "alg with a space": {"alg": "HS256 "},
    "PS256": {"alg": "PS256"},
    "EdDSA": {"alg": "EdDSA"},
    "crit is empty": HS256 | {"crit": []},
    "crit is text": HS256 | {"crit": "x"},
    "encrypted": {"alg": "dir", "enc": "A256GCM"},
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
    """Returns a token with any content (RFC 7515, section 3.1)."""
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
    """Returns valid claims."""
    now = int(server.clock().timestamp())
    return {"sub": user.id, "iat": now, "exp": now + 9, "iss": "eventorg", "aud": "eventorg", "jti": "x", "ver": 1}


def refuse(server: Server, token: str) -> None:
    response = server.client.get("/users/me", headers={b"Authorization": f"Bearer {token}".encode()})
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


def test_a_key_that_the_token_brings_is_no_key(server: Server, claims: dict[str, Any]) -> None:
    payload = json.dumps(claims).encode()
    for header, key in (
        ({"kid": "../../../../dev/null"}, ""),
        ({"kid": "/proc/sys/kernel/ostype"}, "Linux\n"),
        ({"kid": "x' UNION SELECT 'his' --"}, "his"),
        ({"jwk": {"kty": "oct", "k": encode(b"his" * 12)}}, "his" * 12),
        ({"jku": f"{server.url}/docs/openapi.json"}, "his" * 12),
        ({"x5u": f"{server.url}/docs/openapi.json", "x5c": [encode(b"his")]}, "his" * 12),
    ):
        refuse(server, sign(payload, key, HS256 | header))


def other_bits(part: str) -> str:
    """Returns another spelling of the same bytes: the last character has two bits too many."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    place = alphabet.index(part[-1])
    assert len(part) % 4 == 3
    return part[:-1] + alphabet[place ^ 1]


def test_a_token_in_another_form_is_401(server: Server, secret: str, claims: dict[str, Any]) -> None:
    good = sign(json.dumps(claims).encode(), secret)
    head, body, signature = good.split(".")
    nested = sign(json.dumps(good).encode(), secret, HS256 | {"cty": "JWT"})
    general = json.dumps({"payload": body, "signatures": [{"protected": head, "signature": signature}]})
    for token in (
        nested,
        general,
        f"{good}.",
        f".{good}",
        f"{good}.{signature}.{signature}",  # as many parts as what is encrypted (RFC 7516)
        f"{head}..{signature}",
        f"{head}.{body}.{signature}=x",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature}==",
        f"{head}=.{body}.{signature}",
        f"{head}.{body}=.{signature}",
        f"{head}.{body}==.{signature}",
        f"{head}.{body}.{other_bits(signature)}",
        f"{head}.{body}.{signature[:9]}!{signature[9:]}",
        f"{head}.{body}.{signature[:-1]}",
        good.replace(".", "\u2024"),
        f"{good},{good}",
        "x" * 60_000,
        f"{head}.{encode(b'x' * 40_000)}.{signature}",
        "evb_" + "x" * 60_000,
        "evb_",
    ):
        refuse(server, token)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer:", "Bearer\t", "x", "\ud800"])
def test_another_scheme_is_401(server: Server, user: User, scheme: str) -> None:
    value = f"{scheme} {user.token}".encode("utf-8", "surrogatepass")
    response = server.client.get("/users/me", headers={b"Authorization": value})
    check_problem(response, 401)


def test_a_claim_that_stands_twice_is_what_was_signed_last(
    server: Server, user: User, secret: str, claims: dict[str, Any]
) -> None:
    """All parts of the server read a token the same way: signature, expiry and user come from one reading."""
    text = json.dumps(claims)
    nobody = '"sub": "0b9fdc1e-7f5c-4a55-9f0e-3c1d5d3a6f11"'
    refuse(server, sign(f"{text[:-1]}, {nobody}}}".encode(), secret))
    refuse(server, sign(f'{text[:-1]}, "exp": 1}}'.encode(), secret))
