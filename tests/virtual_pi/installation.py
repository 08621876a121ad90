"""README's block for a Raspberry Pi, line by line, as a stranger types it; and a card that sets itself up.

Both end in an alert on the spotter's page.
"""

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from firmware.simulated import SimulatedBus
from monitor.recordings.simulated_walker import Move
from tests.fresh.blocks import ROOT, blocks
from tests.page_process import CHROMIUM, Phone, chromium
from tests.virtual_pi.qemu import VirtualPi, copy_of
from tests.virtual_pi.scene import BROKER_PORT, PAGE_PORT, PATIENCE_S, Scene, Walker, until

INSTALL_S = 3600.0


def line_by_line(scene: Scene, say: Callable[[str], None]) -> str:
    pi = scene.pi
    say(f"booted in {pi.switch_on():.0f} s")
    pi.do("apt-get update")  # as the first start of a Raspberry Pi does
    said, folder = "", "/home/pi"
    for command in blocks(ROOT / "README.md")[1]:
        began_s = time.monotonic()
        if "calibrate" in command:
            said += calibrate(scene, f"cd {folder} && {command}")
        else:
            said += pi.do(f"cd {folder} && {command} && pwd >/tmp/where", "pi", INSTALL_S)
            folder = pi.do("cat /tmp/where")
        say(f"{command.partition('#')[0].strip()}: {time.monotonic() - began_s:.0f} s")
        if "install --spotter" in command:
            scene.figures["installation"] = f"{time.monotonic() - began_s:.0f} s"
    (scene.folder / "installation.log").write_text(said)
    link = re.search(r"http://\S+(#enter=\S+)", said)
    assert link is not None, "no address of the page was shown"
    return on_the_page(scene, f"http://127.0.0.1:{pi.port(PAGE_PORT)}/{link[1]}")


def calibrate(scene: Scene, command: str) -> str:
    """He walks when he is told to."""
    pi = scene.pi
    pi.do(f"{{ su - pi -c '{command}'; echo ended $?; }} >/tmp/calibrate 2>&1 &")
    until(lambda: "walk ten steps" in pi.do("cat /tmp/calibrate"), "calibrate asks for ten steps")
    with pi.adapter.lock:
        scene.walker.does([(15.0, Move.FORWARD), (2.0, Move.STAND)])
    until(lambda: "ended" in pi.do("cat /tmp/calibrate"), "calibrate ends")
    said = pi.do("cat /tmp/calibrate")
    assert "ended 0" in said, said
    assert "Written to /etc/rearguard/config.yaml" in said, said
    assert 'mounting "+x +y +z"' not in said, said
    return said


SELF_MADE = """spotters:
  eva: Brown-kettle-7
sensor:
  mounting: "-y +x +z"
"""
"""rearguard.txt; the mounting saves the calibration."""
ASKED, DONE, ANSWER = (f"/boot/firmware/rearguard{name}.txt" for name in ("", "-done", "-result"))
STATUS = "systemctl show --value --property StatusText rearguard"


def by_itself(folder: Path, run: Path, say: Callable[[str], None]) -> str:
    """A card that brings all it needs: no network, nobody types, the power is cut once on the way.

    ``folder`` holds the virtual Pi's parts. The line for commands only looks.
    """
    image, alone = run / "self.img", run / "alone"
    subprocess.run(("cp", "--sparse=always", folder / "card.img", image), check=True)
    (run / "rearguard.txt").write_text(SELF_MADE)
    began_s = time.monotonic()
    brings = (f"--{name}={folder / 'host' / name}" for name in ("wheels", "packages"))
    words = (ROOT / "systemd/card", image, *brings, f"--settings={run / 'rearguard.txt'}")
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    say(f"card made in {time.monotonic() - began_s:.0f} s")
    (alone / "host").mkdir(
        parents=True, exist_ok=True
    )  # what is lent to other guests is not lent to this one
    for name in ("vmlinuz", "initramfs.gz", "pi.dtb"):
        (alone / name).unlink(missing_ok=True)
        (alone / name).symlink_to(folder / name)
    walker = Walker()
    card = copy_of(image, run / "self.qcow2")
    with VirtualPi(alone, card, SimulatedBus(walker.chip), (BROKER_PORT, PAGE_PORT), run / "self.log") as pi:
        pi.switch_on()
        until(
            lambda: pi.ask("test -e /opt/rearguard/a/wheels/whole").status == 0, "it is under way", INSTALL_S
        )
        cut_s = time.monotonic() - pi.began_s
        pi.cut_power()
        say(f"power cut after {cut_s:.0f} s, while the program is built")
        pi.switch_on()
        until(lambda: pi.ask(f"test -e {ASKED}").status == 1, "the file is done with", INSTALL_S)
        done_s = time.monotonic() - pi.began_s
        until(lambda: pi.do(STATUS).startswith("armed"), "armed")
        armed_s = time.monotonic() - pi.began_s
        answer = pi.do(f"cat {ANSWER}")
        (run / "rearguard-result.txt").write_text(answer)
        assert "http://walker-pi.local:8180/\neva: open it" in answer.replace("\r", ""), answer
        assert "kettle" not in pi.do(f"cat {DONE} {ANSWER}"), "a code is left on the card"
        log = pi.do("journalctl --unit rearguard-first-boot --no-pager")
        (run / "first-boot.log").write_text(log)
        assert not re.search("kettle| eva", log), log
        until(lambda: pi.ask(f"ss -ltn | grep -q :{PAGE_PORT}").status == 0, "the page is served")
        on_the_page(Scene(pi, walker, run), f"http://127.0.0.1:{pi.port(PAGE_PORT)}/#enter=brown-kettle-7")
        pi.switch_off()
        pi.switch_on()
        until(lambda: pi.do(STATUS).startswith("armed"), "armed at the next start")
        ran = pi.do("systemctl show --value --property ExecMainStartTimestampMonotonic rearguard-first-boot")
        assert ran == "0", f"it was set up again: {ran}"
    times = f"power cut at {cut_s:.0f} s; then set up after {done_s:.0f} s, armed after {armed_s:.0f} s"
    return f"{times}; the code let eva in"


def on_the_page(scene: Scene, link: str) -> str:
    assert CHROMIUM is not None, "chromium is missing: make test installs it"
    with chromium() as browser:
        phone = Phone(browser, link)
        phone.page.set_default_timeout(PATIENCE_S * 1000)
        phone.start()
        phone.until("document.querySelector('main .look .word')?.textContent === 'Safe'")
        scene.fall()
        phone.shows("Down")
        phone.page.screenshot(path=scene.folder / "page.png")
        phone.press("I'm coming")
        until(
            lambda: scene.pi.do("systemctl status rearguard --no-pager --lines 40").count("acknowledged"),
            "the walker's side shows who comes",
        )
        assert not phone.complaints, phone.complaints
    return "the page showed Down; its answer reached the device"
