"""Certificates of this machine's servers, and the authority of one's own that signs them, made by openssl."""

import ipaddress
import re
import shutil
import ssl
import subprocess
from pathlib import Path

from monitor.core.vocabulary import RearguardError

DAYS = 3650

AUTHORITY = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign"
"""Python 3.13 insists on the key usage."""
SERVER = "basicConstraints = critical,CA:FALSE\nextendedKeyUsage = serverAuth"

NAME = re.compile(r"(?!.*\.\d+$)[0-9A-Za-z_]([0-9A-Za-z_.-]*[0-9A-Za-z_])?", re.ASCII)
"""No last part of digits alone: that is an address with a mistake in it."""


class CertificateError(RearguardError):
    """openssl is missing, or refuses."""


def key() -> str:
    """A new private key, as PEM. Raises CertificateError."""
    return _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def authority(own_key: Path) -> str:
    """The certificate of the authority that has ``own_key``, as PEM. Raises CertificateError."""
    return _certificate(own_key, "Rearguard authority", AUTHORITY, DAYS)


def server(
    own_key: Path,
    names: list[str],
    ca_certificate: Path,
    ca_key: Path,
    subject: str = "Rearguard broker",
    days: int = DAYS,
) -> str:
    """A certificate for a server of these names and addresses, signed by the authority, as PEM.

    Raises CertificateError.
    """
    carries = ",".join(_alternative(name) for name in names)
    extensions = f"{SERVER}\nsubjectAltName = {carries}"
    signer = ("-CA", str(ca_certificate), "-CAkey", str(ca_key))
    return _certificate(own_key, subject, extensions, days, *signer)


def spelled(name: str) -> str:
    """A host's name or address as it is compared. Raises CertificateError for what is neither."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        if not NAME.fullmatch(name):
            raise CertificateError(f"{name!r} is neither a host's name nor an address") from None
        return name.lower()
    if "%" in name:
        raise CertificateError(f"{name!r} is an address within one interface: no certificate can bear it")
    return str(address)


def carries(certificate: Path, name: str) -> bool:
    """Is the certificate good for a server of this name or address? Raises CertificateError."""
    kind, _, spelling = _alternative(name).partition(":")
    asked = {"DNS": "-checkhost", "IP": "-checkip"}[kind]
    said = _openssl("x509", "-in", str(certificate), "-noout", asked, spelling, no="does NOT match")
    return "does match" in said


def names(certificate: Path) -> list[str]:
    """The names and addresses a certificate bears. Raises CertificateError."""
    said = _openssl("x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName")
    return [spelled(name) for name in re.findall(r"(?:DNS|IP Address):([^,\s]+)", said)]


def signed(certificate: Path, ca_certificate: Path) -> bool:
    """Did this authority sign it, whether or not it has ended? Raises CertificateError."""
    only = ("-no-CApath", "-no-CAstore", "-no_check_time", "-CAfile", str(ca_certificate))
    return _openssl("verify", *only, str(certificate), no="verification failed").endswith(": OK\n")


def end_s(certificate: Path) -> int:
    """When it ends, by the clock of time.time(). Raises CertificateError."""
    said = _openssl("x509", "-in", str(certificate), "-noout", "-enddate")
    return ssl.cert_time_to_seconds(said.strip().removeprefix("notAfter="))


def program() -> str:
    """The program openssl. Raises CertificateError."""
    found = shutil.which("openssl")
    if found is None:
        raise CertificateError("openssl is not installed: sudo apt install openssl")
    return found


def _alternative(name: str) -> str:
    """As subjectAltName has it."""
    spelling = spelled(name)
    return f"{'DNS' if NAME.fullmatch(spelling) else 'IP'}:{spelling}"


def _certificate(own_key: Path, subject: str, extensions: str, days: int, *signer: str) -> str:
    """Signed by itself, or by ``signer``."""
    identifiers = "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always"
    configuration = "[req]\nprompt = no\ndistinguished_name = subject\nx509_extensions = extensions\n"
    configuration += f"[subject]\nCN = {subject}\n[extensions]\n{extensions}\n{identifiers}\n"
    words = ("req", "-x509", "-new", "-config", "/dev/stdin", "-key", str(own_key), "-days", str(days))
    return _openssl(*words, *signer, stdin=configuration)


def _openssl(*words: str, stdin: str = "", no: str = "") -> str:
    """What it says. Where it says ``no``, that is an answer, no failure: OpenSSL 3.5 ends with 1 on it."""
    done = subprocess.run([program(), *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode and not (no and no in done.stdout + done.stderr):
        raise CertificateError(f"openssl {words[0]} failed: {done.stderr.strip()}")
    return done.stdout
