"""A container that boots this machine's own systemd as PID 1, over this machine's own files.

What it changes stays in memory: its root is an overlay, and it has no network but its loopback. Whatever way
the test ends, so does the container: a shell that reads our pipe is the first process of its namespace.
"""

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.pulse import PATIENCE_S

NEEDED = ("systemd-nspawn", "unshare", "nsenter", "mount", "kill")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SYSTEMD = ("usr/lib/systemd/systemd", "lib/systemd/systemd")
DPKG = "var/lib/dpkg/status"
CGROUPS = Path("/sys/fs/cgroup")

KEEPER = """
mount -t tmpfs -o mode=755 tmpfs "$1" && mkdir "$1/changed" "$1/work" "$1/root" &&
mount -t overlay -o "lowerdir=/,upperdir=$1/changed,workdir=$1/work" overlay "$1/root" && echo mounted
cat >/dev/null # until our end of the pipe is closed: then all that runs in here is killed
"""

NOT_ITS_OWN = (
    "etc/systemd/system",  # what this machine starts
    "etc/rc[0-6S].d",
    "etc/fstab",
    "etc/crypttab",
    "var/log/journal",
    "etc/rearguard",  # of a Rearguard that is installed on this machine
    "etc/mosquitto/rearguard",
    "etc/mosquitto/conf.d/*",
    "etc/modules-load.d/rearguard.conf",
    "etc/udev/rules.d/60-rearguard.rules",
    "opt/rearguard",
    "usr/local/bin/rearguard",
    "var/lib/rearguard*",
    "var/lib/private",
    "var/lib/mosquitto/*",
)
"""What of this machine the container must not have: it is one where nothing was installed yet."""


class NoContainerError(Exception):
    """This machine boots no container, and why."""


class Container:
    """Off until ``boot``. ``folder`` is empty, and stays so for all others. Raises NoContainerError.

    ``lends`` are folders of this machine, each with the place where it is inside, to be read only.
    """

    def __init__(self, folder: Path, lends: dict[str, str]) -> None:
        if reason := _lacks():
            raise NoContainerError(reason)
        self.root = folder / "root"  # for the keeper
        self._lends = [f"--bind-ro={here}:{there}" for here, there in lends.items()]
        self._log = folder.with_name("container.log")
        self._cgroups = _Cgroups(f"rearguard-test-{os.getpid()}")
        self._nspawn: subprocess.Popen[bytes] | None = None
        namespaces = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._keeper = subprocess.Popen(
            ["unshare", *namespaces, "sh", "-c", KEEPER, "sh", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._furnish()
        except BaseException:
            self.close()
            raise

    def _furnish(self) -> None:
        assert self._keeper.stdout is not None
        if (said := self._keeper.stdout.readline().strip()) != "mounted":
            raise NoContainerError(f"no namespaces or no overlay: {said}")
        (self._inside,) = _children(self._keeper.pid)
        root = self.files
        if not any((root / place).exists() for place in SYSTEMD) or not (root / DPKG).exists():
            raise NoContainerError("no Debian with systemd on this machine's own file system")
        for pattern in NOT_ITS_OWN:
            for path in root.glob(pattern):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        (root / "etc/systemd/system").mkdir()
        # At the start of a machine without one, systemd would enable whatever there is.
        (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")

    @property
    def files(self) -> Path:
        """Its root as seen from here, before it is booted."""
        return Path(f"/proc/{self._inside}/root{self.root}")

    # ---- power

    def boot(self, *, writable: bool = True, wait: bool = True) -> None:
        """``wait`` for all that is to be started; else for systemd alone. Raises NoContainerError."""
        # Where systemd runs this machine too, it gives the container a place among its cgroups; else we do.
        place = [] if Path("/run/systemd/system").is_dir() else ["--keep-unit"]
        self._cgroups.make()
        enter = ["nsenter", f"--target={self._inside}", "--mount", "--pid", "systemd-nspawn", "--quiet"]
        outside = [f"--directory={self.root}", "--register=no", *place, "--private-network", "--console=pipe"]
        inside = ["--resolv-conf=off", "--timezone=off", "--link-journal=no", *self._lends]
        read_only = [] if writable else ["--read-only"]
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                [*enter, *outside, *inside, *read_only, "--boot", "systemd.unit=multi-user.target"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=self._cgroups.join,
            )
        self._init = 0
        enough = ("running", "degraded") if wait else ("running", "degraded", "starting")
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s and self._nspawn.poll() is None:
            self._init = self._init or _systemd_below(self._nspawn.pid)
            if self._init and self.says("systemctl", "is-system-running") in enough:
                return
            time.sleep(0.05)
        said = " ".join(self._log.read_text(errors="replace").split())
        raise NoContainerError(f"systemd does not start in a container here: {said[-500:]}")

    def cut_power(self) -> None:
        """Without a word to anybody inside."""
        assert self._nspawn is not None
        os.kill(self._init, signal.SIGKILL)  # never nspawn itself: what is inside would go on
        self._nspawn.wait(PATIENCE_S)
        self._nspawn = None

    def close(self) -> None:
        """Everything in it is killed, and what it changed is gone."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(PATIENCE_S)
        self._keeper.stdout.close()
        if self._nspawn is not None:
            self._nspawn.wait(PATIENCE_S)
        self._cgroups.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- inside

    def run(self, *words: str) -> str:
        """What a command of root's said, which must succeed."""
        done = self._done(words)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}"
        return done.stdout

    def says(self, *words: str) -> str:
        """What it said, whatever its exit status."""
        return self._done(words).stdout.strip()

    def _done(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid"]
        return subprocess.run(
            ["nsenter", f"--target={self._init}", *namespaces, "--", *words],
            env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def path(self, place: str) -> Path:
        """A file inside, as seen from here."""
        return Path(f"/proc/{self._init}/root{place}")


class _Cgroups:
    """A branch of our own in each tree of processes that systemd keeps; gone at the end."""

    def __init__(self, name: str) -> None:
        self._folders = []
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            tops = {"name=systemd": [CGROUPS / "systemd"], "": [CGROUPS / "unified", CGROUPS]}
            for top in tops.get(controllers, []):
                if (top / "cgroup.procs").exists():
                    self._folders.append(top / place.lstrip("/") / name)
                    break

    def make(self) -> None:
        for folder in self._folders:
            with suppress(OSError):  # not ours to make: nspawn says so where it matters
                folder.mkdir(exist_ok=True)

    def join(self) -> None:
        for folder in self._folders:
            with suppress(OSError):
                (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self) -> None:
        for folder in self._folders:
            for path, _, _ in os.walk(folder, topdown=False):
                with suppress(OSError):
                    os.rmdir(path)


def _lacks() -> str:
    if os.geteuid() != 0:
        return "only root boots a container"
    missing = [name for name in NEEDED if shutil.which(name, path=PATH) is None]
    return f"{', '.join(missing)} missing: apt-get install systemd-container procps" if missing else ""


def _children(pid: int) -> list[int]:
    with suppress(OSError):  # it has just ended
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _systemd_below(pid: int) -> int:
    """The container's PID 1, by the number that it has here; 0 until there is one."""
    for child in _children(pid):
        with suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return child
        if found := _systemd_below(child):
            return found
    return 0
