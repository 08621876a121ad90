"""Mosquitto set up for Rearguard: folder, authority, certificate, the device's account, configuration.

Each step says what it does, does nothing where it has been done, and keeps what is there. The broker's folder
belongs to root: its user may read there and plant nothing.
"""

import grp
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import accounts, certificates, owned_files
from monitor.delivery.accounts import Role

GROUP = "mosquitto"
SECRET = Path("/etc/rearguard/mqtt_password")
PLACE = Path("/etc/mosquitto/conf.d/rearguard.conf")

CONFIGURATION = """\
# Rearguard's broker: written by `rearguard broker setup` as /etc/mosquitto/conf.d/rearguard.conf. Tested with
# Mosquitto 2.0.11 and 2.0.21; every option is in 2.1's manual too, where it was not tried.
# The folder /etc/mosquitto/rearguard holds `passwords` and `access` (both written by `rearguard pair`) and
# the broker's certificate. It belongs to root and the group mosquitto, which may read (mode 750).

# The device itself, and programs beside it, without encryption: these bytes never leave the machine.
listener 1883 127.0.0.1

# Spotters and further devices, encrypted.
listener 8883
certfile /etc/mosquitto/rearguard/broker.crt
keyfile /etc/mosquitto/rearguard/broker.key
tls_version tlsv1.2

# Nobody without an account, and no account without its section in `access`. (These three options are
# deprecated in 2.1 in favour of plugins, which 2.0 does not have; both versions obey them.)
allow_anonymous false
password_file /etc/mosquitto/rearguard/passwords
acl_file /etc/mosquitto/rearguard/access

# The default keeps nothing, and with persistence alone a power cut costs up to half an hour.
persistence true
autosave_interval 60

# Alerts wait so long for a spotter's program that is away.
persistent_client_expiration 7d

# The largest message is a heartbeat of some kilobytes.
message_size_limit 65536
max_queued_messages 1000
"""

DROP_IN = """\
# Written by `rearguard broker setup`: systemd hands the password to the service alone.
[Service]
LoadCredential=mqtt_password:/etc/rearguard/mqtt_password
# Where that file is missing the service starts all the same: lamp and buzzer work, the broker refuses it.
SetCredential=mqtt_password:missing
"""


class BrokerSetupError(RearguardError):
    """The broker cannot be set up: what is missing, and what to do."""


@dataclass(frozen=True)
class Step:
    """``words`` say what ``do`` does; ``done`` whether it has been."""

    words: str
    done: Callable[[], bool]
    do: Callable[[], object]


