"""Mosquitto set up for Rearguard: folder, authority, certificate, the device's account, configuration.

Each step says what it does, does nothing where it has been done, and keeps what is there. The broker's folder
belongs to root: its user may read there and plant nothing.
"""

import grp
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.core.vocabulary import RearguardError
from monitor.delivery import accounts
from monitor.delivery.accounts import Role

GROUP = "mosquitto"
DAYS = "3650"

CONFIGURATION = """\
# Rearguard's broker: written by `rearguard broker setup` as /etc/mosquitto/conf.d/rearguard.conf. Tested with
# Mosquitto 2.0.11; every option is in 2.1's manual too, where it was not tried.
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
    BrokerSetupError.
    """
    for command, package in (("mosquitto", "mosquitto"), ("openssl", "openssl")):
        if _which(command) is None:
            raise BrokerSetupError(f"{command} is not installed: sudo apt install {package}")
    etc = root / "etc"
    folder = etc / "mosquitto/rearguard"
    gid = _gid(group)
    yield Step(
        f"make {folder}, of root and the group {group}",
        lambda: folder.is_dir() and folder.stat().st_mode & 0o777 == 0o750 and folder.stat().st_gid == gid,
        lambda: _make_folder(folder, gid),
    )
    key, certificate = folder / "ca.key", folder / "ca.crt"
    yield Step(
        f"make an authority, {certificate}: spotters need this file, nobody needs its key but you",
        lambda: certificate.exists() and key.exists(),
        lambda: _make_authority(key, certificate),
    )
    names = list(dict.fromkeys(filter(None, (host, f"{socket.gethostname()}.local", socket.gethostname()))))
    yield Step(
        f"make the broker's certificate, for {', '.join(names)} and localhost",
        lambda: (folder / "broker.crt").exists() and (folder / "broker.key").exists(),
        lambda: _make_certificate(folder, names, gid),
    )
    secret = etc / "rearguard/mqtt_password"
    yield Step(
        f"make the device's account {device}, its password in {secret}",
        lambda: accounts.exists(folder, device) and secret.exists(),
        lambda: _write(secret, accounts.add(folder, device, device, Role.DEVICE) + "\n", 0o600),
    )
    drop_in = etc / "systemd/system/rearguard.service.d/password.conf"
    yield Step(
        f"hand that password to the service, by {drop_in}",
        lambda: drop_in.exists(),
        lambda: _write(drop_in, DROP_IN, 0o644),
    )
    configuration = etc / "mosquitto/conf.d/rearguard.conf"
    wanted = CONFIGURATION.replace("/etc/", f"{etc}/")
    yield Step(
        f"write {configuration}",
        lambda: configuration.exists() and configuration.read_text() == wanted,
        lambda: _write(configuration, wanted, 0o644),
    )


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
    folder.mkdir(parents=True, exist_ok=True)
    os.chown(folder, os.geteuid(), gid)
    folder.chmod(0o750)


def _make_authority(key: Path, certificate: Path) -> None:
    usage = "keyUsage=critical,keyCertSign,cRLSign"  # without it Python 3.13 refuses the authority
    name = ["-subj", "/CN=Rearguard authority", "-addext", usage]
    _openssl(
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        DAYS,
        *name,
        keys={"-keyout": key, "-out": certificate},
    )
    key.chmod(0o600)
    certificate.chmod(0o644)


def _make_certificate(folder: Path, names: list[str], gid: int) -> None:
    key, request, extensions = folder / "broker.key", folder / "broker.csr", folder / "names"
    _openssl(
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        f"/CN={names[0]}",
        keys={"-keyout": key, "-out": request},
    )
    hosts = ",".join(f"DNS:{name}" for name in (*names, "localhost"))
    extensions.write_text(f"subjectAltName={hosts}\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        "x509",
        "-req",
        "-CAcreateserial",
        "-days",
        DAYS,
        keys={
            "-in": request,
            "-CA": folder / "ca.crt",
            "-CAkey": folder / "ca.key",
            "-extfile": extensions,
            "-out": folder / "broker.crt",
        },
    )
    request.unlink()
    extensions.unlink()
    os.chown(key, os.geteuid(), gid)
    key.chmod(0o640)
    (folder / "broker.crt").chmod(0o644)


def _openssl(*words: str, keys: dict[str, Path]) -> None:
    files = [word for name, path in keys.items() for word in (name, str(path))]
    made = subprocess.run(
        ["openssl", *words, *files], capture_output=True, text=True, check=False, umask=0o077
    )
    if made.returncode:
        raise BrokerSetupError(f"openssl {words[0]} failed: {made.stderr.strip()}")


def _write(path: Path, text: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(mode)
    path.write_text(text)


def _gid(group: str) -> int:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise BrokerSetupError(f"there is no group {group}: sudo apt install mosquitto makes it") from None


def _which(command: str) -> str | None:
    return shutil.which(command) or shutil.which(command, path="/usr/sbin:/sbin")
