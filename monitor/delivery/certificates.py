"""The broker's certificate, and the authority of one's own that signs it, made by the program openssl."""

import shutil
import subprocess
from pathlib import Path

from monitor.core.vocabulary import RearguardError

DAYS = "3650"

AUTHORITY = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign"
"""Python 3.13 insists on the key usage."""
SERVER = "basicConstraints = critical,CA:FALSE\nextendedKeyUsage = serverAuth"


class CertificateError(RearguardError):
    """openssl is missing, or refuses."""


def key() -> str:
    """A new private key, as PEM. Raises CertificateError."""
    return _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


def authority(own_key: Path) -> str:
    """The certificate of the authority that has ``own_key``, as PEM. Raises CertificateError."""
    return _certificate(own_key, "Rearguard authority", AUTHORITY)


def server(own_key: Path, names: list[str], ca_certificate: Path, ca_key: Path) -> str:
    """A certificate for a server of these names, signed by the authority, as PEM. Raises CertificateError."""
    carries = ",".join(f"DNS:{name}" for name in names)
    extensions = f"{SERVER}\nsubjectAltName = {carries}"
    return _certificate(
        own_key, "Rearguard broker", extensions, "-CA", str(ca_certificate), "-CAkey", str(ca_key)
    )


def carries(certificate: Path, name: str) -> bool:
    """Is the certificate good for a server of this name? Raises CertificateError."""
    said = _openssl("x509", "-in", str(certificate), "-noout", "-checkhost", name, no="does NOT match")
    return "does match" in said


def _certificate(own_key: Path, subject: str, extensions: str, *signer: str) -> str:
    """Signed by itself, or by ``signer``."""
    identifiers = "subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid:always"
    configuration = "[req]\nprompt = no\ndistinguished_name = subject\nx509_extensions = extensions\n"
    configuration += f"[subject]\nCN = {subject}\n[extensions]\n{extensions}\n{identifiers}\n"
    words = ("req", "-x509", "-new", "-config", "/dev/stdin", "-key", str(own_key), "-days", DAYS, *signer)
    return _openssl(*words, stdin=configuration)


def _openssl(*words: str, stdin: str = "", no: str = "") -> str:
    """What it says. Where it says ``no``, that is an answer, no failure: OpenSSL 3.5 ends with 1 on it."""
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError("openssl is not installed: sudo apt install openssl")
    done = subprocess.run([program, *words], input=stdin, capture_output=True, text=True, check=False)
    if done.returncode and not (no and no in done.stdout):
        raise CertificateError(f"openssl {words[0]} failed: {done.stderr.strip()}")
    return done.stdout
