"""A mail server that wants a password, over TLS from the first byte or by STARTTLS."""

import ipaddress
import ssl
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.mailbox import Mailbox

from .scene import Scene
from .test_mail import after, sign_up

PASSWORD = "pa:ss/word@%"
QUOTED = "pa%3Ass%2Fword%40%25"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(params=["smtp", "smtps"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def eventorg_settings(mailbox: Mailbox, scheme: str) -> dict[str, str]:
    return {
        "EVENTORG_PLUGINS": "reminders",
        "EVENTORG_SMTP_URL": f"{scheme}://meetings:{QUOTED}@127.0.0.1:{mailbox.port}",
        "EVENTORG_LOG_LEVEL": "warning",
        "EVENTORG_SMTP_FROM": "meetings@example.org",
    }


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime.now(UTC) - timedelta(days=1))
    builder = builder.not_valid_after(datetime.now(UTC) + timedelta(days=1)).add_extension(address, critical=False)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "certificate.pem"
    signed = builder.sign(key, hashes.SHA256())
    file.write_bytes(key.private_bytes(*form) + signed.public_bytes(serialization.Encoding.PEM))
    return file


def opened(mailbox: Mailbox, scheme: str, certificate: Path, password: str) -> AbstractContextManager[Mailbox]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if scheme == "smtps":
        return mailbox.open(password, ssl_context=context, auth_require_tls=False)
    return mailbox.open(password, tls_context=context, require_starttls=True)


def test_it_logs_in_by_a_secure_connection(
    scene: Scene, mailbox: Mailbox, scheme: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # the certificates OpenSSL trusts
    sign_up(scene.server, scene.event())
    scene.clock.advance(hours=24)
    with opened(mailbox, scheme, certificate, PASSWORD):
        after(scene, lambda: mailbox.mails)
    assert mailbox.logged_in == [True]


def test_neither_a_password_nor_an_address_is_logged(
    scene: Scene,
    mailbox: Mailbox,
    scheme: str,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The server wants another password, then is one that nobody vouches for; both are warned of."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("eventorg.background.mail.PAUSE_SECONDS", 0.1)  # it need not be seen how long it pauses
    user = sign_up(scene.server, scene.event())
    scene.clock.advance(hours=24)
    with opened(mailbox, scheme, certificate, "another"):
        scene.settle()
        scene.clock.advance(seconds=10)
        logged = ""

        def warned(reason: str) -> bool:
            nonlocal logged
            scene.clock.advance(seconds=10)
            logged += capfd.readouterr().err
            return reason in logged

        scene.server.wait_for(lambda: warned("SMTP 535"))
        monkeypatch.delenv("SSL_CERT_FILE")
        scene.server.wait_for(lambda: warned("SMTPConnectError") or warned("SSL"))
    assert mailbox.mails == []
    for secret in (PASSWORD, QUOTED, str(user.account["email"])):
        assert secret not in logged