def steps(device: str, host: str = "", root: Path = Path("/"), group: str = GROUP) -> Iterator[Step]:
    """What is to be done, in order; each is to be looked at when those before it are done.

    ``host`` is a further name by which the broker is reached. ``root`` stands for "/". Raises
    BrokerSetupError; the steps also CertificateError, FolderError and OSError.
    """
    for command, package in (("mosquitto", "mosquitto"), ("openssl", "openssl")):
        if _which(command) is None:
            raise BrokerSetupError(f"{command} is not installed: sudo apt install {package}")
    etc = root / "etc"
    folder = etc / "mosquitto/rearguard"
    gid = _gid(group)
    yield Step(
        f"make {folder}, of root and the group {group}",
        lambda: folder.is_dir() and owned_files.is_given(folder, 0o750, gid),
        lambda: _make_folder(folder, gid),
    )
    yield Step(
        f"give what is in {folder} to root and the group {group}, the authority's key to root alone",
        lambda: all(owned_files.is_given(*file) for file in _owned(folder, gid)),
        lambda: _give(_owned(folder, gid)),
    )
    ca_key, ca, key, certificate = (folder / f for f in ("ca.key", "ca.crt", "broker.key", "broker.crt"))
    if certificate.exists() and not key.exists():
        raise BrokerSetupError(f"{key} is missing: bring it back, or remove {certificate} to get a new one")
    if ca.exists() and not (certificate.exists() or ca_key.exists()):
        raise BrokerSetupError(f"{ca_key} is missing: bring it back, or remove {ca} to get a new authority")
    # Where there is a certificate, the authority's key may be kept elsewhere.
    yield Step(
        f"make an authority's key, {ca_key}, for root alone",
        lambda: certificate.exists() or ca_key.exists(),
        lambda: owned_files.write(ca_key, certificates.key(), 0o600, 0),
    )
    yield Step(
        f"make the authority, {ca}: spotters need this file",
        lambda: certificate.exists() or ca.exists(),
        lambda: owned_files.write(ca, certificates.authority(ca_key), accounts.FILE_MODE, gid),
    )
    yield Step(
        f"make the broker's key, {key}",
        key.exists,
        lambda: owned_files.write(key, certificates.key(), accounts.FILE_MODE, gid),
    )
    yield Step(
        f"make the broker's certificate, for {', '.join(_names(host))}",
        certificate.exists,
        lambda: owned_files.write(
            certificate, certificates.server(key, _names(host), ca, ca_key), accounts.FILE_MODE, gid
        ),
    )
    yield Step(
        "give the accounts the rights of this version; their passwords stay",
        lambda: not accounts.lacking(folder),
        lambda: accounts.grant(folder),
    )
    secret = root / SECRET.relative_to("/")
    yield Step(
        f"make the device's account {device}, its password in {secret}",
        lambda: accounts.exists(folder, device),
        lambda: _write(secret, accounts.add(folder, device, device, Role.DEVICE) + "\n", 0o600),
    )
    drop_in = etc / "systemd/system/rearguard.service.d/password.conf"
    yield Step(
        f"hand that password to the service, by {drop_in}",
        drop_in.exists,
        lambda: _write(drop_in, DROP_IN, 0o644),
    )
    # Last: wherever this ends, Mosquitto is not pointed to files that are not there.
    configuration = root / PLACE.relative_to("/")
    yield Step(
        f"write {configuration}",
        configuration.exists,
        lambda: _write(configuration, _configuration(root), 0o644),
    )


def notes(device: str, host: str = "", root: Path = Path("/")) -> Iterator[str]:
    """What was kept and may not be as wanted, and what to do; to be read when all steps are done."""
    certificate = root / "etc/mosquitto/rearguard/broker.crt"
    for name in _names(host):
        if not certificates.carries(certificate, name):
            yield f"{certificate} is not good for {name}: remove it to get another"
    if not (secret := root / SECRET.relative_to("/")).exists():
        yield f"{secret} is missing; a new password: rearguard pair {device} --role device --renew"
    configuration = root / PLACE.relative_to("/")
    if configuration.read_text(encoding="utf-8") != _configuration(root):
        yield f"{configuration} is kept, but this version's is another: remove it to get that"


def is_active() -> bool:
    """Does the broker run? True where nobody can say."""
    if _which("systemctl") is None:
        return True
    return subprocess.run(["systemctl", "is-active", "--quiet", "mosquitto"], check=False).returncode == 0


def restart() -> str:
    """Let the broker read it all; what is to be done where that is not possible."""
    if _which("systemctl") is None:
        return "start Mosquitto again, so that it reads this"
    for words in (["daemon-reload"], ["restart", "mosquitto"]):
        done = subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"systemctl {' '.join(words)} failed: {done.stderr.strip()}; see journalctl -u mosquitto"
    return ""


def _make_folder(folder: Path, gid: int) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owned_files.give(folder, 0o750, gid)


def _owned(folder: Path, gid: int) -> list[tuple[Path, int, int]]:
    """The files of the broker's folder, each with the mode and the group it should have."""
    files = sorted(folder.iterdir()) if folder.exists() else []
    others = (accounts.FILE_MODE, gid)
    return [(file, *((0o600, 0) if file.name == "ca.key" else others)) for file in files]


def _give(files: list[tuple[Path, int, int]]) -> None:
    for file in files:
        owned_files.give(*file)


def _names(host: str) -> list[str]:
    """Those by which this machine is reached."""
    own = socket.gethostname()
    return list(dict.fromkeys(filter(None, (host, f"{own}.local", own, "localhost"))))


def _configuration(root: Path) -> str:
    return CONFIGURATION.replace("/etc/", f"{root / 'etc'}/")


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    owned_files.write(path, text, mode, 0)


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise BrokerSetupError(f"there is no group {group}: sudo apt install mosquitto makes it") from None


def _which(command: str) -> str | None:
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/sbin")
