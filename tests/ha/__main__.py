"""``make ha-test``: what a phone gets from a real Home Assistant, story by story.

The real safety process with a simulated chip, a real Mosquitto, Home Assistant in a Debian 13 root with the
blueprint's automation, and a registered phone whose push service is ours. Needs root and debootstrap. Only
loopback is used once Home Assistant is installed.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from monitor.core.vocabulary import InputKind
from monitor.delivery import messages
from monitor.delivery.messages import Topics
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from tests.brokers import MOSQUITTO, Mosquitto
from tests.fresh.root import in_namespaces
from tests.ha.house import ROOT, HomeAssistant, Phone, Push
from tests.ha.install import VERSION, installed
from tests.listener import Listener
from tests.pulse import wait_until
from tests.test_machine import Process

CACHE = (ROOT / "build/fresh").resolve()
INSIDE = "REARGUARD_HA"
DEVICE = "grand-ma_1"  # Home Assistant bends its name
ALARM, ALERT = "binary_sensor.rearguard_grand_ma_1_alarm", "event.rearguard_grand_ma_1_alert"
STATUS = "sensor.rearguard_grand_ma_1_status"
QUIET_S = 12.0
"""So long nothing must come."""


class Stories:
    def __init__(self, folder: Path, home: HomeAssistant, broker: Mosquitto, phone: Phone) -> None:
        self.folder, self.home, self.broker, self.phone = folder, home, broker, phone
        self.topics = Topics(DEVICE)
        self.table: list[tuple[str, str]] = []
        for name, script in {
            "fall": [(2.5, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (3600.0, Move.LIE)],
            "standing": [(3600.0, Move.STAND)],
            "lying": [(3600.0, Move.LIE)],
        }.items():
            corpus.save(folder / f"{name}.npz", [simulated_walker.walk(script, 100.0, seed=1).trial(name)])
        self.device: Process | None = None

    def start(self, recording: str, *, announced: bool = True) -> Process:
        self.end()
        config = self.folder / "config.yaml"
        config.write_text(
            f"mqtt: {{device: {DEVICE}, host: 127.0.0.1, port: {self.broker.port}, "
            f"home_assistant: {str(announced).lower()}}}\n"
        )
        words = ["run", "--simulate", str(self.folder / f"{recording}.npz"), "--config", str(config)]
        self.device = Process(words)
        return self.device

    def end(self, end: signal.Signals = signal.SIGTERM) -> None:
        if self.device is not None and self.device.handle.poll() is None:
            self.device.handle.send_signal(end)
            self.device.handle.wait()
        self.device = None

    def fall(self) -> float:
        """A confirmed fall; when it began to be one."""
        began_s = time.monotonic()
        self.start("fall").until("ALERT fall confirmed")
        return began_s

    def clear(self) -> None:
        assert self.device is not None
        with Listener(self.broker.settings(DEVICE)) as spotter:
            wait_until(lambda: spotter.states() and spotter.states()[-1].incidents)
            for incident in spotter.states()[-1].incidents:
                payload = messages.encode_answer(incident.id, InputKind.CLEAR)
                spotter.say(self.topics.answer_of("test"), payload)
            self.device.until("ALERT fall cleared")

    def rings(self, since_s: float, within_s: float = 30.0, title: str = "FALL") -> Push:
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            for push in self.phone.since(since_s, rings=True):
                if title in push.title:
                    return push
            time.sleep(0.1)
        raise AssertionError(f"no ring of {title}; it got {self.got(since_s)}")

    def silent(self, since_s: float, lasting_s: float = QUIET_S) -> None:
        time.sleep(lasting_s)
        rung = self.phone.since(since_s, rings=True)
        assert not rung, f"it rang: {self.got(since_s)}"

    def got(self, since_s: float) -> list[str]:
        return [f"{push.title} | {push.message}" for push in self.phone.since(since_s)]

    def tell(self, name: str, story: Callable[[], str]) -> None:
        try:
            result = f"ok      {story()}"
        except Exception as error:  # noqa: BLE001  the other stories are told too
            result = f"FAILED  {type(error).__name__}: {error}"
        self.table.append((name, result))
        print(f"{name:<66} {result}", flush=True)

    # ---- the stories

    def entities(self) -> str:
        self.start("standing").until("green blink")
        wait_until(lambda: self.home.template(f"{{{{ states('{STATUS}') }}}}") == "watching")
        wait_until(lambda: self.home.template(f"{{{{ states('{ALARM}') }}}}") == "off")
        warned = [line for line in self.home.log().splitlines() if "mqtt" in line and "rearguard" in line]
        assert not warned, warned[:3]
        return "Status says watching; Home Assistant warns of nothing"

    def a_fall(self) -> str:
        began_s = self.fall()
        first = self.rings(began_s)
        wait_until(lambda: len(self.phone.since(first.at_s + 3.0, rings=True)) > 0)
        again_s = self.phone.since(first.at_s + 3.0, rings=True)[0].at_s - first.at_s
        status = self.home.template(f"{{{{ states('{STATUS}') }}}}")
        assert status == "FALL, nobody has answered", status
        return f"rings, again after {again_s:.0f} s"

    def an_answer(self) -> str:
        assert self.device is not None
        ring = self.phone.pushes[-1]
        self.home.press(f"REARGUARD_COMING_{ring.data['tag'].removeprefix('rearguard-')}")
        self.device.until("acknowledged by Eva")
        answered_s = time.monotonic() + 2.0
        wait_until(lambda: self.home.template(f"{{{{ states('{STATUS}') }}}}") == "FALL, Eva is coming")
        self.silent(answered_s, 17.0)
        return "the walker learns that Eva comes; it rings no more"

    def repeated(self) -> str:
        self.clear()
        since_s = time.monotonic() + 1.0
        time.sleep(1.0)
        with Listener(self.broker.settings(DEVICE)) as spotter:
            spotter.say(self.topics.request, messages.encode_repeat("Max"))
            wait_until(lambda: spotter.again())
        self.silent(since_s)
        return "nobody rings who did not ask"

    def restarted_in_peace(self) -> str:
        since_s = time.monotonic()
        self.start("standing").until("green blink")
        self.silent(since_s)
        return "nothing rings that is over"

    def restarted_with_a_fall(self) -> str:
        self.fall()
        self.end(signal.SIGKILL)
        since_s = time.monotonic()
        self.start("lying").until("ALERT fall confirmed")
        ring = self.rings(since_s)
        return f"rings {ring.at_s - since_s:.0f} s after the restart: {ring.message}"

    def home_assistant_restarts(self) -> str:
        self.home.stop()
        since_s = time.monotonic()
        self.home.start()
        started_s = time.monotonic()
        ring = self.rings(since_s)
        return f"rings {ring.at_s - started_s:+.0f} s after it has started"

    def a_broker_away(self) -> str:
        self.clear()
        time.sleep(1.0)
        since_s = time.monotonic()
        device = self.start("fall")
        device.until("ALERT fall suspected")
        self.broker.kill()
        device.until("ALERT fall confirmed")
        time.sleep(4.0)
        self.broker.start()
        back_s = time.monotonic()
        time.sleep(0.5)
        ring = self.rings(back_s, 45.0)
        assert since_s < ring.at_s
        return f"rings {ring.at_s - back_s:.0f} s after the broker is back"

    def contact_lost(self) -> str:
        self.clear()
        time.sleep(2.0)
        lost_s = time.monotonic()
        self.end(signal.SIGKILL)
        ring = self.rings(lost_s, title="NO CONTACT")
        status = self.home.template(f"{{{{ states('{STATUS}') }}}}")
        assert status in ("no contact", "unavailable"), status
        self.start("lying")
        wait_until(lambda: any("restored" in push.title for push in self.phone.since(lost_s)))
        return f"rings after {ring.at_s - lost_s:.1f} s, and says when it is back"

    def dead_before_it_starts(self) -> str:
        self.home.stop()
        self.end(signal.SIGKILL)
        since_s = time.monotonic()
        self.home.start()
        started_s = time.monotonic()
        ring = self.rings(since_s, 60.0, "NO CONTACT")
        return f"rings {ring.at_s - started_s:.0f} s after Home Assistant has started"

    def withdrawn(self) -> str:
        self.start("standing").until("green blink|armed")
        wait_until(lambda: self.home.template(f"{{{{ states('{ALARM}') }}}}") in ("on", "off"))
        self.start("standing", announced=False)
        wait_until(lambda: self.home.template(f"{{{{ states('{ALARM}') }}}}") == "unknown")
        return "the device is gone from Home Assistant"


def main() -> int:
    if lacking := lacks():
        print(f"make ha-test cannot be run here: {lacking}")
        return 2
    if INSIDE not in os.environ:
        return in_namespaces("tests.ha", INSIDE)
    with (
        installed(CACHE) as root,
        tempfile.TemporaryDirectory() as name,
        Mosquitto(Path(name)) as broker,
    ):
        os.environ["STATE_DIRECTORY"] = name
        phone = Phone()
        home = HomeAssistant(root, broker.port, phone)
        stories = Stories(Path(name), home, broker, phone)
        print(f"Home Assistant {VERSION}, protocol 5", flush=True)
        try:
            stories.start("standing")
            home.start()
            wait_until(lambda: home.template(f"{{{{ states('{ALARM}') }}}}") == "off")
            home.stop()
            home.automate(ALARM, ALERT, "Eva")
            home.start()
            for told, story in (
                ("its entities", stories.entities),
                ("a fall", stories.a_fall),
                ("answered on the phone", stories.an_answer),
                ("a spotter's program asks for all reports again", stories.repeated),
                ("Rearguard restarts, nothing is open", stories.restarted_in_peace),
                ("Rearguard is killed and restarts with an open fall", stories.restarted_with_a_fall),
                ("Home Assistant restarts with an open fall", stories.home_assistant_restarts),
                ("the broker is away across a fall", stories.a_broker_away),
                ("contact lost with an armed device", stories.contact_lost),
                ("Home Assistant starts when the device is dead", stories.dead_before_it_starts),
                ("mqtt.home_assistant is switched off", stories.withdrawn),
            ):
                stories.tell(told, story)
        finally:
            stories.end()
            home.stop()
            phone.close()
    failed = [name for name, result in stories.table if not result.startswith("ok")]
    print(f"{len(stories.table) - len(failed)} of {len(stories.table)} stories end well")
    return 1 if failed else 0


def lacks() -> str:
    """What is missing here, "" if nothing is."""
    if os.geteuid() != 0:
        return "it needs root, to enter a Debian 13 root"
    needed = ("debootstrap", "unshare", "mount", "chroot")
    missing = [name for name in needed if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None]
    if MOSQUITTO is None:
        missing.append("mosquitto")
    return f"{', '.join(missing)}: not installed" if missing else ""


if __name__ == "__main__":
    sys.exit(main())
