"""``make pi-test``: a Debian for arm64 as a Raspberry Pi, with a sensor on its bus, and what befalls it.

python -m tests.virtual_pi [STORY ...]
"""

import argparse
import os
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial

from firmware.simulated import SimulatedBus
from tests.virtual_pi import image, installation, raspi3b, stories
from tests.virtual_pi.packages import BuildError
from tests.virtual_pi.qemu import GuestError, VirtualPi, copy_of
from tests.virtual_pi.scene import BROKER_PORT, PAGE_PORT, Scene, Walker

NEEDED = {
    "qemu-system-aarch64": "qemu-system-arm",
    "qemu-img": "qemu-utils",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "make": "make",
    "bc": "bc",
    "dtc": "device-tree-compiler",
    "modprobe": "kmod",
    "cpio": "cpio",
    "mke2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "xz": "xz-utils",
}


def lacks() -> str:
    if os.geteuid() != 0:
        return "it needs root, to make a root file system"
    missing = [
        package
        for command, package in NEEDED.items()
        if shutil.which(command, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None
    ]
    return f"missing: apt-get install --no-install-recommends {' '.join(missing)}" if missing else ""


def main() -> int:
    """0 where all goes as promised, or nothing can be tried here; 1 where something does not."""
    names = (*stories.ALL, "card", "raspi3b")
    parser = argparse.ArgumentParser(prog="python -m tests.virtual_pi", description=__doc__)
    parser.add_argument("stories", nargs="*", metavar="STORY", help=f"some of: readme, {', '.join(names)}")
    wanted = parser.parse_args().stories or ["readme", *names]
    if unknown := {*wanted} - {"readme", *names}:
        parser.error(f"there is no story {', '.join(sorted(unknown))}")
    if why := lacks():
        print(f"make pi-test is skipped: {why}")
        return 0
    began_s = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began_s:5.0f} s  {words}", flush=True)

    rows: list[str] = []
    results: Counter[str] = Counter()

    def row(name: str, result: str, words: str) -> None:
        rows.append(f"{name:<16} {result:<8} {words}")
        results[result] += 1
        say(rows[-1])

    def tell(name: str, story: Callable[[], str]) -> None:
        story_s = time.monotonic()
        try:
            result, words = "ok", story()
        except (AssertionError, BuildError, GuestError) as error:
            result, words = "FAILED", str(error) or traceback.format_exc()
        row(name, result, f"{time.monotonic() - story_s:5.0f} s  {words}")

    folder = image.built(say)
    image.wheels(folder, say)
    image.source(folder)
    run = folder / "run"
    run.mkdir(exist_ok=True)
    installed, used = run / f"installed-{image.source_digest()}.qcow2", run / "card.qcow2"
    walker = Walker()
    ports = (BROKER_PORT, PAGE_PORT)
    with VirtualPi(folder, used, SimulatedBus(walker.chip), ports, run / "console.log") as pi:
        scene = Scene(pi, walker, run)
        those = [name for name in stories.ALL if name in wanted]
        those = list(dict.fromkeys(["boot", *those])) if those else []  # which all others need
        if "readme" in wanted or (those and not installed.exists()):
            installed.unlink(missing_ok=True)
            copy_of(folder / "card.img", used)
            tell("readme", partial(installation.line_by_line, scene, say))
            pi.switch_off()
            if results["ok"]:
                used.rename(installed)
        if those and installed.exists():
            copy_of(installed, used)
            for name in those:
                tell(name, partial(stories.ALL[name], scene))
            pi.switch_off()
    if "card" in wanted:
        tell("card", partial(installation.by_itself, folder, run, say))
    if "raspi3b" in wanted:
        if why := raspi3b.lacks():
            row("raspi3b", "skipped", why)
        else:
            tell("raspi3b", partial(raspi3b.report, folder))
    print("\n".join(["", *rows, "", *(f"{name}: {figure}" for name, figure in scene.figures.items())]))
    print(f"{results['ok']} as promised, {results['FAILED']} not, {results['skipped']} skipped")
    return 1 if results["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
