"""The guest's root file system: a minimal Debian for arm64, configured without running any of it.

What README's block for a Pi needs besides (git, Mosquitto ...) lies in a repository of packages beside it;
apt installs it in the guest as it would from the network. So do the wheels, for pip.
"""

import os
import shutil
import struct
import sys
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

from tests.fresh.blocks import ROOT
from tests.virtual_pi import qemu
from tests.virtual_pi.kernel import Kernel, device_tree
from tests.virtual_pi.packages import Apt, field, repository, run

CACHE = ROOT / "build/virtual-pi"
PI_OS_HAS = (
    "?essential",
    "apt",
    "adduser",
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "kmod",
    "sudo",
    "login",
    "passwd",
    "iproute2",
    "procps",
    "mount",
    "netbase",
    "openssl",
    "python3",
    "i2c-tools",
    "tzdata",
)
"""Of what is needed, what Raspberry Pi OS has from the start."""
INSTALLED_IN_THE_GUEST = ("git", "python3-venv", "mosquitto")
SIZE_BYTES = 4 << 30
BOOT_AT, ROOT_AT = 8 << 20, 520 << 20
"""Where a card's partitions begin, in bytes: /boot/firmware, which is vfat, and the root, as on a Pi's."""
PYTHON = "3.11"
EXTRAS = "page,pair,notify,push,report,pi"
WHEEL_KINDS = ("manylinux_2_36", "manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")

PIP = "[global]\nno-index = true\nfind-links = /media/host/wheels\n"
NETWORK = "[Match]\nName=en* eth*\n[Network]\nAddress=10.0.2.15/24\n"
MEDIA = """[Unit]
After=systemd-modules-load.service
[Mount]
What=host
Where=/media/host
Type=9p
Options=trans=virtio,version=9p2000.L,msize=262144,ro
"""
REMOTE = """[Unit]
After=media-host.mount
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/bash /usr/local/lib/remote
Restart=always
RestartSec=1
StandardError=null
"""
REMOTE_SCRIPT = """# Obeys the host: a line of base64 is a command; back come status, length and its words.
exec 3<>/dev/virtio-ports/remote
echo ready >&3
while read -r line <&3; do
    base64 -d <<<"$line" >/run/command
    bash /run/command </dev/null >/run/said 2>&1
    echo "$? $(stat -c %s /run/said)" >&3
    cat /run/said >&3
done
"""
MASKED = ("systemd-networkd-wait-online.service", "systemd-timesyncd.service", "serial-getty@ttyAMA0.service")
FILES = {
    "etc/hostname": "walker-pi\n",
    "etc/hosts": "127.0.0.1 localhost walker-pi\n",
    "etc/fstab": "/dev/vda2 / ext4 rw,noatime 0 1\n/dev/vda1 /boot/firmware vfat defaults 0 0\n",
    "etc/modules-load.d/guest.conf": "9pnet_virtio\n",
    "etc/apt/sources.list": "deb [trusted=yes] file:/media/host/packages ./\n",
    "etc/apt/apt.conf.d/99guest": 'APT::Get::Assume-Yes "true";\nAcquire::Languages "none";\n',
    "etc/pip.conf": PIP,
    "etc/gitconfig": "[safe]\n\tdirectory = *\n",
    "etc/systemd/network/80-guest.network": NETWORK,
    "etc/systemd/system/media-host.mount": MEDIA,
    "etc/systemd/system/remote.service": REMOTE,
    "etc/sudoers.d/010_pi-nopasswd": "pi ALL=(ALL) NOPASSWD: ALL\n",
    "usr/local/lib/remote": REMOTE_SCRIPT,
    "usr/lib/sysusers.d/guest.conf": "".join(f"g {name} -\n" for name in ("input", "kvm", "render", "sgx")),
    "var/lib/dpkg/info/format": "1\n",
    "etc/pam.d/common-session": "session required pam_permit.so\nsession optional pam_systemd.so\n",
    "etc/pam.d/common-session-noninteractive": "session required pam_permit.so\n",
} | {
    f"etc/pam.d/common-{name}": f"{name} required pam_permit.so\n" for name in ("auth", "account", "password")
}
STARTED = ("media-host.mount", "remote.service")
ENABLED = ("systemd-networkd.service",)

