"""A card that sets itself up: Rearguard's source and one unit, put into a system that somebody else has made.

Nothing is mounted, nothing of the system is run, and an image needs no root: debugfs writes into its root
partition, mtools into its boot partition.
"""

import filecmp
import os
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from installer.first_boot import ASKED, UNIT
from installer.machine import InstallError, Machine
from installer.slots import NEVER, PARTS, digest

PLACE = "/opt/rearguard-card"
"""On the card: what it is set up from."""
EXAMPLE = "rearguard-example.txt"
WANTED = "/etc/systemd/system/multi-user.target.wants"
BOOT_KINDS, ROOT_KIND = (0x0B, 0x0C, 0x0E), 0x83
OLDEST = 12
"""Of Debian, which Raspberry Pi OS is built on: the first with Python 3.11, and with /boot/firmware."""
NEEDED = {"debugfs": "e2fsprogs", "mcopy": "mtools"}


@dataclass(frozen=True)
class Card:
    """An image, or the device of a card; where its two partitions begin, in bytes."""

    image: Path
    boot_at: int
    root_at: int

    def debugfs(self, *words: str, write: bool = False) -> tuple[str, list[str]]:
        """What it prints, and its complaints: its exit status says nothing."""
        options = ("-w",) if write else ()
        place = f"{self.image}?offset={self.root_at}"
        done = subprocess.run(
            (_found("debugfs"), *options, *words, place), capture_output=True, text=True, check=False
        )
        return done.stdout, [line for line in done.stderr.splitlines() if not line.startswith("debugfs 1.")]

    def to_boot(self, file: Path, name: str) -> None:
        """Raises InstallError."""
        words = (_found("mcopy"), "-o", "-i", f"{self.image}@@{self.boot_at}", str(file), f"::{name}")
        done = subprocess.run(
            words, env={**os.environ, "MTOOLS_SKIP_CHECK": "1"}, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise InstallError(f"{name} cannot be written to the boot partition: {done.stderr.strip()}")


def prepare(image: Path, source: Path, more: dict[str, Path], asked: Path | None) -> None:
    """Make ``image`` a card that sets itself up; ``more`` are folders it brings, ``asked`` its rearguard.txt.

    The unit comes last: without it the card is an ordinary one. Raises InstallError.
    """
    card = opened(image)
    print(f"now: put Rearguard's source into {image}, at {PLACE}", flush=True)
    with TemporaryDirectory() as name:
        staged = Path(name) / "staged"
        _stage(source, more, staged)
        _put(card, staged, PLACE)
        back = Path(name) / "back"
        back.mkdir()
        card.debugfs("-R", f'rdump {PLACE} "{back}"')
        if wrong := _differing(staged, back / Path(PLACE).name):
            raise InstallError(_spoiled(image, f"{wrong} did not arrive whole"))
        print("now: write what to fill in to the boot partition", flush=True)
        card.to_boot(source / "systemd" / EXAMPLE, EXAMPLE)
        if asked is not None:
            card.to_boot(asked, Path(ASKED).name)
        print(f"now: let {UNIT} start with it", flush=True)
        unit = Path(name) / "unit"
        unit.mkdir()
        shutil.copy(source / "systemd" / UNIT, unit)
        _put(card, unit, "/etc/systemd/system")
        links = Path(name) / "links"
        links.mkdir()
        (links / UNIT).symlink_to(f"../{UNIT}")
        _put(card, links, WANTED)
    filled = "" if asked else f" Save {EXAMPLE}, filled in, as {Path(ASKED).name} on its boot partition."
    print(f"It sets itself up at its first start.{filled}")


def opened(image: Path) -> Card:
    """Raises InstallError for what cannot be such a card."""
    for command, package in NEEDED.items():
        if not _found(command):
            raise InstallError(f"{command} is missing: sudo apt-get install {package}")
    mounted = [line.split()[0] for line in Machine().read("/proc/mounts").splitlines()]
    if any(name.startswith(str(image.resolve())) for name in mounted):
        raise InstallError(f"{image} is mounted: unmount its partitions first")
    try:
        with image.open("rb") as file:
            first = file.read(512)
    except OSError as error:
        raise InstallError(f"{image}: {error.strerror}") from None
    parts = (
        [struct.unpack("<4xB3xI", first[at : at + 12]) for at in range(446, 510, 16)]
        if len(first) == 512
        else []
    )
    boot = next((begin for kind, begin in parts if kind in BOOT_KINDS), 0)
    root = next((begin for kind, begin in parts if kind == ROOT_KIND), 0)
    if not (boot and root and first.endswith(b"\x55\xaa")):
        raise InstallError(
            f"{image}: expected a card or an image with a boot partition (FAT) and a root one (Linux), as "
            "Raspberry Pi OS has them; a packed image is unpacked first (unxz)"
        )
    card = Card(image, boot * 512, root * 512)
    release, complaints = card.debugfs("-R", "cat /usr/lib/os-release")
    found = re.search(r'^VERSION_ID="?(\d+)', release, re.MULTILINE)
    if found is None or "debian" not in release or int(found[1]) < OLDEST:
        says = re.search(r'^PRETTY_NAME="?([^"\n]*)', release, re.MULTILINE)
        raise InstallError(
            f"{image}: expected Raspberry Pi OS from bookworm (Debian {OLDEST}) on, found "
            f"{says[1] if says else ' '.join(complaints) or 'none'}"
        )
    if not card.debugfs("-R", f"stat {PLACE}")[1]:
        raise InstallError(f"{image} holds {PLACE} already: take a fresh one")
    return card


def _stage(source: Path, more: dict[str, Path], staged: Path) -> None:
    """As it will lie on the card, and readable whatever the clone's modes are."""
    staged.mkdir()
    digest(source)  # which says if it is not whole
    for part in (*PARTS, "systemd"):
        if (source / part).is_dir():
            shutil.copytree(source / part, staged / part, symlinks=True, ignore=NEVER)
        else:
            shutil.copy(source / part, staged / part)
    for name, folder in more.items():
        if not any(folder.glob("*")):
            raise InstallError(f"{folder}: expected a folder with {name}, found none")
        shutil.copytree(folder, staged / name)
    subprocess.run(("chmod", "-R", "u=rwX,go=rX", str(staged)), check=True)


def _put(card: Card, tree: Path, place: str) -> None:
    """The tree's files and links below ``place``, all root's. Raises InstallError."""
    folders = [*reversed(Path(place).parents), Path(place)][1:]
    if _script(card, [f'mkdir "{folder}"' for folder in folders], tolerated="already exists"):
        raise InstallError(_spoiled(card.image, f"{place} cannot be made"))
    lines = []
    for path in sorted(tree.rglob("*")):
        target = f"{place}/{path.relative_to(tree)}"
        if path.is_symlink():
            lines.append(f'symlink "{target}" "{os.readlink(path)}"')
        elif path.is_dir():
            lines.append(f'mkdir "{target}"')
        else:
            lines.append(f'write "{path}" "{target}"')
    if complaints := _script(card, lines):
        raise InstallError(_spoiled(card.image, complaints[0]))


def _script(card: Card, lines: list[str], tolerated: str = "\n") -> list[str]:
    with TemporaryDirectory() as name:
        script = Path(name) / "script"
        script.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        _, complaints = card.debugfs("-f", str(script), write=True)
    return [line for line in complaints if tolerated not in line]


def _differing(wanted: Path, found: Path) -> str:
    """The first that is not as wanted; "" where all is."""
    for path in sorted(wanted.rglob("*")):
        other = found / path.relative_to(wanted)
        if path.is_symlink():
            same = other.is_symlink() and os.readlink(path) == os.readlink(other)
        elif path.is_dir():
            same = other.is_dir()
        else:
            same = other.is_file() and filecmp.cmp(path, other, shallow=False)
        if not same:
            return str(path.relative_to(wanted))
    return ""


def _spoiled(image: Path, why: str) -> str:
    return (
        f"{image}: {why}; its root may be full. Take a fresh image: this one holds a part of Rearguard only"
    )


def _found(command: str) -> str:
    return shutil.which(command, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or ""
