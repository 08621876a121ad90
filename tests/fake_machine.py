"""A Raspberry Pi in a folder: its files, and stand-ins on PATH for the commands of the system.

What runs is what systemd would run: a start takes the slot that the link leads to at that moment, and does
not become active where that slot holds the file monitor/broken.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parents[1]
PARTS = ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "config.yaml")
UNITS = ("rearguard", "rearguard-page", "rearguard-notify")

BEGIN = """#!/bin/sh
root=$FAKE/root
echo "${0##*/} $*" >>"$FAKE/log"
case "${0##*/} $*" in *"${POWER_CUT_AT:-no command}"*) kill -9 0 ;; esac
"""
"""A power cut, as the named command begins, ends the whole group of processes."""

COMMANDS = {
    "systemctl": """
start() {
    slot=$(readlink "$root/opt/rearguard/current")
    pid=$(($(cat "$FAKE/pid") + 1)); echo $pid >"$FAKE/pid"
    state=active text=${STATUS:-disarmed; all is well}
    [ ! -e "$root/opt/rearguard/$slot/monitor/broken" ] || state=activating text=
    printf '%s\\n' "ActiveState=$state" "MainPID=$pid" "StatusText=$text" "Slot=$slot" >"$FAKE/run/$1"
}
while case "$1" in --*) true ;; *) false ;; esac do shift; done
verb=$1; shift
for unit; do
    unit=${unit%.service}
    case "$verb $unit" in
    *\\ --now | show\\ --*) continue ;;
    "start rearguard-recover.timer") touch "$FAKE/timer" ;;
    "stop rearguard-recover.timer") rm -f "$FAKE/timer" ;;
    show*) cat "$FAKE/run/$unit" 2>/dev/null || echo ActiveState=inactive ;;
    is-active*) [ -e "$FAKE/run/$unit" ] || exit 3 ;;
    is-enabled*) [ -e "$FAKE/enabled/$unit" ] || exit 1 ;;
    start*) start "$unit" ;;
    enable*) touch "$FAKE/enabled/$unit"; start "$unit" ;;
    disable*) rm -f "$FAKE/enabled/$unit" "$FAKE/run/$unit" ;;
    try-restart*) [ ! -e "$FAKE/run/$unit" ] || start "$unit" ;;
    esac
done
""",
    "python3.11": """
own=$(basename "$(readlink -f "$0")")
case "$*" in
"-m venv "*)
    for folder; do :; done
    rm -rf "$folder"; mkdir -p "$folder/bin" "$folder/lib/$own"
    ln -s "$FAKE/bin/python3" "$folder/bin/python" ;;
*"pip wheel"*)
    [ ! -e "$FAKE/no-network" ] || { echo "no network"; exit 1; }
    while [ "$1" != --wheel-dir ]; do shift; done
    mkdir -p "$2"; touch "$2/rearguard-1-py3-none-any.whl" ;;
*"pip install"*) cp "$FAKE/rearguard" "$(dirname "$0")/rearguard" ;;
esac
""",
    "apt-get": """
for word; do
    case "$word" in -* | *=* | *update | *install | *.deb) ;; *) touch "$FAKE/installed/$word" ;; esac
done
""",
    "apt-cache": """[ -e "$FAKE/is-raspberry-pi-os" ] && echo "Package: $2" """,
    "dpkg": "",
    "hostname": "echo 192.0.2.7",
    "dpkg-query": """for package; do :; done; [ -e "$FAKE/installed/$package" ] && echo installed""",
    "getent": """[ -e "$FAKE/groups/$2" ]""",
    "groupadd": """touch "$FAKE/groups/$2" """,
    "raspi-config": """
case "$2" in get_i2c) cat "$FAKE/i2c" ;; do_i2c) echo "$3" >"$FAKE/i2c" ;; esac
""",
    "modprobe": "",
    "udevadm": "",
    "sync": "",
}
REARGUARD = """
slot=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
accounts=$root/etc/mosquitto/rearguard/passwords
case "$*" in
"broker setup"*--dry-run) [ -e "$accounts" ] && echo "there already: all" || echo "would: all" ;;
"broker setup"*) mkdir -p "${accounts%/*}"; touch "$accounts" ;;
"pair page"*) while [ "$1" != --password-file ]; do shift; done; echo secret >"$2" ;;
"card settings"*)
    ! grep -n mistake "$3" >&2 || exit 2
    [ -e "$5" ] && cat "$5" || cat "$slot/config.yaml" ;;
