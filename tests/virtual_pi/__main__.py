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
    parser = argparse.ArgumentParser(prog="python -m tests.virtual_pi", description=__doc__)
    parser.add_argument("stories", nargs="*", metavar="STORY", help=f"some of: {', '.join(stories.ALL)}")
    args = parser.parse_args()
    if why := lacks():
        print(f"make pi-test cannot be run here: {why}")
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

    def told(name: str, story: Callable[[], str]) -> None:
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
    walker = Walker()
    with VirtualPi(
        folder, run / "card.qcow2", SimulatedBus(walker.chip), (BROKER_PORT, PAGE_PORT), run / "console.log"
    ) as pi:
        scene = Scene(pi, walker, run)
        if not (run / "installed.qcow2").exists() or not args.stories:
            copy_of(folder / "card.img", run / "card.qcow2")
            say(f"booted in {pi.switch_on():.0f} s")
            say(installation.line_by_line(scene, say))
            pi.switch_off()
            (run / "card.qcow2").rename(run / "installed.qcow2")
        copy_of(run / "installed.qcow2", run / "card.qcow2")
        for name in args.stories or stories.ALL:
            told(name, partial(stories.ALL[name], scene))
        pi.switch_off()
    if not args.stories:
        if why := raspi3b.lacks():
            row("raspi3b", "skipped", why)
        else:
            told("raspi3b", partial(raspi3b.report, folder))
    print("\n".join(["", *rows, "", *(f"{name}: {figure}" for name, figure in scene.figures.items())]))
    print(f"{results['ok']} as promised, {results['FAILED']} not, {results['skipped']} skipped")
    return 1 if results["FAILED"] else 0


if __name__ == "__main__":
    sys.exit(main())
