"""``make chaos``: alerts are raised while everything between sensor and spotter is broken at random.

A real Mosquitto, the real loop, alarm and link in a process of their own, a proxy that can go silent, and a
receiver that drops duplicates. One fault at a time, healed before the next. It fails unless every alert that
reached the disk arrives, none is shown twice, none late is shown as new, each fault is seen at both ends
within its limit and none clears a standing alarm.
"""

import argparse
import contextlib
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path

from monitor.core.vocabulary import AlertKind, InputKind
from monitor.delivery.messages import encode_answer
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.incident import LATE_S, Notice
from tests.brokers import Mosquitto, Proxy
from tests.listener import Listener
from tests.pulse import PATIENCE_S, wait_until

Key = tuple[str, int]

STEPS = ("put", "save", "publish", "sent", "ack", "remove")
BEFORE_DISK = ("put", "save")

WALKER_LIMIT_S = 3.0
"""The link is lost after 3 s without an acknowledgement."""

SPOTTER_LIMIT_S = 3.0 + 1.0
"""Three beats without news, and up to one more since the last."""

SLACK_S = 1.0
"""For the load of a test machine."""


class Walker:
    """The safety process, restarted at will; what it told."""

    def __init__(self, port: int, store: Path) -> None:
        self._port, self._store = port, store
        self.raised: dict[Key, float] = {}
        self.kinds: dict[Key, str] = {}
        self.words: list[tuple[str, float]] = []
        self.boots: list[str] = []
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos_walker", str(self._port), str(self._store)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            told = json.loads(line)
            if "sequence" in told:
                self.raised[told["boot"], told["sequence"]] = told["time_s"]
                self.kinds[told["boot"], told["sequence"]] = told["kind"]
            elif "word" in told:
                self.words.append((told["word"], told["at_s"]))
            else:
                self.boots.append(told["up"])

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it may have died, as it was told to
            self._process.stdin.write(line + "\n")

    def dead(self) -> bool:
        return self._process.poll() is not None

    def told(self, word: InputKind, since_s: float) -> float | None:
        """Seconds from ``since_s`` until the walker's side heard ``word``."""
        return next((at_s - since_s for kind, at_s in self.words if kind == word and at_s >= since_s), None)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):  # a word it did not live to hear
            self._process.stdin.close()
        self._process.stdout.close()


