"""The guest's kernel: Debian's own, two modules that Debian does not build, and a device tree like a Pi's.

- ``i2c-virtio-pi``: Linux's i2c-virtio, as bus 1 and under the Pi's name, with the errors of i2c-bcm2835. The
  original hides a failed transfer, and frees requests that the far end still writes to.
- ``gpio-sim``: Linux's own simulated GPIO chip, linked with the interrupt simulator that Debian leaves out.

They are cross-compiled in seconds; nothing is emulated. The sources come from Debian and are never kept here.
"""

import os
import re
import shutil
from pathlib import Path

from tests.virtual_pi.packages import Apt, BuildError, run

VERSION = "6.1"
COMPILER = "aarch64-linux-gnu-"

SOURCES = (
    "drivers/i2c/busses/i2c-virtio.c",
    "drivers/gpio/gpio-sim.c",
    "drivers/gpio/gpiolib.h",
    "kernel/irq/irq_sim.c",
)
WAITS = "wait_for_completion_interruptible(&req->completion)"
I2C_CHANGES = (
    # Every request is waited for, also after a failed one, and whatever becomes of the process.
    ("\t\tif (!failed) {\n", "\t\twait_for_completion(&req->completion);\n\t\tif (!failed) {\n"),
    (WAITS, "0"),
    # A transfer that failed fails: the status is an errno.
    ("\tbool failed = false;", "\tbool failed = false;\n\tint error = 0;"),
    (
        "else if (req->in_hdr.status != VIRTIO_I2C_MSG_OK)",
        "else if ((error = req->in_hdr.status) != VIRTIO_I2C_MSG_OK)",
    ),
    ("\treturn j;", "\treturn error ? -error : j;"),
    ("i2c_add_adapter(&vi->adap)", "(vi->adap.nr = 1, i2c_add_numbered_adapter(&vi->adap))"),
    ('"i2c_virtio at virtio bus %d", vdev->index', '"bcm2835 (i2c@7e804000)"'),
)
IRQ_CHANGES = (  # irq_to_desc is not exported
    ("irq_to_desc(irqnum)", "irq_data_to_desc(irq_get_irq_data(irqnum))"),
    ("#include <linux/irq.h>\n", "#include <linux/irq.h>\n#include <linux/irqdesc.h>\n"),
)
KBUILD = "obj-m += i2c-virtio-pi.o gpio-sim-pi.o\ngpio-sim-pi-y := gpio-sim.o irq_sim.o\n"

NEEDED_TO_BOOT = ("virtio_pci", "virtio_blk", "ext4")
NEEDED = (
    *NEEDED_TO_BOOT,
    "i2c-dev",
    "virtio_net",
    "virtio_console",
    "virtio_rng",
    "9p",
    "9pnet_virtio",
    "configfs",
    "vfat",
    "nls_cp437",
    "nls_ascii",
)

INIT = """#!/bin/busybox sh
b=/bin/busybox
$b mount -t proc none /proc; $b mount -t sysfs none /sys; $b mount -t devtmpfs none /dev
while read module; do $b insmod $module; done </order
i=0; while [ ! -b /dev/vda2 ] && [ $i -lt 200 ]; do $b sleep 0.1; i=$((i+1)); done
$b mount -t ext4 -o rw,noatime /dev/vda2 /newroot || exec $b sh
for folder in dev proc sys; do $b mount --move /$folder /newroot/$folder; done
exec $b switch_root /newroot /sbin/init
"""


