"""A minimal Debian in a folder: made once by debootstrap, copied for each use, entered by chroot.

This machine's own way to its package registries is carried into it: apt's sources and options, pip's
configuration and the folders it names, certificates, proxies.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

NAMED_BY_README = "git,make,ca-certificates,python3"
MIRROR = "http://deb.debian.org/debian"
CARRIED = re.compile(r"(?i).*_proxy|PIP_.*|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE")
"""Names of environment variables that say how to reach a registry."""

COMMAND_LIMIT_S = 3600.0
MOMENT_S = 5.0
"""So long a helper may outlive the command that started it."""


def in_namespaces(module: str, mark: str, arguments: Sequence[str] = ()) -> int:
    """``python -m module`` with mounts and processes of its own: when it ends, however, they are gone.

    It finds ``mark`` in its environment. Its exit status.
    """
    words = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*words, sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env={**os.environ, mark: "1"}, check=False).returncode


@dataclass(frozen=True)
class Outcome:
    """What became of a command: exit status, seconds, and all that it printed."""

    status: int
    seconds: float
    said: str


@dataclass(frozen=True)
class Root:
    path: Path
    log: IO[str]

    def run(self, command: str, user: str = "root", cwd: str = "/", stdin: str = "") -> Outcome:
        """``command`` in a shell without a terminal."""
        home = "/root" if user == "root" else f"/home/{user}"
        carried = {name: value for name, value in os.environ.items() if CARRIED.fullmatch(name)}
        own = {"HOME": home, "USER": user, "LANG": "C.UTF-8", "PATH": os.environ["PATH"]} | carried
        self.log.write(f"\n### {user}@{self.path.name}:{cwd}$ {command}\n")
        self.log.flush()
        began_s = time.monotonic()
        ran = subprocess.run(
            ["chroot", f"--userspec={user}", str(self.path), "bash", "-c", f"cd {cwd} || exit; {command}"],
            env=own,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=COMMAND_LIMIT_S,
            check=False,
        )
        self.log.write(ran.stdout)
        self.log.flush()
        return Outcome(ran.returncode, time.monotonic() - began_s, ran.stdout)

    def left_behind(self) -> list[str]:
        """The processes that still run in here after a moment; they are ended."""
        deadline_s = time.monotonic() + MOMENT_S
        while self._processes() and time.monotonic() < deadline_s:
            time.sleep(0.1)
        names = []
        for process in self._processes():
            with suppress(OSError):
                names.append((process / "cmdline").read_text().replace("\0", " ").strip())
                os.kill(int(process.name), signal.SIGKILL)
        return names

    def _processes(self) -> list[Path]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has just ended
                if Path(os.readlink(process / "root")) == self.path:
                    found.append(process)
        return found


@contextmanager
def root(suite: str, cache: Path, log: IO[str]) -> Iterator[Root]:
    """A fresh copy of ``suite``, thrown away at the end."""
    made = base(suite, cache)
    path = cache / f"{suite}-used"
    throw_away = ["rm", "-rf", "--one-file-system", str(path)]
    subprocess.run(throw_away, check=True)  # of a run that was killed
    try:
        subprocess.run(["cp", "-a", made, path], check=True)
        with mounted(path):
            carry_in(path, suite)
            here = Root(path, log)
            try:
                yield here
            finally:
                here.left_behind()
    finally:
        subprocess.run(throw_away, check=True)


def base(suite: str, cache: Path) -> Path:
    """A minimal ``suite``, made where there is none yet."""
    made = cache / suite
    if not made.exists():
        print(f"making a minimal {suite} in {made}", flush=True)
        half = cache / f"{suite}-half"
        shutil.rmtree(half, ignore_errors=True)
        command = ["debootstrap", "--variant=minbase", f"--include={NAMED_BY_README}", suite, str(half)]
        with (cache / f"{suite}-debootstrap.log").open("w") as log:
            subprocess.run([*command, mirror()], stdout=log, stderr=log, check=True)
        half.rename(made)
    return made


@contextmanager
def mounted(path: Path) -> Iterator[None]:
    """With devices, terminals and processes of its own. The mount namespace is ours alone (__main__.py)."""
    mounts = [
        ("proc", "proc", "nosuid"),
        ("dev", "tmpfs", "mode=755"),
        ("dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=620"),
        ("dev/shm", "tmpfs", "mode=1777"),
    ]
    done: list[Path] = []
    try:
        for name, kind, options in mounts:
            (path / name).mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "-t", kind, "-o", options, kind, path / name], check=True)
            done.append(path / name)
        for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
            os.mknod(path / "dev" / name, 0o020666, os.makedev(1, minor))
            (path / "dev" / name).chmod(0o666)
        os.mknod(path / "dev/tty", 0o020666, os.makedev(5, 0))
        (path / "dev/ptmx").symlink_to("pts/ptmx")
        for name, target in (
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
        ):
            (path / "dev" / name).symlink_to(target)
        for folder in _local_folders():
            inside = path / folder.relative_to("/")
            inside.mkdir(parents=True, exist_ok=True)
            subprocess.run(["mount", "--bind", "-o", "ro", folder, inside], check=True)
            done.append(inside)
        yield
    finally:
        for place in reversed(done):
            subprocess.run(["umount", "--lazy", place], check=False)


def _local_folders() -> list[Path]:
    """Folders of this machine that pip's configuration names."""
    said = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    paths = {Path(path) for path in re.findall(r"(?:file://|(?<=[' ]))(/[^' ]+)", said.stdout)}
    return sorted(path for path in paths if path.is_dir())


def carry_in(path: Path, suite: str) -> None:
    """This machine's names, apt, pip and certificates."""
    for file in ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt"):
        if Path(file).exists():
            shutil.copy(file, path / file[1:])
    for folder in ("/etc/xdg/pip", "/usr/local/share/ca-certificates"):
        if Path(folder).is_dir():
            shutil.copytree(folder, path / folder[1:], dirs_exist_ok=True)
    options = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=False)
    more = 'APT::Get::Assume-Yes "true";\n'  # the person who presses Enter
    (path / "etc/apt/apt.conf.d/99fresh").write_text(options.stdout + more)
    if sources := _sources():
        (path / "etc/apt/sources.list").unlink(missing_ok=True)
        for name, text in sources.items():
            (path / "etc/apt/sources.list.d" / name).write_text(text.replace(_codename(), suite))
    daemons = path / "usr/sbin/policy-rc.d"  # packages start nothing: the network is this machine's
    daemons.write_text("#!/bin/sh\nexit 101\n")
    daemons.chmod(0o755)


def _codename() -> str:
    found = re.search(r"VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text())
    return found[1] if found else ""


def _sources() -> dict[str, str]:
    """This machine's files of Debian sources; none where it is no Debian."""
    if "\nID=debian" not in Path("/etc/os-release").read_text():
        return {}
    files = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*.[ls]*s*")]
    texts = {
        file.name: file.read_text()
        for file in files
        if file.suffix in (".list", ".sources") and file.exists()
    }
    return {name: text for name, text in texts.items() if _codename() in text}


def mirror() -> str:
    uncommented = [re.sub(r"(?m)^\s*#.*$", "", text) for text in _sources().values()]
    found = [re.search(r"https?://\S+/debian(?=[\s/]|$)", text) for text in uncommented]
    return next((match[0] for match in found if match), MIRROR)
