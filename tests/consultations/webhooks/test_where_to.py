"""Where a message may go: to the public internet by HTTPS, to the very address that was looked at."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consultations.models import Webhook
from consultations.webhooks import addresses, services, signing
from consultations.webhooks.addresses import AddressRefused, parse, permitted, resolved
from consultations.webhooks.sending import Letter, Sender
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from tests.consultations.webhooks.receiver import Receiver, receiving

_INSIDE = """
    127.0.0.1 127.9.9.9 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
    100.64.0.1 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 2002:a00:1::
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe fec0::1
    100:: 64:ff9b:1::1
"""
_OUTSIDE = "8.8.8.8 1.1.1.1 41.66.192.1 2606:4700:4700::1111 ::ffff:8.8.8.8 64:ff9b::808:808"
NOT_PUBLIC, PUBLIC = _INSIDE.split(), _OUTSIDE.split()
REFUSED = {
    "http://till.example.com/": "https_required",
    "http://127.0.0.1/": "https_required",
    "ftp://till.example.com/": "invalid",
    "javascript:alert(1)": "invalid",
    "//till.example.com/": "invalid",
    "https://": "invalid",
    "https:///hook": "invalid",
    "https://till.example.com:0/": "invalid",
    "https://till.example.com:99999/": "invalid",
    "https://till.example.com/#part": "invalid",
    "https://till.example.com/a b": "invalid",
    "https://till.example.com/\r\nX-Evil: 1": "invalid",
    "https://till.example.com\\@127.0.0.1/": "invalid",
    "https://tíll.example.com/": "invalid",
    "https://ama:secret@till.example.com/": "credentials",
    "https://@till.example.com/": "credentials",
    "https://127.0.0.1/": "not_public",
    "https://169.254.169.254/latest/meta-data": "not_public",
    "https://[::1]/": "not_public",
    "https://[::ffff:10.0.0.1]/": "not_public",
    "https://10.1.2.3:8443/": "not_public",
}


@pytest.mark.parametrize("url", REFUSED)
def test_such_an_address_is_refused_as_it_is_typed(url: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        parse(url)
    assert refused.value.code == REFUSED[url]


def test_an_address_in_its_parts() -> None:
    target = parse("https://till.example.com:8443/hook?of=osu")
    assert (target.host, target.port, target.path) == ("till.example.com", 8443, "/hook?of=osu")
    assert target.authority == "till.example.com:8443"
    assert parse("https://[2606:4700:4700::1111]").authority == "[2606:4700:4700::1111]"


def test_only_while_developing_this_machine_may_be_told_in_plain() -> None:
    assert not parse("http://127.0.0.1:9999/", local=True).secure
    assert not parse("http://localhost/", local=True).secure
    for url in ("http://10.0.0.1/", "http://till.example.com/"):
        with pytest.raises(AddressRefused):
            parse(url, local=True)


def _found(addresses_: list[str], host: str, port: int) -> list[str]:
    return addresses_


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_that_leads_inside_is_refused_even_beside_a_public_address(address: str) -> None:
    assert not permitted(ipaddress.ip_address(address))
    target = parse("https://till.example.com/")
    for found in ([address], ["8.8.8.8", address]):
        with pytest.raises(AddressRefused, match="not public"):
            resolved(target, resolve=partial(_found, found))


def test_public_addresses_are_permitted() -> None:
    assert all(permitted(ipaddress.ip_address(address)) for address in PUBLIC)


def test_ways_to_write_this_machine_that_only_the_resolver_understands() -> None:
    """`2130706433`, `0x7f.1` and `127.1` are names to us, and addresses of this machine to the system."""
    for host in ("2130706433", "0x7f.1", "127.1", "localhost"):
        with pytest.raises(AddressRefused):
            resolved(parse(f"https://{host}/"))


def test_a_name_that_is_not_there_is_an_error_of_the_try() -> None:
    def nothing(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    answer = Sender(resolve=nothing).send(Letter("https://till.example.com/", b"{}", {}))
    assert (answer.status, answer.error) == (None, "till.example.com was not found.")


def test_a_name_that_leads_elsewhere_later_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection goes to the address that was checked; the name is not looked up again."""
    asked: list[str] = []
    gone_to: list[Any] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["8.8.8.8"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: Any, timeout: float) -> Any:
        gone_to.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr("socket.create_connection", connect)
    Sender(resolve=resolve).send(Letter("https://rebind.example.com/", b"{}", {}))
    assert asked == ["rebind.example.com"]
    assert gone_to == [("8.8.8.8", 443)]


# --- TLS -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of till.example.com that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "till.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("till.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "till.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver behind TLS; for once this machine counts as public."""
    monkeypatch.setattr(addresses, "permitted", lambda address, local=False: True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(context) as receiver:
        yield receiver


def _sender(certificate: Path | None) -> Sender:
    trusted = ssl.create_default_context(cafile=str(certificate) if certificate else None)
    return Sender(resolve=lambda host, port: ["127.0.0.1"], tls=trusted)


def test_the_certificate_must_be_of_the_name_and_of_somebody_trusted(
    secure: Receiver, certificate: Path
) -> None:
    letter = Letter(f"https://till.example.com:{secure.port}/hook", b"{}", {})
    assert _sender(certificate).send(letter).status == 204
    assert secure.got[0][0]["host"] == f"till.example.com:{secure.port}"
    untrusted = _sender(None).send(letter)
    assert (untrusted.status, untrusted.error) == (None, "No secure connection: CERTIFICATE_VERIFY_FAILED")
    other = Letter(f"https://other.example.com:{secure.port}/hook", b"{}", {})
    assert "CERTIFICATE_VERIFY_FAILED" in _sender(certificate).send(other).error
    assert len(secure.got) == 1


def test_no_proxy_is_asked(secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    letter = Letter(f"https://till.example.com:{secure.port}/", b"{}", {})
    assert _sender(certificate).send(letter).status == 204


# --- Registering -----------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.one_database
def test_administrators_register_and_nobody_else(adjoa: Any, yaw: Any, efua: Any, ama: Any) -> None:
    url = "https://till.example.com/hook"
    for person in (yaw, efua, ama):
        with pytest.raises(Forbidden):
            services.register(actor=person, name="Till", premises=ama.premises, url=url)
    webhook, secret = services.register(actor=adjoa, name="Till", premises=ama.premises, url=url)
    assert secret.startswith("whsec_")
    for act in (services.rotate_secret, services.switch_off, services.switch_on, services.send_test):
        with pytest.raises(Forbidden):
            act(actor=yaw, webhook=webhook)
    with pytest.raises(Conflict, match="already"):
        services.register(actor=adjoa, name="Again", premises=ama.premises, url=url)


@pytest.mark.django_db
@pytest.mark.one_database
def test_an_address_inside_is_not_registered(adjoa: Any, ama: Any) -> None:
    for url in ("http://till.example.com/", "https://10.0.0.1/", "http://127.0.0.1/"):
        with pytest.raises(ValidationFailed):
            services.register(actor=adjoa, name="Till", premises=ama.premises, url=url)
    assert not Webhook.objects.exists()


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its specification."""
    assert (
        signing.signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp=1614265330,
            body=b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
