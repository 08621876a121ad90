"""A certificate for the spotter's page, signed by the authority of this home.

The broker's authority signs where there is one: phones then trust one only. Else the page gets its own. What
is there and good is kept; a certificate near its end, or for other names, is made anew with the same key.
"""

import fcntl
import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import certificates, owned_files
from monitor.delivery.broker_setup import Step

DAYS = 820
"""Apple's systems refuse a server's certificate of more than 825 days, whoever signed it."""
RENEWED_DAYS = 60
"""So long before its end it is made anew."""
DAY_S = 86400

SIOCGIFADDR = 0x8915
"""Linux's netdevice(7): the IPv4 address of an interface."""

ADVICE = """\
Next, in config.yaml, and then start the page again:
  page:
    certificate_file: {certificate}
    key_file: {key}
Each phone has to trust the authority, once: bring {ca} to it, by mail for example.
  Android: Settings > Security > Install certificate > CA certificate, and choose the file
  iPhone: open the file, install the profile in Settings > General > VPN & Device Management,
    then switch it on in Settings > General > About > Certificate Trust Settings
(The words differ between versions, and none of this has been tried on a phone.)
{ca} is no secret. {ca_key} is: who has it can pass for any website on these phones."""


class PageCertificateError(RearguardError):
    """The certificate cannot be made: what is in the way, and what to do."""


@dataclass(frozen=True)
class _Files:
    """Of the page's server, and of the authority that signs for it."""

    folder: Path
    home: Path  # the authority's

    @property
    def certificate(self) -> Path:
        return self.folder / "page.crt"

    @property
    def key(self) -> Path:
        return self.folder / "page.key"

    @property
    def ca(self) -> Path:
        return self.home / "ca.crt"

    @property
    def ca_key(self) -> Path:
        return self.home / "ca.key"


def make(
    folder: Path, broker: Path, further: Iterable[str], now_s: float, *, dry: bool = False
) -> Iterator[str]:
    """Make what is missing in the page's folder; says what, until when it is good, and what is next.

    ``broker`` is the folder where the broker's authority would be; by ``further`` names or addresses the page
    is reached too. Raises PageCertificateError and CertificateError.
    """
    folder = folder.absolute()
    try:
        files = _Files(folder, broker if _is_broker_s(folder, broker) else folder)
        changed = False
        for step in _steps(files, list(further), now_s):
            done = step.done()
            yield f"{'there already' if done else 'would' if dry else 'now'}: {step.words}"
            if not done and not dry:
                step.do()
                changed = True
        if not changed:
            yield "nothing was changed"
        if not dry:
            yield (
                f"{files.certificate} is good until {_day(certificates.end_s(files.certificate))}. Run this "
                f"again in the {RENEWED_DAYS} days before, and when names or addresses have changed."
            )
            yield ADVICE.format(
                certificate=json.dumps(str(files.certificate), ensure_ascii=False),
                key=json.dumps(str(files.key), ensure_ascii=False),
                ca=files.ca,
                ca_key=files.ca_key,
            )
    except PermissionError as error:
        raise PageCertificateError(
            f"{error.filename or folder}: permission denied; run it with sudo and --folder {folder}"
        ) from None
    except OSError as error:
        where = error.filename or folder
        raise PageCertificateError(f"{where}: {error.strerror}; --folder names another folder") from None


