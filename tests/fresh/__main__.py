"""``make fresh``: what a stranger does with README.md, in minimal Debian roots that hold what it names.

In each: both commands, as root and without rights; then the block for a Raspberry Pi and the command blocks
of docs/, literally, with a simulated bus in the sensor's place, a stand-in for systemd, and an empty package
in place of Raspberry Pi OS's python3-lgpio. What is committed is tried, not what lies in the working tree.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.fresh.blocks import ROOT, blocks, documents, reason_not_to_run
from tests.fresh.root import Outcome, Root, in_namespaces, root

SUITES = {"bookworm": "Debian 12", "trixie": "Debian 13"}
HERE = Path(__file__).parent
CACHE = (ROOT / "build/fresh").resolve()  # as /proc knows it
NEEDED = ("debootstrap", "unshare", "mount", "chroot", "git")
INSIDE = "REARGUARD_FRESH"  # set in the namespaces of our own

BROKER_PORT = 1883
CLONE = "/root/rearguard"
PI_HAS = "sudo systemd openssl"
"""What Raspberry Pi OS has from the start, of what the documents use."""

Row = tuple[str, str, str, float]  # command, result, why, seconds


def main() -> int:
    if lacking := lacks():
        print(f"make fresh cannot be run here: {lacking}")
        return 2
    if INSIDE not in os.environ:
        return in_namespaces("tests.fresh", INSIDE, sys.argv[1:])
    CACHE.mkdir(parents=True, exist_ok=True)
    table = []
    for suite in sys.argv[1:] or SUITES:
        with (CACHE / f"{suite}.log").open("w") as log:
            for used in (stranger, raspberry_pi):
                with root(suite, CACHE, log) as here:
                    version = here.run("python3 --version").said.strip().removeprefix("Python ")
                    for name, result, why, seconds in used(here):
                        line = (
                            f"{SUITES[suite]:<10} {version:<8} {name:<58.58} {result:<8} {seconds:5.0f} s  "
                        )
                        table.append(line + " ".join(why.split())[-160:])
                        print(table[-1], flush=True)
    failed = sum(" FAILED " in line for line in table)
    print("\n" + "\n".join(table))
    print(f"\n{len(table) - failed} as promised, {failed} not: every word is in {CACHE}/*.log")
    return 1 if failed else 0


def lacks() -> str:
    if os.geteuid() != 0:
        return "it needs root, for chroot and mount"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    return f"{', '.join(missing)} missing: apt-get install {' '.join(missing)}" if missing else ""


def row(here: Root, command: str, outcome: Outcome) -> Row:
    """Well if it exits 0 and leaves no process behind."""
    left = here.left_behind()
    if outcome.status:
        return command, "FAILED", f"exit status {outcome.status}", outcome.seconds
    return (
        command,
        "FAILED" if left else "ok",
        f"left behind: {left}" if left else tests_in(outcome),
        outcome.seconds,
    )


def tests_in(outcome: Outcome) -> str:
    return "".join(re.findall(r"^=* ?(\d+ passed.*?) in ", outcome.said, re.MULTILINE)[-1:])


# ---- the two commands


def stranger(here: Root) -> Iterator[Row]:
    """README's two commands: first by somebody who may install nothing, then by root, then by that person."""
    lend_source(here)
    here.run("useradd --create-home stranger")
    here.run("git clone /srv/rearguard.git rearguard", "stranger", home("stranger"))
    refused = here.run("make demo", "stranger", f"{home('stranger')}/rearguard")
    says = "As root: apt-get install python3-venv" in refused.said
    yield (
        "make demo, where nothing may be installed",
        "ok" if says else "FAILED",
        "says what is missing",
        refused.seconds,
    )
    cwd = home("root")
    for command in blocks(ROOT / "README.md")[0]:
        outcome, cwd = literally(here, command, cwd)
        yield row(here, f"{command}, as root", outcome)
    status = here.run("git status --porcelain", cwd=f"{home('root')}/rearguard")
    yield (
        "git status",
        "FAILED" if status.said else "ok",
        "nothing changed" if not status.said else status.said,
        0.0,
    )
    yield row(
        here, "make demo, as a user", here.run("make demo", "stranger", f"{home('stranger')}/rearguard")
    )
    again = here.run(
        "make clean && git status --porcelain --ignored", "stranger", f"{home('stranger')}/rearguard"
    )
    yield (
        "make clean",
        "FAILED" if "!!" in again.said else "ok",
        "nothing left" if "!!" not in again.said else again.said,
        0.0,
    )


def literally(here: Root, command: str, cwd: str, stdin: str = "") -> tuple[Outcome, str]:
    """What ``command`` did as root, and the folder it leaves one in."""
    outcome = here.run(f"{command}\nstatus=$?; echo $PWD >/run/where; exit $status", cwd=cwd, stdin=stdin)
    return outcome, (here.path / "run/where").read_text().strip()


def home(user: str) -> str:
    return "/root" if user == "root" else f"/home/{user}"