"card pair"*)
    echo "The page: http://pi.local:8180/"
    sed -n 's/^  \\(.*\\): .*/\\1/p' "$3" | tee -a "$FAKE/spotters"
    sed 's/^\\(  .*\\): .*/\\1: (struck out)/' "$3" >"$7" ;;
"check --config"*) echo "no sensor answers" ;;
"page spotters"*) cat "$FAKE/spotters" ;;
"page pair"*) echo "$3" >>"$FAKE/spotters"; echo "http://pi.local:8080/" ;;
"config check"*) [ ! -e "$slot/monitor/refuses" ] || { echo "line 7: no such setting"; exit 2; } ;;
esac
"""

RUN = """
import os, signal, sys
point = int(sys.argv.pop(1))
seen = 0
def kill_at_the_point(event, words):
    global seen
    if event in ("os.mkdir", "os.rename", "os.remove", "os.symlink", "os.rmdir", "subprocess.Popen") or (
        event == "open" and isinstance(words[2], int) and words[2] & (os.O_WRONLY | os.O_RDWR)
    ):
        seen += 1
        if seen == point:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill_at_the_point)
from pathlib import Path
from installer import __main__, trial
__main__.SOURCE = Path(sys.argv.pop(1))
trial.READY_S, trial.STEADY_S, trial.LOOK_S = 0.3, 0.0, 0.01
status = __main__.main(sys.argv[1:])
print(f"{seen} points", file=sys.stderr)
sys.exit(status)
"""
"""The installer, killed before its n-th change of a file or start of a command (0: never)."""


@dataclass(frozen=True)
class FakeMachine:
    folder: Path

    def __post_init__(self) -> None:
        for name in ("bin", "root", "run", "enabled", "installed", "groups"):
            (self.folder / name).mkdir(parents=True)
        for name, text in COMMANDS.items():
            self._script(f"bin/{name}", text)
        (self.folder / "bin/python3").symlink_to("python3.11")
        self._script("rearguard", REARGUARD)
        for name, text in (("pid", "100\n"), ("spotters", ""), ("log", ""), ("i2c", "1\n")):
            (self.folder / name).write_text(text)

    def _script(self, name: str, text: str) -> None:
        (self.folder / name).write_text(BEGIN + text)
        (self.folder / name).chmod(0o755)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def home(self) -> Path:
        return self.root / "opt/rearguard"

    def source(self, version: str, *more: str) -> Path:
        """A tree of this version, small but for systemd/; ``more`` are files in its monitor/."""
        tree = self.folder / f"source-{version}"
        tree.mkdir()
        for name in PARTS:
            (tree / name).write_text("")
        (tree / "pyproject.toml").write_text(f'version = "{version}"\n')
        shutil.copy(TREE / "config.yaml", tree)
        for name in ("docs", "firmware", "monitor"):
            (tree / name).mkdir()
            (tree / name / "file").write_text(version)
        for name in more:
            (tree / "monitor" / name).write_text("")
        ours = shutil.ignore_patterns("__pycache__", "installer")
        shutil.copytree(TREE / "systemd", tree / "systemd", symlinks=True, ignore=ours)
        return tree

    def run(
        self, source: Path, *words: str, kill_at: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-B", "-c", RUN, str(kill_at), str(source), *words, "--root", str(self.root)],
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "FAKE": str(self.folder),
            "PYTHONPATH": str(TREE / "systemd"),
        }

    def recover(self) -> None:
        """As the timer does, and each start."""
        words = ["sh", str(self.home / "recover"), str(self.root)]
        subprocess.run(words, env=self.environment(), check=True, capture_output=True)

    def boot(self) -> None:
        """After a power cut: what was enabled starts, each after the recovery."""
        for file in (self.folder / "run").iterdir():
            file.unlink()
        (self.folder / "timer").unlink(missing_ok=True)
        self.recover()
        for file in sorted((self.folder / "enabled").iterdir()):
            words = [str(self.folder / "bin/systemctl"), "start", file.name]
            subprocess.run(words, env=self.environment(), check=True)

    def running(self, unit: str = "rearguard") -> dict[str, str]:
        """What systemd says of it, and from which slot it was started."""
        text = (self.folder / "run" / unit).read_text()
        return dict(line.partition("=")[::2] for line in text.splitlines())

    def log(self) -> list[str]:
        return (self.folder / "log").read_text().splitlines()

    def files(self) -> dict[str, bytes | str]:
        """Every file and link below the root."""
        found: dict[str, bytes | str] = {}
        for path in self.root.rglob("*"):
            if path.is_symlink():
                found[str(path.relative_to(self.root))] = os.readlink(path)
            elif path.is_file():
                found[str(path.relative_to(self.root))] = path.read_bytes()
        return found
