"""Debian packages for the guest, by a private apt: this machine's own stays untouched."""

import gzip
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.fresh.root import mirror

SUITE = "bookworm"
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class BuildError(Exception):
    """The virtual Pi cannot be built: what failed, and what it said."""


def run(*words: str | Path, cwd: Path | None = None, data: bytes | None = None) -> bytes:
    """A command that must succeed; what it printed. Raises BuildError."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, input=data, capture_output=True, check=False
    )
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise BuildError(f"{' '.join(map(str, words))[:200]} failed: {said}")
    return done.stdout


@dataclass(frozen=True)
class Apt:
    """One architecture's packages, in ``folder``; what ``status`` names counts as installed."""

    folder: Path
    architecture: str

    def begin(self) -> None:
        """Fetch the lists."""
        for name in (
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "lists/partial",
            "var/lib/dpkg",
            "var/cache",
        ):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        (self.folder / "etc/apt/sources.list").write_text(f"deb [signed-by={KEYS}] {mirror()} {SUITE} main\n")
        # This machine's own way to its registry: proxies, certificates.
        acquire = run("apt-config", "dump", "Acquire").decode()
        (self.folder / "etc/apt/apt.conf.d/99acquire").write_text(acquire)
        self._apt("update")

    def fetch(self, names: Iterable[str], into: str) -> list[Path]:
        """``names`` and all they need that does not count as installed."""
        archives = self.folder / into
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        self._apt("--yes", "--download-only", "-o", f"Dir::Cache::archives={archives}", "install", *names)
        return sorted(archives.glob("*.deb"))

    def download(self, names: Iterable[str], into: str) -> list[Path]:
        """``names`` alone."""
        folder = self.folder / into
        folder.mkdir(exist_ok=True)
        self._apt("download", *names, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def count_as_installed(self, packages: Sequence[Path]) -> str:
        """What dpkg's status file says of them."""
        text = "".join(f"{control(package)}Status: install ok installed\n\n" for package in packages)
        (self.folder / "status").write_text(text)
        return text

    def depends(self, name: str) -> str:
        """The first package that ``name`` depends on: of linux-image-arm64, the kernel."""
        said = self._apt_cache("show", "--no-all-versions", name)
        found = re.search(r"^Depends: ([\w.+-]+)", said, re.MULTILINE)
        if found is None:
            raise BuildError(f"{name} depends on nothing")
        return found[1]

    def _options(self) -> list[str]:
        options = {
            "Dir": str(self.folder),
            "Dir::State::status": str(self.folder / "status"),
            "Dir::State::lists": str(self.folder / "lists"),
            "APT::Architecture": self.architecture,
            "APT::Architectures": self.architecture,
            "APT::Install-Recommends": "false",
            "APT::Sandbox::User": "root",
        }
        return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]

    def _apt(self, *words: str, cwd: Path | None = None) -> None:
        run("apt-get", "--quiet", *self._options(), *words, cwd=cwd)

    def _apt_cache(self, *words: str) -> str:
        return run("apt-cache", *self._options(), *words).decode()


def control(package: Path) -> str:
    """Its fields, one each line or more, with a line end after the last."""
    return run("dpkg-deb", "--field", package).decode().rstrip("\n") + "\n"


def field(package: Path, name: str) -> str:
    return run("dpkg-deb", "--field", package, name).decode().strip()


def repository(packages: Sequence[Path]) -> bytes:
    """The index, Packages.gz, of a folder of packages: with it the folder is a source for apt."""
    entries = []
    for package in packages:
        data = package.read_bytes()
        entries.append(
            f"{control(package)}Filename: ./{package.name}\nSize: {len(data)}\n"
            f"SHA256: {sha256(data).hexdigest()}\n\n"
        )
    return gzip.compress("".join(entries).encode(), mtime=0)