Say = Callable[[str], None]


def built(say: Say) -> Path:
    """The folder with the virtual Pi's parts, made where this recipe has made none yet. Raises BuildError."""
    here = Path(__file__).parent
    recipe = b"".join((here / name).read_bytes() for name in ("image.py", "kernel.py", "packages.py"))
    folder = CACHE / sha256(recipe).hexdigest()[:12]
    if not (folder / "whole").exists():
        shutil.rmtree(CACHE, ignore_errors=True)  # of another recipe
        folder.mkdir(parents=True)
        _build(folder, say)
        (folder / "whole").touch()
    return folder


def _build(folder: Path, say: Say) -> None:
    say("lists of packages")
    guest = Apt(folder / "apt", "arm64")
    here = Apt(folder / "apt-here", run("dpkg", "--print-architecture").decode().strip())
    guest.begin()
    here.begin()
    kernel = Kernel(folder, guest, here)
    say("the kernel, and two modules of its sources")
    kernel.fetch()
    kernel.build_modules()
    kernel.build_initramfs()
    say("a minimal Debian")
    root = folder / "root"
    packages = guest.fetch(PI_OS_HAS, "base")
    unpack(packages, root)
    (root / "var/lib/dpkg/status").write_text(guest.count_as_installed(packages))
    configure(root)
    kernel.install_modules(root)
    say("what apt will install in it")
    lent = folder / "host/packages"
    lent.mkdir(parents=True)
    for package in guest.fetch(INSTALLED_IN_THE_GUEST, "more"):
        shutil.copy(package, lent)
    (lent / "Packages.gz").write_bytes(repository(sorted(lent.glob("*.deb"))))
    say("its card")
    make_card(folder / "card.img", root, SIZE_BYTES)
    device_tree(folder / "pi.dtb", qemu.MACHINE)
    for name in ("root", "unpacked", "apt", "apt-here", "modules", "initramfs"):
        shutil.rmtree(folder / name)


def make_card(card: Path, root: Path, size_bytes: int) -> None:
    """Two partitions as on a Pi's card: an empty one to boot from, and ``root``."""
    parts = ((0x0C, BOOT_AT, ROOT_AT), (0x83, ROOT_AT, size_bytes))
    table = b"".join(
        struct.pack("<B3xB3xII", 0, kind, begin >> 9, (end - begin) >> 9) for kind, begin, end in parts
    )
    with card.open("wb") as file:
        file.truncate(size_bytes)
        file.seek(446)
        file.write(table.ljust(64, b"\0") + b"\x55\xaa")
    words = ("mkfs.vfat", "-F", "32", "-n", "BOOTFS", "--offset", str(BOOT_AT >> 9))
    run(*words, card, str((ROOT_AT - BOOT_AT) >> 10))
    words = ("mke2fs", "-q", "-t", "ext4", "-L", "rootfs", "-E", f"offset={ROOT_AT}", "-d", root, card)
    run(*words, f"{(size_bytes - ROOT_AT) >> 10}k")