class Chaos:
    """One run. ``problems`` is what must not be, ``seen`` how soon each end saw each fault.

    Every limit is looked at with ``slack_s``.
    """

    def __init__(self, seed: int, folder: Path, slack_s: float = SLACK_S) -> None:
        self._slack_s = slack_s
        self._random = random.Random(seed)
        self.problems: list[str] = []
        self.seen: dict[str, list[float]] = defaultdict(list)
        self.faults: Counter[str] = Counter()
        self.unwritten: set[Key] = set()
        self.broker = Mosquitto(folder)
        self.broker.start()
        self.proxy = Proxy(self.broker.port)
        self.walker = Walker(self.proxy.port, folder / "outbox.sqlite")
        self.spotter = Listener(MqttSettings(host="127.0.0.1", port=self.broker.port))
        self.disturbed: list[tuple[float, float]] = []
        self._sensor_lost = False
        self._steps = cycle(self._shuffled(STEPS))

    def run(self, alerts: int, faults: list[str] | None = None) -> None:
        """Until ``alerts`` are raised; with ``faults`` in turn, or from a shuffled deck, every 25 alerts."""
        deck = cycle(self._shuffled(["broker", "cut", "kill", "kill", "disk", "clock"]))
        turn = list(faults or [])
        each = max(1, alerts // (len(turn) + 1)) if turn else 25
        with self.spotter:
            wait_until(lambda: not self.spotter.view.no_contact)
            while turn or len(self.walker.raised) < alerts:
                goal = len(self.walker.raised) + each
                while len(self.walker.raised) < goal:
                    self._live()
                if faults is None:
                    self._break(next(deck))
                elif turn:
                    self._break(turn.pop(0))
            self._settle()
        self._judge()

    def close(self) -> None:
        self.walker.end()
        self.proxy.close()
        self.broker.close()

    def _shuffled(self, things: Sequence[str]) -> list[str]:
        return self._random.sample(things, len(things))

    def _live(self) -> None:
        """One more alert or so: an event, or an answer to what stands."""
        incidents = [s for s in self.spotter.view.open if s.boot == self.walker.boots[-1]]
        if incidents and self._random.random() < 0.4:
            word = self._random.choice([InputKind.COMING, InputKind.FALSE_ALARM, InputKind.CLEAR])
            payload = encode_answer(self._random.choice(incidents).id, word, "chaos")
            self.spotter.say("rearguard/walker/answer", payload)
        else:
            kinds = ["falling", "down", "upright", "stumble", "unsafe_step"]
            self.walker.say(self._random.choice([*kinds, self._other_of_sensor()]))
        time.sleep(self._random.uniform(0.0, 0.08))

    def _other_of_sensor(self) -> str:
        self._sensor_lost = not self._sensor_lost
        return "sensor_lost" if self._sensor_lost else "sensor_back"

    def _sensor(self) -> None:
        """An alert whatever stands: the sensor is lost, or back."""
        self.walker.say(self._other_of_sensor())

    def _fall(self) -> str:
        """A fall that stands, unanswered or not; its id."""

        def incident() -> str | None:
            boot = self.walker.boots[-1]
            falls = (s for s in self.spotter.view.open if s.kind is AlertKind.FALL and s.boot == boot)
            return next((s.id for s in falls), None)

        time.sleep(0.5)  # answers still under way are none to this one
        self.walker.say("down")
        wait_until(incident)
        return incident() or ""

    def _break(self, fault: str) -> None:
        incident = self._fall()
        began_s = time.monotonic()
        self.faults[fault] += 1
        {
            "broker": self._kill_broker,
            "cut": self._cut,
            "kill": self._kill,
            "disk": self._fill,
            "clock": self._jump,
        }[fault](began_s)
        wait_until(lambda: not self.spotter.view.no_contact)
        self.disturbed.append((began_s - 0.1, time.monotonic() + 3.0))
        wait_until(lambda: self.spotter.view.state and self.spotter.view.state.waiting == 0)
        state = self.spotter.view.state
        at_device = {entry.id for entry in state.incidents} if state else set()
        for where, open_ids in (
            ("the spotter", {open_.id for open_ in self.spotter.view.open}),
            ("the device", at_device),
        ):
            if incident not in open_ids:
                self.problems.append(f"after {fault} the open fall {incident} is unknown to {where}")

    def _broken_link(self, began_s: float, name: str, heal: Callable[[], None]) -> None:
        """Raise alerts that nobody answers, until both ends have seen it; then heal."""
        deadline_s = began_s + self._random.uniform(4.5, 7.0)

        def seen() -> bool:
            return None not in (
                self.walker.told(InputKind.LINK_LOST, began_s),
                self._rang(began_s, "NO CONTACT"),
            )

        while time.monotonic() < deadline_s or not (seen() or time.monotonic() > deadline_s + self._slack_s):
            self._sensor()
            time.sleep(self._random.uniform(0.05, 0.3))
        self._seen(f"{name}: walker", self.walker.told(InputKind.LINK_LOST, began_s), WALKER_LIMIT_S)
        self._seen(f"{name}: spotter", self._rang(began_s, "NO CONTACT"), SPOTTER_LIMIT_S)
        healed_s = time.monotonic()
        heal()
        wait_until(lambda: self.walker.told(InputKind.LINK_BACK, healed_s))
        self._seen(f"{name}: healed", self.walker.told(InputKind.LINK_BACK, healed_s), 5.0)

    def _kill_broker(self, began_s: float) -> None:
        self.broker.kill()
        self._broken_link(began_s, "broker killed", self.broker.start)

    def _cut(self, began_s: float) -> None:
        self.proxy.silent = True

        def heal() -> None:
            self.proxy.silent = False

        self._broken_link(began_s, "link cut silently", heal)

    def _kill(self, _: float) -> None:
        step = next(self._steps)
        self.faults[f"kill at {step}"] += 1
        # A fall is among its last words; it dies on the way of one of them.
        wait_until(lambda: self.spotter.view.state and self.spotter.view.state.waiting == 0)
        before = set(self.walker.raised)
        self.walker.say(f"die {step}")
        told_s = alive_s = time.monotonic()
        while not self.walker.dead():
            assert alive_s < told_s + PATIENCE_S
            alive_s = time.monotonic()
            self._sensor()
            time.sleep(0.02)
        wait_until(lambda: self._rang(told_s, "offline"))
        will_s = self._rang(told_s, "offline") or 0.0
        self._seen("process killed: spotter", max(0.0, told_s + will_s - alive_s), 0.0)
        self.walker.end()
        if step in BEFORE_DISK:
            self.unwritten |= set(self.walker.raised) - before
        boots = len(self.walker.boots)
        self.walker.start()
        wait_until(lambda: len(self.walker.boots) > boots)
        boot = self.walker.boots[-1]
        wait_until(lambda: self.spotter.view.state and self.spotter.view.state.boot == boot)

    def _fill(self, began_s: float) -> None:
        self.walker.say("disk full")
        for _ in range(12):
            self._sensor()
            time.sleep(0.1)
        wait_until(lambda: self.walker.told(InputKind.FAULT, began_s))
        self._seen("disk full: walker", self.walker.told(InputKind.FAULT, began_s), 1.0)
        wait_until(lambda: self._rang(began_s, "fault:"))
        self._seen("disk full: spotter", self._rang(began_s, "fault:"), 2.0)
        self.walker.say("disk free")
        wait_until(lambda: self.walker.told(InputKind.FAULT_GONE, began_s))

    def _jump(self, _: float) -> None:
        self.walker.say(f"clock {self._random.choice([-86_400, -3_700, -30, 30, 3_700, 86_400])}")
        for _ in range(5):
            self._sensor()
            time.sleep(0.05)

    def _rang(self, since_s: float, words: str) -> float | None:
        """Seconds from ``since_s`` until the spotter was told so."""
        heard = zip(list(self.spotter.heard_s), self.spotter.notices, strict=False)
        return next((at_s - since_s for at_s, n in heard if at_s >= since_s and words in n.text), None)

    def _seen(self, what: str, after_s: float | None, limit_s: float) -> None:
        if after_s is None or after_s > limit_s + self._slack_s:
            when = "never" if after_s is None else f"after {after_s:.1f} s"
            self.problems.append(
                f"{what}: seen {when}, the limit is {limit_s:.0f} s and {self._slack_s:.0f} s"
            )
        if after_s is not None:
            self.seen[what].append(after_s)

    def _arrived(self) -> set[Key]:
        return {(alert.boot, alert.sequence) for alert in self.spotter.alerts()}

    def _settle(self) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while set(self.walker.raised) - self.unwritten - self._arrived() and time.monotonic() < deadline_s:
            time.sleep(0.1)

    def _judge(self) -> None:
        missing = set(self.walker.raised) - self.unwritten - self._arrived()
        if missing:
            self.problems.append(f"{len(missing)} alerts did not arrive: {sorted(missing)[:5]}")
        shown: Counter[tuple[str, int, str]] = Counter()
        for at_s, notice in zip(self.spotter.heard_s, self.spotter.notices, strict=True):
            if notice.incident is None or "still without" in notice.text or "has restarted" in notice.text:
                continue
            shown[notice.incident.boot, notice.incident.sequence, notice.incident.stage] += 1
            self._judge_age(at_s, notice)
        twice = [key for key, times in shown.items() if times > 1]
        if twice:
            self.problems.append(f"{len(twice)} stages were shown twice: {twice[:5]}")

    def _judge_age(self, at_s: float, notice: Notice) -> None:
        assert notice.incident is not None
        event_s = self.walker.raised.get((notice.incident.boot, notice.incident.sequence))
        if event_s is None:
            return
        true_s = at_s - event_s
        if notice.age_s < true_s - self._slack_s / 2:
            self.problems.append(f"{true_s:.1f} s old, shown as {notice.age_s:.1f} s: {notice.text}")
        if true_s > LATE_S + self._slack_s / 2 and "LATE" not in notice.text:
            self.problems.append(f"{true_s:.1f} s old, shown as new: {notice.text}")

    def undisturbed_s(self) -> list[float]:
        """From the event to the spotter, for what was told while nothing was broken."""
        return [
            notice.age_s
            for at_s, notice in zip(self.spotter.heard_s, self.spotter.notices, strict=True)
            if notice.incident is not None
            and "still without" not in notice.text
            and not any(start_s <= at_s <= end_s for start_s, end_s in self.disturbed)
        ]

    def figures(self) -> str:
        lines = [
            f"alerts raised {len(self.walker.raised)}, arrived {len(self._arrived())}, "
            f"killed before they were on disk {len(self.unwritten - self._arrived())}, "
            f"duplicates dropped {self.spotter.view.duplicates}",
            "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items())),
        ]
        for what, after_s in sorted(self.seen.items()):
            middle_s, worst_s = statistics.median(after_s), max(after_s)
            lines.append(f"{what:28} median {middle_s:5.2f} s  worst {worst_s:5.2f} s  n {len(after_s)}")
        calm_s = sorted(self.undisturbed_s())
        if calm_s:
            lines.append(
                f"undisturbed, event to spotter: median {1e3 * statistics.median(calm_s):.1f} ms, "
                f"p99 {1e3 * calm_s[int(0.99 * (len(calm_s) - 1))]:.1f} ms, n {len(calm_s)}"
            )
        return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alerts", type=int, default=1000)
    options = parser.parse_args()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        chaos = Chaos(options.seed, Path(folder))
        try:
            chaos.run(options.alerts)
        finally:
            chaos.close()
    print(f"seed {options.seed}, {time.monotonic() - began_s:.0f} s")
    print(chaos.figures())
    for problem in chaos.problems[:20]:
        print(f"FAILED: {problem}")
    print("FAILED" if chaos.problems else "passed")
    return 1 if chaos.problems else 0


if __name__ == "__main__":
    sys.exit(main())