class Kernel:
    """Made in ``folder``: ``image``, ``initramfs``, and what the root file system gets of modules."""

    def __init__(self, folder: Path, apt: Apt, host: Apt) -> None:
        self._folder = folder
        self._apt, self._host = apt, host
        self.name = ""  # of its release

    @property
    def image(self) -> Path:
        return self._folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        return self._folder / "initramfs.gz"

    def fetch(self) -> None:
        package = self._apt.depends("linux-image-arm64")
        self.name = package.removeprefix("linux-image-")
        common = f"linux-headers-{self.name.removesuffix('-arm64')}-common"
        names = (package, f"linux-headers-{self.name}", common, f"linux-source-{VERSION}", "busybox-static")
        unpacked = self._folder / "unpacked"
        for deb in [
            *self._apt.download(names, "kernel"),
            *self._host.download([f"linux-kbuild-{VERSION}"], "kbuild"),
        ]:
            run("dpkg-deb", "--extract", deb, unpacked)
        shutil.copy(unpacked / f"boot/vmlinuz-{self.name}", self.image)
        run("depmod", "--basedir", unpacked, self.name)

    def build_modules(self) -> None:
        unpacked, build = self._folder / "unpacked", self._folder / "modules"
        build.mkdir(exist_ok=True)
        archive = unpacked / f"usr/src/linux-source-{VERSION}.tar.xz"
        members = [f"linux-source-{VERSION}/{source}" for source in SOURCES]
        run("tar", "--extract", "--file", archive, "--directory", build, "--strip-components", "1", *members)
        for source in SOURCES:
            shutil.move(build / source, build / Path(source).name)
        changed(build / "i2c-virtio.c", build / "i2c-virtio-pi.c", I2C_CHANGES)
        changed(build / "irq_sim.c", build / "irq_sim.c", IRQ_CHANGES)
        (build / "Kbuild").write_text(KBUILD)
        headers = unpacked / f"usr/src/linux-headers-{self.name}"
        common = unpacked / f"usr/src/linux-headers-{self.name.removesuffix('-arm64')}-common"
        (headers / "Makefile").write_text(f"include {common}/Makefile\n")
        for folder in (headers, common):
            for tool in ("scripts", "tools"):
                (folder / tool).unlink(missing_ok=True)
                (folder / tool).symlink_to(unpacked / f"usr/lib/linux-kbuild-{VERSION}/{tool}")
        words = (f"M={build}", "ARCH=arm64", f"CROSS_COMPILE={COMPILER}", f"CC={COMPILER}gcc", "modules")
        run("make", "--silent", "-C", headers, *words)

    def install_modules(self, root: Path) -> None:
        """Those of Debian's that are needed, and ours, with their index."""
        top = self._folder / "unpacked/lib/modules" / self.name
        place = root / "usr/lib/modules" / self.name
        (place / "extra").mkdir(parents=True, exist_ok=True)
        for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
            shutil.copy(top / name, place / name)
        for module in self._with_dependencies(NEEDED):
            inside = place / module.relative_to(top)
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(module, inside)
        for module in (self._folder / "modules").glob("*.ko"):
            run(f"{COMPILER}strip", "--strip-debug", "-o", place / "extra" / module.name, module)
        run("depmod", "--basedir", root, self.name)

    def build_initramfs(self) -> None:
        tree = self._folder / "initramfs"
        for name in ("bin", "lib", "proc", "sys", "dev", "newroot"):
            (tree / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(self._folder / "unpacked/bin/busybox", tree / "bin/busybox")
        order = []
        for module in self._with_dependencies(NEEDED_TO_BOOT):
            shutil.copy(module, tree / "lib")
            order.append(f"/lib/{module.name}\n")
        (tree / "order").write_text("".join(order))
        (tree / "init").write_text(INIT)
        (tree / "init").chmod(0o755)
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        archive = run("cpio", "--create", "--format=newc", "--quiet", cwd=tree, data=names.encode())
        self.initramfs.write_bytes(run("gzip", "-1", data=archive))

    def _with_dependencies(self, names: tuple[str, ...]) -> list[Path]:
        """Module files, each after what it needs."""
        found: dict[Path, None] = {}
        for name in names:
            said = run(
                "modprobe", "-d", self._folder / "unpacked", "-S", self.name, "--show-depends", name
            ).decode()
            found |= dict.fromkeys(Path(path) for path in re.findall(r"^insmod (\S+)", said, re.MULTILINE))
        return list(found)


def changed(source: Path, target: Path, changes: tuple[tuple[str, str], ...]) -> None:
    """Raises BuildError where the source is another than the changes were made for."""
    text = source.read_text()
    for old, new in changes:
        if old not in text:
            raise BuildError(
                f"{source.name} has no {old.strip()!r}: Debian's kernel has changed, look at kernel.py"
            )
        text = text.replace(old, new)
    target.write_text(text)


PINS = ", ".join(f'"{name}"' for name in ("ID_SDA", "ID_SCL", *(f"GPIO{number}" for number in range(2, 28))))
LIKE_A_PI = f"""
	system {{ linux,revision = <0xc03114>; linux,serial = <0x0 0x12345678>; }};
	pi-header {{ compatible = "gpio-simulator";
		bank0 {{ gpio-controller; #gpio-cells = <2>; ngpios = <28>;
			gpio-sim,label = "pinctrl-bcm2711"; gpio-line-names = {PINS}; }}; }};
}};
"""
NOT_ON_A_PI = ("gpio-keys", r"pl061@\w+", r"pl031@\w+")
"""QEMU's own GPIO chip, so that the header is /dev/gpiochip0; and the clock that goes on without power."""


def device_tree(target: Path, machine: list[str]) -> None:
    """QEMU's own for ``machine``, as a Pi's."""
    blob, text = target.with_suffix(".qemu.dtb"), target.with_suffix(".dts")
    words = [f"{word},dumpdtb={blob}" if word.startswith("virt,") else word for word in machine]
    run("qemu-system-aarch64", *words, "-nic", "none", "-display", "none")
    tree = run("dtc", "-q", "-I", "dtb", "-O", "dts", blob).decode()
    for node in NOT_ON_A_PI:
        tree = re.sub(rf"\n\t{node} \{{.*?\n\t\}};", "", tree, flags=re.DOTALL)
    tree = re.sub(r'\n\tmodel = "[^"]*";', "", tree)
    named = 'model = "Raspberry Pi 4 Model B Rev 1.4 (simulated)";\n\tcompatible = "linux,dummy-virt";'
    tree, count = re.subn(r'compatible = "linux,dummy-virt";', named, tree, count=1)
    if not count:
        raise BuildError("QEMU's device tree is another than expected: look at kernel.py")
    text.write_text(tree.rstrip().removesuffix("};") + LIKE_A_PI)
    run("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", target, text)
    os.utime(target)
