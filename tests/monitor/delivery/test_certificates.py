"""Certificates as any OpenSSL makes and reads them: 3.0 of Debian 12, 3.5 of Debian 13."""

import shutil
from pathlib import Path

import pytest

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
    """Of a server `pi.example`."""
    for name in ("ca", "broker"):
        (tmp_path / f"{name}.key").write_text(certificates.key())
    (tmp_path / "ca.crt").write_text(certificates.authority(tmp_path / "ca.key"))
    made = certificates.server(
        tmp_path / "broker.key", ["pi.example"], tmp_path / "ca.crt", tmp_path / "ca.key"
    )
    (tmp_path / "broker.crt").write_text(made)
    return tmp_path / "broker.crt"


@pytest.mark.parametrize("newer", [False, True], ids=["as installed", "as OpenSSL 3.5"])
def test_a_name_that_it_is_not_good_for_is_an_answer_and_no_failure(
    certificate: Path, newer: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if newer:
        program = tmp_path / "openssl"
        program.write_text(NEWER.format(openssl=shutil.which("openssl")))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
    assert certificates.carries(certificate, "pi.example")
    assert not certificates.carries(certificate, "belt.example")
    with pytest.raises(CertificateError, match=r"openssl x509 failed: .*none"):
        certificates.carries(tmp_path / "none.crt", "pi.example")
