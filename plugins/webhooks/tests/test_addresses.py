"""Allowed addresses of webhooks: public ones only, in any notation."""

import json
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import CapacityLimiter
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eventorg.plugin import Refused
from eventorg.testing import Server, User, check_problem

from ..addresses import AddressRefused, Unresolvable, is_open, is_own, resolve
from ..webhooks import clean_url
from .hosting import add, log_of
from .receiver import Receiver, receiving

OPEN = ("93.184.215.14", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::200e")
CLOSED = (
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", CLOSED)
def test_closed_addresses(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize("address", [*OPEN, *(f"::ffff:{ip}" for ip in OPEN[:2]), "64:ff9b::101:101"])
def test_open_addresses(address: str) -> None:
    assert is_open(address)


def test_the_machines_own_addresses() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("203.0.113.7")


def look_up(host: str, *, allow_private: bool = False) -> list[str]:
    async def act() -> list[str]:
        return await resolve(host, 80, allow_private=allow_private, threads=CapacityLimiter(1))

    return anyio.run(act)


def answering(*answers: list[str]) -> Callable[..., list[Any]]:
    """A resolver that knows `hooks.test`, answers one after the other and then the last one for ever."""
    real, left = socket.getaddrinfo, list(answers)

    def getaddrinfo(host: str, port: Any, *arguments: Any, **named: Any) -> list[Any]:
        if host != "hooks.test":
            return real(host, port, *arguments, **named)
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [place for address in addresses for place in real(address, port, *arguments, **named)]

    return getaddrinfo


def test_one_closed_address_among_open_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering(["1.1.1.1"], ["1.1.1.1", "10.0.0.1"]))
    assert look_up("hooks.test") == ["1.1.1.1"]
    with pytest.raises(AddressRefused):
        look_up("hooks.test")


def test_an_own_address_is_refused_even_if_it_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{is_open.__module__}.is_own", lambda address: address == "1.1.1.1")
    assert look_up("1.1.1.2") == ["1.1.1.2"]
    with pytest.raises(AddressRefused):
        look_up("1.1.1.1")
    assert look_up("1.1.1.1", allow_private=True) == ["1.1.1.1"]


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test", "256.1.1.1", ""])
def test_what_is_no_host_is_unresolvable(host: str) -> None:
    with pytest.raises((Unresolvable, AddressRefused)):
        look_up(host)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook?a=b",
        "http://example.com:8080",
        "https://пример.рф/крюк",
        "https://[2606:4700::1111]:8443/",
    ],
)
def test_possible_urls(url: str) -> None:
    assert clean_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/hook",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "http://:80/",
        "http:///hook",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com/#part",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:http/",
        "http://exam ple.com/",
        "http://example.com/\r\nHost: other",
        "http://[::1",
        f"http://example.com/{'x' * 2000}",
    ],
)
def test_impossible_urls(url: str) -> None:
    with pytest.raises(Refused):
        clean_url(url)


class TestClosed:
    """A server that keeps to the open internet, as it does unless told otherwise."""

    @pytest.fixture
    def eventorg_settings(self) -> dict[str, str]:
        return {"EVENTORG_PLUGINS": "webhooks"}

    def test_urls_into_the_own_networks_are_refused_however_spelt(self, eventorg: Server, host: User) -> None:
        path = f"/events/{host.create_event()['id']}/webhooks"
        for place in (
            *(f"[{address}]" if ":" in address else address for address in CLOSED if "%" not in address),
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "①②⑦.⓪.⓪.①",
            "127。0。0。1",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
            "[fe80::1%25lo]",
            "[fe80::1%lo]",
            "127.0.0.1.",
            "0x7f.1",
            "00000177.1",
            "4294967297",
            "%31%32%37.0.0.1",
            "127.0.0.1%00.example.com",
            "127.0.0.1%2f.example.com",
            "example.com%40127.0.0.1",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b::127.0.0.1]",
            "[2002:7f00:1::1]",
            "ip6-localhost",
            "no-such-host.invalid",
            "a..b",
        ):
            response = host.post(path, json={"url": f"http://{place}:8000/hook"})
            problem = check_problem(response, 422, "validation_failed")
            assert [(fault["field"], fault["code"]) for fault in problem["errors"]] == [("url", "invalid")], place
        assert host.get(path).json()["webhooks"] == []

    @pytest.mark.parametrize("later", [["127.0.0.1"], ["::ffff:127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["0.0.0.0"]])
    def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(
        self, eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, later: list[str]
    ) -> None:
        """DNS rebinding: an open address when it is made, loopback when it is sent to."""
        monkeypatch.setattr(socket, "getaddrinfo", answering(["1.1.1.1"], later))
        event = host.create_event()
        webhook = add(host, event, f"http://hooks.test:{receiver.port}/hook")
        host.patch(f"/events/{event['id']}", json={"title": "new"})
        delivery = eventorg.wait_for(lambda: [d for d in log_of(host, webhook) if d["attempts"]])[0]
        assert (delivery["status"], delivery["error"]) == ("pending", "address_refused")
        assert receiver.received == []


def test_a_call_goes_to_the_address_that_was_looked_up_for_it(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each creation and each attempt asks once: a second question would be answered with an address nobody is at."""
    monkeypatch.setattr(socket, "getaddrinfo", answering(["127.0.0.1"], ["127.0.0.1"], ["127.0.0.2"]))
    event = host.create_event()
    webhook = add(host, event, f"http://hooks.test:{receiver.port}/hook")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    delivery = eventorg.wait_for(lambda: [d for d in log_of(host, webhook) if d["attempts"]])[0]
    assert delivery["status"] == "delivered"
    assert receiver.received[0].headers["host"] == f"hooks.test:{receiver.port}"


def test_a_dead_address_is_not_the_last_word(
    eventorg: Server, host: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering(["127.0.0.2", "127.0.0.1"]))
    event = host.create_event()
    add(host, event, f"http://hooks.test:{receiver.port}/hook")
    host.patch(f"/events/{event['id']}", json={"title": "new"})
    message = eventorg.wait_for(lambda: receiver.received)[0]
    assert json.loads(message.body)["data"]["event"]["title"] == "new"


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate of `hooks.test` with its key, which the server trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate.public_bytes(encoded[0]) + key.private_bytes(*encoded))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    certificate: Path, eventorg: Server, host: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering(["127.0.0.1"]))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    event = host.create_event()
    with receiving(tls) as receiver:
        named = add(host, event, f"https://hooks.test:{receiver.port}/named")
        numbered = add(host, event, f"https://127.0.0.1:{receiver.port}/numbered")
        host.patch(f"/events/{event['id']}", json={"title": "new"})
        eventorg.wait_for(lambda: [d for d in log_of(host, named) if d["status"] == "delivered"])
        refused = eventorg.wait_for(lambda: [d for d in log_of(host, numbered) if d["attempts"]])[0]
    assert refused["error"] == "connection_failed"
    assert [message.path for message in receiver.received] == ["/named"]
