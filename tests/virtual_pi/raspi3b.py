"""Debian's kernel on QEMU's Raspberry Pi 3B: the Pi's own drivers, which the other guest cannot have.

QEMU models the I2C controllers from version 9 on. Nothing but `raspi3b_guest` runs in there, from memory:
Python, `firmware` and what that needs, on a bus with QEMU's own thermometer and EEPROM. It models no repeated
start (a stop comes first), no line held low, no clock stretching, and nothing that the pins are wired to.

    python -m tests.virtual_pi.raspi3b
"""

import re
import shutil
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from tests.fresh.blocks import ROOT
from tests.virtual_pi import image
from tests.virtual_pi.packages import Apt, run
from tests.virtual_pi.qemu import GuestError

NEWEST_WITHOUT = 8
"""QEMU's last major version whose Pi has no I2C."""

END = re.compile(r"(OK|FAILED): (.*)\nEND$", re.MULTILINE | re.DOTALL)
"""The last that is on the console. A stray byte comes before it."""

LIMIT_S = 240.0
BOARD = "a02082"
"""The revision that a Pi 3B's firmware writes into its device tree: by it gpiozero finds the pins."""

KERNEL_WORDS = "console=ttyS1,115200 quiet loglevel=4 mitigations=off nokaslr kpti=off audit=0 iomem=relaxed"
"""The last one lets the guest program keep interrupts away."""

MODULES = ("i2c-bcm2835", "i2c-dev")
PYTHON = ("python3-minimal", "libpython3-stdlib", "busybox-static")
WHEELS = ("smbus2", "gpiozero", "colorzero", "lgpio")
INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc none /proc; $b mount -t sysfs none /sys; $b mount -t devtmpfs none /dev
$b mount -t debugfs none /sys/kernel/debug
for module in /i2c-bcm2835.ko /i2c-dev.ko; do $b insmod $module; done
cd /
PYTHONPATH=/wheels /usr/bin/python3 /guest.py
echo END
$b sleep 1000
"""


def lacks() -> str:
    """Why this machine's QEMU cannot be it, "" where it can."""
    said = run("qemu-system-aarch64", "--version").decode()
    found = re.search(r"version (\d+)\.\d+", said)
    if found is None:
        return f"what QEMU is this? {said.strip()[:80]}"
    return "" if int(found[1]) > NEWEST_WITHOUT else f"QEMU{found[0].removeprefix('version')} is older than 9"


def report(folder: Path) -> str:
    """What the guest found; ``folder`` is the virtual Pi's. Raises GuestError."""
    parts = folder / "raspi3b"
    mark, wanted = parts / "whole", sha256(Path(__file__).read_bytes()).hexdigest()
    if not mark.exists() or mark.read_text() != wanted:  # of another recipe
        shutil.rmtree(parts, ignore_errors=True)
        _fetch(parts)
        mark.write_text(wanted)
    _pack(parts, folder / "host/wheels")
    return _boot(parts)


def _fetch(parts: Path) -> None:
    """Debian's kernel and Python, and the device tree of the board."""
    apt = Apt(parts / "apt", "arm64")
    apt.begin()
    root, system = parts / "root", parts / "kernel"
    for deb in apt.fetch(PYTHON, "python"):
        run("dpkg-deb", "--extract", deb, root)
    for name in ("usr/share/doc", "usr/share/man", "usr/share/locale", "var"):
        shutil.rmtree(root / name, ignore_errors=True)
    (kernel,) = apt.download([apt.depends("linux-image-arm64")], "kernel-package")
    run("dpkg-deb", "--extract", kernel, system)
    for name in MODULES:
        (module,) = system.glob(f"lib/modules/*/**/{name}.ko")
        shutil.copy(module, root)
    (image_file,) = system.glob("boot/vmlinuz-*")
    shutil.copy(image_file, parts / "vmlinuz")
    (tree,) = system.glob("usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb")
    shutil.copy(tree, parts / "pi.dtb")
    run("fdtput", "--create", parts / "pi.dtb", "/system")
    run("fdtput", "--type", "x", parts / "pi.dtb", "/system", "linux,revision", BOARD)
    for name in ("proc", "sys", "dev", "tmp"):
        (root / name).mkdir(exist_ok=True)
    (root / "init").write_text(INIT)
    (root / "init").chmod(0o755)
    for path in (system, parts / "apt"):
        shutil.rmtree(path)


def _pack(parts: Path, wheels: Path) -> None:
    """With today's code."""
    root = parts / "root"
    shutil.rmtree(root / "wheels", ignore_errors=True)
    for name in WHEELS:
        (wheel,) = wheels.glob(f"{name}-*.whl")
        shutil.unpack_archive(wheel, root / "wheels", "zip")
    for name in ("firmware", "monitor"):
        shutil.rmtree(root / name, ignore_errors=True)
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(__file__).with_name("raspi3b_guest.py"), root / "guest.py")
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    (parts / "initramfs").write_bytes(
        run("cpio", "--create", "--format=newc", "--quiet", cwd=root, data=names.encode())
    )


def _boot(parts: Path) -> str:
    log = parts / "console.log"
    log.unlink(missing_ok=True)
    words = [
        "qemu-system-aarch64", "-M", "raspi3b", "-nodefaults", "-display", "none",
        "-kernel", parts / "vmlinuz", "-initrd", parts / "initramfs", "-dtb", parts / "pi.dtb",
        "-append", KERNEL_WORDS,
        "-device", "tmp105,bus=i2c-bus.1,address=0x48",
        "-device", "at24c-eeprom,bus=i2c-bus.1,address=0x50,rom-size=256",
        "-serial", "null", "-serial", f"file:{log}",  # the second one is ttyS1
    ]  # fmt: skip
    with tempfile.TemporaryFile() as complaints:
        qemu = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints)
        try:
            return _result(qemu, log)
        except TimeoutError as error:
            complaints.seek(0)
            why = complaints.read().decode(errors="replace").strip() or f"no answer; its console: {log}"
            raise GuestError(why[-1000:]) from error
        finally:
            qemu.kill()
            qemu.wait()


def _result(qemu: subprocess.Popen[bytes], log: Path) -> str:
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s and qemu.poll() is None:
        said = log.read_text(errors="replace").replace("\r", "") if log.exists() else ""
        if found := END.search(said):
            if found[1] == "FAILED":
                raise GuestError(found[2])
            return found[2]
        time.sleep(0.2)
    raise TimeoutError


def main() -> None:
    if why := lacks():
        print(f"raspi3b: skipped, {why}")
        return
    folder = image.built(print)
    image.wheels(folder, print)
    print(f"raspi3b: {report(folder)}")


if __name__ == "__main__":
    main()
