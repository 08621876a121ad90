"""The virtual Pi while it runs: QEMU, the wires to its sensor and its header, and a line for commands."""

import base64
import select
import socket
import struct
import subprocess
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, Self

from firmware.simulated import SimulatedBus
from tests.brokers import held_port
from tests.virtual_pi.i2c_adapter import Adapter

MEMORY_MB = 1024
MACHINE = ["-M", "virt,gic-version=3", "-cpu", "cortex-a53", "-smp", "2", "-m", str(MEMORY_MB)]
"""Two processors: with one, QEMU leaves out barriers that a bus behind a socket needs."""

KERNEL_WORDS = (
    "console=ttyAMA0 quiet loglevel=3 systemd.show_status=0 mitigations=off nokaslr kpti=off audit=0"
)
"""Without the mitigations each system call costs an emulated processor ten times as much."""

BOOT_S = 240.0
COMMAND_S = 120.0
GUEST = "10.0.2.15"
LINES = "/sys/devices/platform/pi-header/gpiochip0/sim_gpio{}/{}"


class Said(NamedTuple):
    status: int
    text: str


class GuestError(Exception):
    """A command in the guest failed, or the guest does not answer."""


class VirtualPi:
    """``folder`` holds the parts, ``card`` is its disk, ``ports`` are reached from here: see `port`."""

    def __init__(
        self, folder: Path, card: Path, bus: SimulatedBus, ports: tuple[int, ...], log: Path
    ) -> None:
        self._folder, self._card, self._log = folder, card, log
        self.bus = bus
        self._held = ExitStack()
        self._ports = {port: self._held.enter_context(held_port()) for port in ports}
        self._sockets = Path(self._held.enter_context(TemporaryDirectory()))  # their paths must be short
        self.adapter = Adapter(self._sockets / "i2c", bus)
        self.adapter.start()
        self._qemu: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._read = b""
        self._counts = Path()
        self.began_s = 0.0
        """When it was switched on, monotonic."""

    def port(self, guest: int) -> int:
        """The port here, on loopback, behind which the guest's is."""
        return self._ports[guest]

    def switch_on(self, *, counting: bool = False) -> float:
        """Boot; the seconds until commands are obeyed. ``counting`` instructions, it is somewhat slower."""
        self.began_s = time.monotonic()
        forwards = "".join(
            f",hostfwd=tcp:127.0.0.1:{here}-{GUEST}:{port}" for port, here in self._ports.items()
        )
        line = self._sockets / "line"
        machine = [f"{word},memory-backend=memory" if word.startswith("virt") else word for word in MACHINE]
        words = [
            "qemu-system-aarch64", *machine, "-accel", "tcg,thread=multi,tb-size=512", "-nodefaults",
            "-object", f"memory-backend-memfd,id=memory,size={MEMORY_MB}M,share=on",
            "-kernel", self._folder / "vmlinuz", "-initrd", self._folder / "initramfs.gz",
            "-dtb", self._folder / "pi.dtb", "-append", KERNEL_WORDS,
            "-drive", f"file={self._card},format=qcow2,if=none,id=card,cache=writeback",
            "-device", "virtio-blk-pci,drive=card",
            "-device", "virtio-rng-pci",
            "-netdev", f"user,id=net,restrict=on{forwards}", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-virtfs", f"local,path={self._folder / 'host'},mount_tag=host,security_model=none,readonly=on",
            "-chardev", f"socket,id=i2c,path={self._sockets / 'i2c'}",
            "-device", "vhost-user-i2c-pci,chardev=i2c",
            "-chardev", f"socket,id=line,path={line},server=on,wait=off", "-device", "virtio-serial-pci",
            "-device", "virtserialport,chardev=line,name=remote",
            "-chardev", f"file,id=console,path={self._log},append=on", "-serial", "chardev:console",
            "-display", "none",
        ]  # fmt: skip
        if counting:
            plugin, self._counts = self._sockets / "instructions.so", self._sockets / "counts"
            source = Path(__file__).with_name("instructions.c")
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, source], check=True)
            words += ["-plugin", f"{plugin},counts={self._counts}"]
        complaints = self._log.with_suffix(".qemu")
        with complaints.open("a") as file:
            self._qemu = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self._connect(line, complaints)
        self._until(b"ready\n", BOOT_S)
        return time.monotonic() - self.began_s

    def _connect(self, line: Path, complaints: Path) -> None:
        self._read = b""
        self._line = socket.socket(socket.AF_UNIX)
        while True:
            assert self._qemu is not None
            if self._qemu.poll() is not None:
                raise GuestError(f"QEMU ended: {complaints.read_text().strip()[-1000:]}")
            with suppress(OSError):
                self._line.connect(str(line))
                return
            time.sleep(0.05)

    # ---- commands

    def ask(self, command: str, user: str = "root", limit_s: float = COMMAND_S) -> Said:
        """Run it in a shell; status, and all that it said."""
        if user != "root":
            inner = base64.b64encode(command.encode()).decode()
            command = f"su - {user} -c 'eval \"$(echo {inner} | base64 -d)\"'"
        assert self._line is not None
        self._line.sendall(base64.b64encode(command.encode()) + b"\n")
        status, length = self._until(b"\n", limit_s).split()
        while len(self._read) < int(length):
            self._receive(limit_s)
        said, self._read = self._read[: int(length)], self._read[int(length) :]
        return Said(int(status), said.decode(errors="replace").strip())

    def do(self, command: str, user: str = "root", limit_s: float = COMMAND_S) -> str:
        """What it said. Raises GuestError where it fails."""
        said = self.ask(command, user, limit_s)
        if said.status:
            raise GuestError(f"{command}: exit status {said.status}: {said.text[-1500:]}")
        return said.text

    def _until(self, mark: bytes, limit_s: float) -> bytes:
        end_s = time.monotonic() + limit_s
        while mark not in self._read:
            self._receive(end_s - time.monotonic())
        found, _, self._read = self._read.partition(mark)
        return found

    def _receive(self, limit_s: float) -> None:
        assert self._line is not None
        if limit_s <= 0 or not select.select([self._line], [], [], limit_s)[0]:
            raise GuestError(f"the guest has not answered in time; its console: {self._log}")
        data = self._line.recv(65536)
        if not data:
            raise GuestError(f"the guest is gone; its console: {self._log}")
        self._read += data

    def instructions(self) -> int:
        """Executed since it was switched on, by both processors: programs' and the kernel's."""
        return sum(struct.unpack("64Q", self._counts.read_bytes()))

    # ---- the header

    def level(self, line: int) -> bool:
        """What the program drives."""
        return self.do(f"cat {LINES.format(line, 'value')}") == "1"

    def levels(self, line: int, seconds: float) -> list[bool]:
        """Looked at all the time."""
        script = f"end=$(($(date +%s%N)+{round(seconds * 1e9)})); while [ $(date +%s%N) -lt $end ]; do "
        return [word == "1" for word in self.do(f"{script} cat {LINES.format(line, 'value')}; done").split()]

    def press(self, line: int, seconds: float, times: int = 1) -> None:
        """A button to ground. It waits without a program of its own, whose start would take too long."""
        pull = LINES.format(line, "pull")
        once = f"echo pull-down >{pull}; read -t {seconds} -u 9; echo pull-up >{pull}; read -t 0.1 -u 9"
        self.do("exec 9<> <(:); " + "; ".join([once] * times) + "; true")

    # ---- the end

    def cut_power(self) -> None:
        """At once; what the guest had not written is lost."""
        assert self._qemu is not None
        self._qemu.kill()
        self._qemu.wait()
        if self._line is not None:
            self._line.close()

    def switch_off(self) -> None:
        """As one should."""
        with suppress(OSError, GuestError):
            assert self._line is not None
            self._line.sendall(base64.b64encode(b"systemctl poweroff") + b"\n")
        assert self._qemu is not None
        with suppress(subprocess.TimeoutExpired):
            self._qemu.wait(90)
        self.cut_power()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._qemu is not None:
            self.cut_power()
        self.adapter.close()
        self._held.close()


def copy_of(card: Path, target: Path) -> Path:
    """A card that begins as ``card`` and keeps its own changes."""
    target.unlink(missing_ok=True)
    kind = "raw" if card.suffix == ".img" else "qcow2"
    words = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(card), "-F", kind, str(target)]
    subprocess.run(words, check=True)
    return target
