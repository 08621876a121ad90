"""What the device costs: wheel, start, memory, processor.

    python -m benchmarks.lean --minutes 5

A wheel is built and unpacked, and the safety process runs from it as systemd/rearguard.service has it: that
unit's environment, a journal, a real Mosquitto on loopback, 100 Hz, and somebody who walks. The sensor is
simulated in this process, which is not counted (lean_device.py). The unit's sandbox and a Pi's pins are
missing.

Other work on the machine makes a second of processor time worth less; so its share is also given for the
quietest ten seconds. Where nothing but instructions counts is an emulator: in a guest of QEMU with
``-icount shift=0`` an instruction takes a nanosecond, and 1 % of a core is 10 million of them in a second.
"""

import argparse
import compileall
import errno
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from zipfile import ZipFile

from smbus2 import i2c_msg

from benchmarks.lean_device import HEAD, MOST_BYTES, READS
from firmware.simulated import SimulatedBus
from monitor.playback import plugged
from monitor.recordings.simulated_walker import Move, walk
from tests.brokers import Mosquitto
from tests.pulse import PATIENCE_S

ROOT = Path(__file__).parents[1]
PACKAGED = ("pyproject.toml", "README.md", "LICENSE", "firmware", "monitor")
UNIT = ROOT / "systemd" / "rearguard.service"
SCRIPT = [(5.0, Move.STAND), (115.0, Move.BACKWARD), (5.0, Move.STAND), (115.0, Move.FORWARD)]
Row = tuple[str, str, str]
"""What was measured, the goal, and the figure."""

SETTLE_S = 20.0  # from ready on: then it is armed, and somebody walks
STRETCH_S = 10.0


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--minutes", type=float, default=5.0, help="of walking (default: 5)")
    parser.add_argument("--starts", type=int, default=10, help="(default: 10)")
    parser.add_argument("--wheel", type=Path, help="one that is built already (default: it is built)")
    parser.add_argument("--write", action="store_true", help="renew docs/results/lean.json and its table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, Mosquitto(Path(place)) as broker:
        wheel = args.wheel or built(Path(place))
        device = Device(Path(place), broker.port, installed(wheel, Path(place)))
        rows = [
            ("wheel, without dependencies", "1 MB", f"{wheel.stat().st_size / 1e6:.2f} MB"),
            *starting(device, args.starts),
            *watching(device, args.minutes),
        ]
    for row in rows:
        print("{:<44}{:>10}{:>12}".format(*row))
    if args.write:
        from training.results import write  # which the guest of an emulator does without

        columns = ("", "goal, at most", "measured")
        cells = [dict(zip(columns, row, strict=True)) for row in rows]
        command = f"python -m benchmarks.lean --minutes {args.minutes:g} --starts {args.starts} --write"
        write("lean", command, (), columns, cells, {})


def starting(device: "Device", starts: int) -> Iterator[Row]:
    """From exec to systemd's READY=1."""
    taken_s, used_s = [], []
    for _ in range(starts):
        with device.running(0.0) as process:
            process.ready()
            taken_s.append(time.monotonic() - process.began_s)
            used_s.append(process.used_s())
    yield f"start to ready, median of {starts}", "2 s", f"{median(taken_s):.2f} s"
    yield "… of it processor time", "", f"{median(used_s):.2f} s"


def watching(device: "Device", minutes: float) -> Iterator[Row]:
    """Memory and processor while somebody walks."""
    with device.running(SETTLE_S + 60 * minutes) as process:
        process.ready()
        process.live(SETTLE_S)
        shares = []
        for _ in range(round(60 * minutes / STRETCH_S)):
            began_s, used_s = time.monotonic(), process.used_s()
            process.live(STRETCH_S)
            shares.append((process.used_s() - used_s) / (time.monotonic() - began_s))
        memory_mb, threads = process.memory_mb(), process.threads()
    yield "memory, resident (RSS), the most at any time", "60 MB", f"{memory_mb['VmHWM']:.1f} MB"
    own_mb = memory_mb["Private_Clean"] + memory_mb["Private_Dirty"]
    yield "… of it shared with no other process (USS)", "", f"{own_mb:.1f} MB"
    yield f"of one core, {minutes:g} minutes of walking", "3 %", f"{100 * mean(shares):.1f} %"
    yield f"… in the quietest {STRETCH_S:g} s", "", f"{100 * min(shares):.1f} %"
    yield "threads", "", f"{threads}"


def built(folder: Path) -> Path:
    """Our wheel, of a copy: building leaves things in the source."""
    source = folder / "source"
    source.mkdir()
    for name in PACKAGED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*pip, str(source)], check=True)
    return next(folder.glob("*.whl"))


