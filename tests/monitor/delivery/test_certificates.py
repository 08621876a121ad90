"""Certificates as any OpenSSL makes and reads them: 3.0 of Debian 12, 3.5 of Debian 13."""

import shutil
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from monitor.delivery import certificates
from monitor.delivery.certificates import CertificateError

NEWER = """#!/bin/sh
said=$({openssl} "$@"); status=$?
printf '%s\\n' "$said"
case "$said" in *"does NOT match"*) exit 1 ;; *) exit $status ;; esac
"""
"""OpenSSL 3.5: a name that the certificate is not good for is a status too, and no word on standard error."""


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of a server `pi.example`, also at two addresses."""
    for name in ("ca", "broker"):
        (tmp_path / f"{name}.key").write_text(certificates.key())
    (tmp_path / "ca.crt").write_text(certificates.authority(tmp_path / "ca.key"))
    made = certificates.server(
        tmp_path / "broker.key",
        ["pi.example", "192.0.2.5", "2001:DB8:0::5"],
        tmp_path / "ca.crt",
        tmp_path / "ca.key",
        days=3,
    )
    (tmp_path / "broker.crt").write_text(made)
    return tmp_path / "broker.crt"


@pytest.fixture(params=[False, True], ids=["as installed", "as OpenSSL 3.5"])
def _either(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the answers of either version."""
    if request.param:
        program = tmp_path / "openssl"
        program.write_text(NEWER.format(openssl=shutil.which("openssl")))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("_either")
def test_a_name_that_it_is_not_good_for_is_an_answer_and_no_failure(
    certificate: Path, tmp_path: Path
) -> None:
    assert certificates.carries(certificate, "pi.example")
    assert certificates.carries(certificate, "PI.example")
    assert not certificates.carries(certificate, "belt.example")
    with pytest.raises(CertificateError, match=r"openssl x509 failed: .*none"):
        certificates.carries(tmp_path / "none.crt", "pi.example")


@pytest.mark.usefixtures("_either")
def test_an_address_is_borne_as_an_address(certificate: Path) -> None:
    for address in ("192.0.2.5", "2001:db8::5", "2001:0db8::0005"):
        assert certificates.carries(certificate, address)
    for address in ("192.0.2.6", "2001:db8::6", "127.0.0.1"):
        assert not certificates.carries(certificate, address)
    assert certificates.names(certificate) == ["pi.example", "192.0.2.5", "2001:db8::5"]


@pytest.mark.parametrize(
    "name",
    ["", "pi.example,IP:192.0.2.9", "pi\nexample", "$HOME", "pi#1", "192.0.2.999", "192.0.2", "fe80::1%eth0"],
)
def test_what_is_no_name_and_no_address_is_refused(certificate: Path, name: str) -> None:
    """OpenSSL's word for whether a certificate is good for the address `bogus` is that it is."""
    folder = certificate.parent
    with pytest.raises(CertificateError, match=r"neither a host's name nor an address|within one interface"):
        certificates.server(folder / "broker.key", [name], folder / "ca.crt", folder / "ca.key")
    with pytest.raises(CertificateError, match=r"neither a host's name nor an address|within one interface"):
        certificates.carries(certificate, name)


def test_whose_one_is_that_has_ended(certificate: Path, tmp_path: Path) -> None:
    own_key = serialization.load_pem_private_key((tmp_path / "ca.key").read_bytes(), None)
    assert isinstance(own_key, EllipticCurvePrivateKey)
    ended = (
        x509.CertificateBuilder(
            issuer_name=x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes()).subject,
            subject_name=x509.Name([]),
            public_key=own_key.public_key(),
            serial_number=1,
            not_valid_before=datetime(2020, 1, 1, tzinfo=UTC),
            not_valid_after=datetime(2021, 1, 1, tzinfo=UTC),
        )
        .sign(own_key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    certificate.write_bytes(ended)
    assert certificates.end_s(certificate) == datetime(2021, 1, 1, tzinfo=UTC).timestamp()
    assert certificates.signed(certificate, tmp_path / "ca.crt")


def days(certificate: Path) -> int:
    """From its first moment to its last."""
    words = ["openssl", "x509", "-in", str(certificate), "-noout", "-startdate"]
    start = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    start_s = ssl.cert_time_to_seconds(start.strip().removeprefix("notBefore="))
    return round((certificates.end_s(certificate) - start_s) / 86400)


@pytest.mark.usefixtures("_either")
def test_whose_it_is_and_when_it_ends(certificate: Path, tmp_path: Path) -> None:
    ca, other = tmp_path / "ca.crt", tmp_path / "other.crt"
    (tmp_path / "other.key").write_text(certificates.key())
    other.write_text(certificates.authority(tmp_path / "other.key"))  # of the same name
    assert certificates.signed(certificate, ca)
    assert not certificates.signed(certificate, other)
    with pytest.raises(CertificateError, match=r"openssl verify failed: .*none"):
        certificates.signed(certificate, tmp_path / "none.crt")
    assert [days(ca), days(certificate)] == [3650, 3]


def test_without_openssl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CertificateError, match="openssl is not installed: sudo apt install openssl"):
        certificates.key()