def addresses() -> dict[str, str]:
    """This machine's IPv4 addresses, and the interface of each. Those of IPv6 change from day to day."""
    found = {"127.0.0.1": "lo"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, interface in socket.if_nameindex():
            try:
                said = fcntl.ioctl(asking, SIOCGIFADDR, struct.pack("256s", interface.encode()))
            except OSError:  # it has none
                continue
            address = IPv4Address(said[20:24])
            if not address.is_loopback and not address.is_link_local:
                found[str(address)] = interface
    return found


def _steps(files: _Files, further: list[str], now_s: float) -> Iterator[Step]:
    """What is to be done, in order; each is to be looked at when those before it are done."""
    certificates.program()
    interfaces = addresses()
    own = socket.gethostname()
    wanted = [certificates.spelled(name) for name in (own, f"{own}.local", "localhost", *further)]
    wanted = list(dict.fromkeys([*wanted, *interfaces]))
    if lack := _lack(files, wanted, now_s):
        _check_authority(files, now_s)
    yield Step(
        f"make {files.folder}, for its owner alone",
        files.folder.is_dir,
        lambda: _make_folder(files.folder, 0o700),
    )
    if files.home == files.folder:
        yield Step(
            f"make an authority's key, {files.ca_key}",
            lambda: _there(files.ca_key) or _there(files.ca),
            lambda: owned_files.write(files.ca_key, certificates.key(), 0o600, os.getegid()),
        )
        yield Step(
            f"make the authority, {files.ca}: phones need this file",
            lambda: _there(files.ca),
            lambda: _give(files.ca, certificates.authority(files.ca_key), 0o644),
        )
    else:
        yield Step(f"take the broker's authority, {files.ca}", lambda: True, lambda: None)
    yield Step(
        f"make the page's key, {files.key}",
        lambda: _there(files.key),
        lambda: _give(files.key, certificates.key(), 0o600),
    )
    lack = lack and _lack(files, wanted, now_s)
    names = list(dict.fromkeys([*wanted, *_borne(files)]))
    said = ", ".join(f"{name} ({interfaces[name]})" if name in interfaces else name for name in names)
    yield Step(
        f"make the page's certificate, {files.certificate}{lack and f' ({lack})'}, for {said}",
        lambda: not lack,
        lambda: _give(files.certificate, _signed(files, names, now_s), 0o644),
    )


def _is_broker_s(folder: Path, broker: Path) -> bool:
    """Does the broker's authority sign? One that the page already has does: phones may trust it."""
    if _there(folder / "ca.crt") or not (_there(broker / "ca.crt") or _there(broker / "ca.key")):
        return False
    if not _there(broker / "ca.crt"):
        raise PageCertificateError(f"{broker / 'ca.crt'} is missing: first run sudo rearguard broker setup")
    return True


def _check_authority(files: _Files, now_s: float) -> None:
    """Raises PageCertificateError where it cannot sign, and PermissionError."""
    if not _there(files.ca):
        return  # it will be made
    again = f"remove {files.ca} to get a new authority, which phones then have to trust"
    if files.home != files.folder:
        again = f"remove {files.ca} and broker.crt and run sudo rearguard broker setup to get a new authority"
    if not _there(files.ca_key):
        raise PageCertificateError(
            f"{files.ca_key} is missing, and the certificate has to be signed with it: bring it back from "
            f"where it is kept; or, where it is lost, {again}"
        )
    with files.ca_key.open("rb"):
        pass  # may we?
    if (end_s := certificates.end_s(files.ca)) < now_s + RENEWED_DAYS * DAY_S:
        raise PageCertificateError(f"the authority {files.ca} ends on {_day(end_s)}: {again}")


def _lack(files: _Files, wanted: list[str], now_s: float) -> str:
    """Why the certificate is not good, in words; empty where it is."""
    if not _there(files.certificate):
        return "there is none yet"
    if not _fits(files):
        return f"the one there does not go with {files.key}"
    if not (_there(files.ca) and certificates.signed(files.certificate, files.ca)):
        return f"the one there is not signed by {files.ca}"
    if missing := [name for name in wanted if not certificates.carries(files.certificate, name)]:
        return f"the one there is not for {', '.join(missing)}"
    end_s = certificates.end_s(files.certificate)
    return f"the one there ends on {_day(end_s)}" if end_s < now_s + RENEWED_DAYS * DAY_S else ""


def _borne(files: _Files) -> list[str]:
    """What the certificate is for already it stays for, also where nobody names it again."""
    if _there(files.certificate) and _there(files.ca) and _fits(files):
        ours = certificates.signed(files.certificate, files.ca)
        return certificates.names(files.certificate) if ours else []
    return []


def _fits(files: _Files) -> bool:
    """Is the certificate one, and of this key?"""
    if not _there(files.key):
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)
    except ssl.SSLError:
        return False
    return True


def _signed(files: _Files, names: list[str], now_s: float) -> str:
    """A certificate that does not outlive its authority."""
    left_days = int((certificates.end_s(files.ca) - now_s) / DAY_S)
    return certificates.server(
        files.key, names, files.ca, files.ca_key, "Rearguard page", min(DAYS, left_days)
    )


def _there(path: Path) -> bool:
    """Raises PermissionError where nobody may say: Path.exists() would say no, from Python 3.14 on."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _make_folder(folder: Path, mode: int = 0o755) -> None:
    """For whoever owns the folder it is in: that is the page's user's, where root makes it."""
    if not _there(folder.parent):
        _make_folder(folder.parent)
    folder.mkdir(mode)
    if os.geteuid() == 0:
        owner = folder.parent.stat()
        os.chown(folder, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _give(path: Path, text: str, mode: int) -> None:
    """Write a file for whoever owns its folder: the page's user, where root makes it."""
    owner = path.parent.stat()
    owned_files.write(path, text, mode, owner.st_gid, owner.st_uid)


def _day(time_s: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(time_s))