def lend_source(here: Root) -> None:
    """What is committed, to be cloned by whatever name the documents use."""
    subprocess.run(["git", "clone", "--quiet", "--bare", ROOT, here.path / "srv/rearguard.git"], check=True)
    here.run("git config --system --add safe.directory '*'")
    for name in set(re.findall(r"git clone (\S+)", (ROOT / "README.md").read_text())):
        if ":" in name:
            here.run(f"git config --system --add url./srv/rearguard.git.insteadOf {name}")
        else:
            (here.path / "root" / name).symlink_to("/srv/rearguard.git")


# ---- the Raspberry Pi


def raspberry_pi(here: Root) -> Iterator[Row]:
    """README's block for a Pi, then every command block of docs/, in order."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", BROKER_PORT), 1):
        yield (
            "README.md, on a Raspberry Pi",
            "FAILED",
            f"a broker runs at {BROKER_PORT} here: stop it first",
            0.0,
        )
        return
    lend_source(here)
    lend_lgpio(here)
    yield row(
        here, f"Raspberry Pi OS has {PI_HAS}", here.run(f"apt-get -q update && apt-get -q install {PI_HAS}")
    )
    shutil.copy(HERE / "systemctl.py", here.path / "usr/local/bin/systemctl")
    (here.path / "usr/local/bin/systemctl").chmod(0o755)
    said = ""
    for page in documents():
        for block in blocks(page)[1:] if page.name == "README.md" else blocks(page):
            cwd = "/root"
            for command in block:
                name = f"{page.name}: {command}"
                if why := reason_not_to_run(command):
                    yield name, "not run", why, 0.0
                    continue
                outcome, cwd = literally(here, command, cwd, pasted(command, said))
                said += outcome.said
                failed = outcome.status != 0
                yield (
                    name,
                    "FAILED" if failed else "ok",
                    outcome.said.strip()[-200:] if failed else "",
                    outcome.seconds,
                )
                simulate(here)
    yield from afterwards(here)


def pasted(command: str, said: str) -> str:
    """What a person pastes where a command reads from the terminal."""
    if "urls" in command:
        return "json://127.0.0.1:9/\n"
    words = re.findall(r"^account \S+, password (\S+)", said, re.MULTILINE)
    return f"{words[-1]}\n" if "/dev/stdin" in command and words else ""


def simulate(here: Root) -> None:
    """As soon as there is a place for it: the simulated bus; and the broker, as apt would start it."""
    for packages in here.path.glob("opt/rearguard/[ab]/.venv/lib/python3*/site-packages"):
        if not (packages / "simulated_pi.pth").exists():
            shutil.copy(HERE / "simulated_pi.py", packages)
            (packages / "simulated_pi.pth").write_text("import simulated_pi\n")
    if (here.path / "usr/sbin/mosquitto").exists() and not (
        here.path / "run/stand-in/mosquitto.service"
    ).exists():
        here.run("systemctl start mosquitto")


def afterwards(here: Root) -> Iterator[Row]:
    """What the commands promise."""
    unit = here.run("cat /etc/systemd/system/rearguard.service").said
    settings = re.search(r"--config (\S+)", unit)
    text = here.run(f"cat {settings[1]}").said if settings else ""
    mounting = re.search(r"^  mounting: (.*?) *(?:#.*)?$", text, re.MULTILINE)
    found = mounting[1].strip('"') if mounting else "nothing"
    good = found != "+x +y +z"
    yield "the service reads what calibrate found", "ok" if good else "FAILED", f"mounting {found}", 0.0
    changed = here.run("git status --porcelain", cwd=CLONE).said
    yield (
        "git status in the clone",
        "FAILED" if changed else "ok",
        changed.strip() or "nothing changed",
        0.0,
    )
    for name in ("rearguard", "rearguard-notify"):
        verified = here.run(f"systemd-analyze verify /etc/systemd/system/{name}.service")
        complaints = [line for line in verified.said.splitlines() if f"{name}.service:" in line]
        yield (
            f"systemd-analyze verify {name}",
            "FAILED" if complaints else "ok",
            "; ".join(complaints),
            verified.seconds,
        )


def lend_lgpio(here: Root) -> None:
    """An empty python3-lgpio, which Raspberry Pi OS has and Debian has not; its module is never imported."""
    package = here.path / "srv/pi/lgpio"
    (package / "DEBIAN").mkdir(parents=True)
    (package / "usr/lib/python3/dist-packages").mkdir(parents=True)
    (package / "usr/lib/python3/dist-packages/lgpio.py").write_text('raise ImportError("no Raspberry Pi")\n')
    control = (
        "Package: python3-lgpio\nVersion: 0.2.2\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\n"
    )
    (package / "DEBIAN/control").write_text(f"{control}Description: a stand-in\n")
    here.run("dpkg-deb --build lgpio lgpio.deb", cwd="/srv/pi")
    figures = here.run("stat --format=%s lgpio.deb; sha256sum lgpio.deb", cwd="/srv/pi").said.split()
    index = (
        f"{control}Filename: ./lgpio.deb\nSize: {figures[0]}\nSHA256: {figures[1]}\nDescription: a stand-in\n"
    )
    (here.path / "srv/pi/Packages").write_text(index)
    sources = here.path / "etc/apt/sources.list.d/pi.list"
    sources.write_text("deb [trusted=yes] file:/srv/pi ./\n")


if __name__ == "__main__":
    sys.exit(main())