def installed(wheel: Path, folder: Path) -> Path:
    """The wheel unpacked and compiled, as pip leaves it."""
    place = folder / "installed"
    ZipFile(wheel).extractall(place)
    compileall.compile_dir(place, quiet=1)
    return place


def unit_environment(folder: Path) -> dict[str, str]:
    """What the unit sets, its runtime directory being ``folder``."""
    lines = re.findall(r"^Environment=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    pairs = shlex.split(" ".join(lines).replace("%t/rearguard", str(folder)))
    return dict(pair.split("=", 1) for pair in pairs)


@dataclass(frozen=True)
class Device:
    """Where the safety process runs, and which broker it has."""

    folder: Path
    port: int
    program: Path

    @contextmanager
    def running(self, seconds: float) -> Iterator["Running"]:
        """The process from its start on, without a past; its walker walks for so many seconds and more."""
        bus, notify, state = (self.folder / name for name in ("bus", "notify", "state"))
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        command = [sys.executable, "-P", str(ROOT / "benchmarks" / "lean_device.py"), str(bus), "run"]
        command += ["--config", str(ROOT / "config.yaml"), "--port", str(self.port)]
        environment = {
            **unit_environment(self.folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self.program}:{os.environ.get('PYTHONPATH', '')}",
            "NOTIFY_SOCKET": str(notify),
            "STATE_DIRECTORY": str(state),
        }
        script = SCRIPT * (1 + int((seconds + 60) / sum(length_s for length_s, _ in SCRIPT)))
        wires = plugged(walk(script, 100.0).trial("walk"))
        with (
            bound(bus, socket.SOCK_SEQPACKET) as outlet,
            bound(notify, socket.SOCK_DGRAM) as told,
        ):
            outlet.listen()
            threading.Thread(target=serve, args=(outlet, wires), daemon=True).start()
            told.settimeout(PATIENCE_S)
            began_s = time.monotonic()
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.folder,
                stdout=subprocess.DEVNULL,
            )
            running = Running(process.pid, began_s, told)
            try:
                yield running
                process.terminate()
                process.wait(PATIENCE_S)
            finally:
                process.kill()
                process.wait()


@contextmanager
def bound(path: Path, kind: socket.SocketKind) -> Iterator[socket.socket]:
    """A Unix socket with this name, until it is closed."""
    with socket.socket(socket.AF_UNIX, kind) as end:
        end.bind(str(path))
        try:
            yield end
        finally:
            path.unlink()


def serve(outlet: socket.socket, wires: SimulatedBus) -> None:
    """Carry transfers to the simulated bus, for one program that may open it again and again."""
    with suppress(OSError):  # closed: over
        while True:
            port, _ = outlet.accept()
            with port:
                while asked := port.recv(MOST_BYTES):
                    port.send(transferred(asked, wires))


def transferred(asked: bytes, wires: SimulatedBus) -> bytes:
    """The error's number, or 0, and what was read."""
    messages = []
    while asked:
        address, flags, length = HEAD.unpack_from(asked)
        asked = asked[HEAD.size :]
        if flags & READS:
            messages.append(i2c_msg.read(address, length))
        else:
            messages.append(i2c_msg.write(address, asked[:length]))
            asked = asked[length:]
    try:
        wires.i2c_rdwr(*messages)
    except OSError as error:
        return bytes([error.errno or errno.EIO])
    return b"\0" + b"".join(bytes(message) for message in messages if message.flags & READS)


@dataclass
class Running:
    """A safety process, and where it tells systemd how it is."""

    pid: int
    began_s: float
    told: socket.socket

    def ready(self) -> None:
        """Wait until it says so."""
        assert b"READY=1" in self.told.recv(MOST_BYTES)

    def live(self, seconds: float) -> None:
        """Let it run on; at the end it must watch somebody who walks, or nothing was measured."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            status = self.told.recv(MOST_BYTES)
        assert b"armed, walking; all is well" in status, status

    def used_s(self) -> float:
        """Processor time of all its threads, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> dict[str, float]:
        """What Linux says of its memory, by Linux' own names."""
        text = "".join(Path(f"/proc/{self.pid}/{file}").read_text() for file in ("status", "smaps_rollup"))
        return {name: int(kb) * 1024 / 1e6 for name, kb in re.findall(r"(\w+):\s+(\d+) kB", text)}

    def threads(self) -> int:
        """How many it has, OpenBLAS's idle ones too."""
        return len(os.listdir(f"/proc/{self.pid}/task"))


if __name__ == "__main__":
    main()
