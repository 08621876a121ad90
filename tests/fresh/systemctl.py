#!/usr/bin/python3
"""Stands in for systemctl in a chroot, which has no systemd: starts what a unit's ExecStart says.

Without the unit's sandbox and its user. A unit of Type=notify has started when it says READY=1.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PLACES = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
RUNNING = Path("/run/stand-in")
START_S = 60.0


def values(unit: str, key: str) -> list[str]:
    file = next(path for place in PLACES if (path := Path(place, unit)).exists())
    drop_ins = sorted(Path("/etc/systemd/system", f"{unit}.d").glob("*.conf"))
    text = "".join(path.read_text() for path in (file, *drop_ins))
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def pid(unit: str) -> int:
    file = RUNNING / unit
    return int(file.read_text()) if file.exists() else 0


def stop(unit: str) -> None:
    if pid(unit):
        try:
            os.kill(pid(unit), signal.SIGTERM)
            time.sleep(2)
        except ProcessLookupError:
            pass
        (RUNNING / unit).unlink()


def start(unit: str) -> None:
    name = unit.removesuffix(".service")
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "NOTIFY_SOCKET": f"/run/{name}.notify"}
    for key, variable, parent in (
        ("RuntimeDirectory", "RUNTIME_DIRECTORY", "/run"),
        ("StateDirectory", "STATE_DIRECTORY", "/var/lib"),
    ):
        for folder in values(unit, key):
            Path(parent, folder).mkdir(parents=True, exist_ok=True)
            environment[variable] = f"{parent}/{folder}"
    for credential in values(unit, "LoadCredential"):
        place = Path("/run/credentials", unit)
        place.mkdir(parents=True, exist_ok=True)
        key, _, source = credential.partition(":")
        (place / key).write_bytes(Path(source).read_bytes())
        (place / key).chmod(0o600)
        environment["CREDENTIALS_DIRECTORY"] = str(place)
    for before in values(unit, "ExecStartPre"):
        subprocess.run(shlex.split(before.lstrip("-+!")), check=True)
    Path(environment["NOTIFY_SOCKET"]).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(environment["NOTIFY_SOCKET"])
        told.settimeout(0.2)
        log = open(f"/var/log/{name}.stand-in.log", "ab")  # noqa: SIM115 - the service keeps it
        command = shlex.split(values(unit, "ExecStart")[-1])
        service = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
        notifies = "notify" in values(unit, "Type") and name.startswith("rearguard")
        deadline_s = time.monotonic() + (START_S if notifies else 2.0)
        while time.monotonic() < deadline_s and service.poll() is None:
            try:
                if b"READY=1" in told.recv(4096):
                    break
            except TimeoutError:
                pass
        else:
            if notifies:
                sys.exit(f"{unit} did not start: " + Path(log.name).read_text()[-2000:])
    RUNNING.mkdir(exist_ok=True)
    (RUNNING / unit).write_text(str(service.pid))
    print(f"{unit} has started (by a stand-in for systemd)")


def main(action: str, *words: str) -> None:
    if action == "is-enabled":
        sys.exit(1)
    for unit in (f"{word.removesuffix('.service')}.service" for word in words if not word.startswith("-")):
        if action in ("stop", "restart") or (action, "--now" in words) == ("disable", True):
            stop(unit)
        if action in ("start", "restart") or (action, "--now" in words) == ("enable", True):
            start(unit)
        if action in ("reload", "reload-or-restart", "kill"):
            os.kill(pid(unit), signal.SIGHUP)
        if action in ("status", "is-active") and not pid(unit):
            sys.exit(f"{unit} does not run")


main(*sorted(sys.argv[1:], key=lambda word: word.startswith("-")))
