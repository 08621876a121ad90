"""README's block for a Raspberry Pi, line by line, as a stranger types it. It ends on the page."""

import re
import time
from collections.abc import Callable

from monitor.recordings.simulated_walker import Move
from tests.fresh.blocks import ROOT, blocks
from tests.page_process import CHROMIUM, Phone, chromium
from tests.virtual_pi.scene import PAGE_PORT, PATIENCE_S, Scene, until

INSTALL_S = 3600.0


def line_by_line(scene: Scene, say: Callable[[str], None]) -> str:
    pi = scene.pi
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