def unpack(packages: Sequence[Path], root: Path) -> None:
    """As dpkg does it, but for running their scripts."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    for name in ("bin", "sbin", "lib"):  # one /usr, as a real installation has it
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        name = field(package, "Package")
        if field(package, "Multi-Arch") == "same":
            name += ":arm64"
        archive = run("dpkg-deb", "--fsys-tarfile", package)
        words = (
            "tar",
            "--extract",
            "--keep-directory-symlink",
            "--preserve-permissions",
            "--directory",
            root,
        )
        run(*words, data=archive)
        names = run("tar", "--list", data=archive).decode().splitlines()
        (info / f"{name}.list").write_text(
            "".join(f"{path.removeprefix('.').rstrip('/') or '/.'}\n" for path in names)
        )
        scripts = root.parent / "control"
        run("dpkg-deb", "--control", package, scripts)
        for script in scripts.iterdir():
            if script.name != "control":
                shutil.move(script, info / f"{name}.{script.name}")
        shutil.rmtree(scripts)
    for name in ("doc", "man", "locale", "info"):
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)


def configure(root: Path) -> None:
    """What the packages' scripts would have done, as far as it matters here."""
    etc = root / "etc"
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", etc / name)
    shutil.copy(root / "usr/share/libc-bin/nsswitch.conf", etc)
    shutil.copy(root / "usr/share/base-files/profile", etc)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with (etc / "passwd").open("a") as passwd, (etc / "group").open("a") as group:
        passwd.write("pi:x:1000:1000::/home/pi:/bin/bash\n")
        group.write("pi:x:1000:\n")
    names = [line.partition(":")[0] for line in (etc / "passwd").read_text().splitlines()]
    (etc / "shadow").write_text("".join(f"{name}:*:19000:0:99999:7:::\n" for name in names))
    (etc / "shadow").chmod(0o640)
    (etc / "sudoers.d/010_pi-nopasswd").chmod(0o440)
    run("systemd-sysusers", "--root", root)
    shutil.copytree(etc / "skel", root / "home/pi")
    run("chown", "--recursive", "1000:1000", root / "home/pi")
    (root / "home/pi/URL").symlink_to("/media/host/source.git")
    (root / "media/host").mkdir(parents=True)
    (root / "boot/firmware").mkdir(parents=True)
    (etc / "machine-id").touch()
    for link, target in (("sh", "dash"), ("awk", "mawk")):
        (root / "usr/bin" / link).unlink(missing_ok=True)
        (root / "usr/bin" / link).symlink_to(target)
    bus = root / "usr/lib/dbus-1.0/dbus-daemon-launch-helper"
    messagebus = next(
        line for line in (etc / "group").read_text().splitlines() if line.startswith("messagebus:")
    )
    os.chown(bus, 0, int(messagebus.split(":")[2]))
    bus.chmod(0o4754)
    wanted = etc / "systemd/system/multi-user.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    for unit in STARTED:
        (wanted / unit).symlink_to(f"../{unit}")
    for unit in ENABLED:
        (wanted / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    for unit in MASKED:
        (etc / "systemd/system" / unit).unlink(missing_ok=True)
        (etc / "systemd/system" / unit).symlink_to("/dev/null")
    (etc / "systemd/system/default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    run("ldconfig", "-r", root)


def wheels(folder: Path, say: Say) -> None:
    """What pip finds in the guest: packages for its Python, by today's pyproject.toml."""
    mark, place = folder / "wheels-of", folder / "host/wheels"
    wanted = sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    say("packages for pip")
    shutil.rmtree(place, ignore_errors=True)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    with tempfile.TemporaryDirectory() as name:
        run(*pip, "wheel", "--no-deps", "--wheel-dir", name, ROOT)
        (own,) = Path(name).glob("*.whl")
        kinds = [word for kind in WHEEL_KINDS for word in ("--platform", f"{kind}_aarch64")]
        words = ("--only-binary", ":all:", "--python-version", PYTHON, *kinds, "--dest", place)
        run(*pip, "download", *words, f"{own}[{EXTRAS}]", "setuptools>=77")
    for path in place.glob("rearguard-*"):
        path.unlink()  # the guest makes its own
    mark.write_text(wanted)


def source_digest() -> str:
    """Of what is committed and gets into the guest."""
    said = run(
        "git", "-C", ROOT, "ls-tree", "HEAD", "README.md", "firmware", "monitor", "pyproject.toml", "systemd"
    )
    return sha256(said).hexdigest()[:12]


def source(folder: Path) -> Path:
    """What is committed, to be cloned in the guest."""
    place = folder / "host/source.git"
    shutil.rmtree(place, ignore_errors=True)
    run("git", "clone", "--quiet", "--bare", ROOT, place)
    return place
