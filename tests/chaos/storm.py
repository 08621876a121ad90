"""One seed's run: faults that overlap, restarts in the middle of incidents; after each heal a judgement."""

import random
import signal
import sqlite3
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from monitor.core.vocabulary import AlertKind, Certainty, FaultCode, InputKind, Priority, Stage
from monitor.delivery import messages
from monitor.delivery.mqtt import MqttSettings
from monitor.recordings.journal.file import FILE
from monitor.recordings.journal.sessions import sessions
from monitor.spotter.incident import Notice
from tests.brokers import Mosquitto, Proxy
from tests.chaos.device import Device
from tests.chaos.patched import STEPS
from tests.chaos.receivers import Home, Phone, Spotter

SLACK_S = 2.0
"""On every limit, for the load of a test machine."""

LIMITS_S = {
    "a report reaches a client": 1.0,
    "a spotter has contact again": 8.0,
    "both ends agree on what is open": 4.0,
    "the device knows who has it": 6.0,
    "the lamp says so": 1.0,
    "Home Assistant rings for it": 2.0,
    "the phone has it": 15.0,
    "an answer reaches the walker": 2.0,
    "an answer reaches the other spotter": 2.0,
    "armed is the same at both ends": 10.0,
    "the session is recorded again": 4.0,
    "the walker learns of a cut": 4.0,
    "a spotter learns of a cut": 4.0,
    "a spotter learns of a death": 2.0,
}
"""Within how long, from when it could be known."""

RIGHT_AGE_S = 2.0
NAMES = ("Eva", "Tom")


class Storm:
    """``problems`` is what must not be, ``seen`` how long each judged thing took."""

    def __init__(self, seed: int, folder: Path, mutant: str = "-", slack_s: float = SLACK_S) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.seed, self._slack_s = seed, slack_s
        self._random = random.Random(seed)
        self.problems: list[str] = []
        self.seen: dict[str, list[float]] = defaultdict(list)
        self.faults: Counter[str] = Counter()
        self.broker = Mosquitto(folder)
        self.broker.file.write_text(
            self.broker.file.read_text()
            + "persistence true\n"
            + f"persistence_location {folder}/\nuser root\n"
        )
        self.broker.start()
        self.ways = [Proxy(self.broker.port) for _ in range(3)]
        device, *spotters = (MqttSettings(host="127.0.0.1", port=way.port) for way in self.ways)
        self.device = Device(folder, device.port, mutant, seed)
        self.home = Home(MqttSettings(host="127.0.0.1", port=self.broker.port))
        self.spotters = [Spotter(way, name) for way, name in zip(spotters, NAMES, strict=True)]
        self.phone = Phone(folder, self.broker.port)
        self._ended: set[str] = set()  # incidents that we ended
        self._unsaved = False  # something may not have been written before the process died
        self.device.start()

    def run(self, restarts: int, alerts: int, deadline_s: float = float("inf")) -> None:
        """Until so many restarts and alerts, or the deadline (monotonic)."""
        self._until(
            "a spotter has contact again", lambda: all(not s.view.no_contact for s in self.spotters), 30.0
        )
        while (self.device.restarts < restarts or self.home.last < alerts) and time.monotonic() < deadline_s:
            self._wait_for_fall()
            self._round()
            if not self.faults["disarmed"] or self._random.random() < 0.15:
                self._disarm_and_arm()
        self._end()

    def close(self) -> None:
        self.device.end()
        for spotter in self.spotters:
            spotter.stop()
        self.phone.close()
        self.home.close()
        for way in self.ways:
            way.close()
        self.broker.close()

    # ---- what is broken

    def _round(self) -> None:
        """Some faults at once, restarts among them, then all is healed and judged."""
        kinds = ["broker", "way", "spotter's way", "spotter", "notifier", "phone", "cable", "disk"]
        chosen = self._random.sample(kinds, self._random.choice([0, 1, 1, 2, 3]))
        heals = [self._break(kind) for kind in chosen]
        for _ in range(self._random.choice([2, 3, 4])):
            self._restart(heals == [])
            time.sleep(self._random.uniform(0.0, 1.0))
        for heal in heals:
            heal()
        self._judge()
        for spotter in self.spotters:
            for incident in list(spotter.view._orphans):
                self._ended.add(incident)
                spotter.answer(incident, InputKind.COMING)
        self._unsaved = False
        self._answer()
        self._until("both ends agree on what is open", self._agreed, 30.0)
        self._test()
        if self._random.random() < 0.1:
            self._cut()

    def _break(self, kind: str) -> Callable[[], None]:
        """What heals it."""
        self.faults[kind] += 1
        spotter = self._random.choice(self.spotters)
        match kind:
            case "broker":
                self.broker.kill()
                return self.broker.start
            case "way" | "spotter's way":
                way = self.ways[0] if kind == "way" else self.ways[1 + self.spotters.index(spotter)]
                way.silent = True
                return lambda: setattr(way, "silent", False)
            case "spotter":
                spotter.stop()
                return spotter.start
            case "notifier":
                self.phone.kill()
                return self.phone.start
            case "phone":
                self.phone.refuses = True
                return lambda: setattr(self.phone, "refuses", False)
            case "cable":
                self.device.unplug()
                return lambda: self.device.unplug() if self.device.unplugged else None
        self._unsaved = True
        self.device.fill(True)
        return lambda: self.device.fill(False)

    def _restart(self, undisturbed: bool) -> None:
        """The safety process ends, one way or another, and is started again, as systemd does."""
        way = self._random.choice(["kill", "kill", "term", "hang", *(f"die {step}" for step in STEPS)])
        self.faults[way.split()[0]] += 1
        if way.startswith("die"):
            mark = self.device.folder / f"die-{way.split()[1]}"
            mark.touch()
            self._unsaved = self._unsaved or way in ("die put", "die save")
            self._request(InputKind.TEST)
            deadline_s = time.monotonic() + 2.0
            while self.device.alive and time.monotonic() < deadline_s:
                time.sleep(0.02)
            mark.unlink(missing_ok=True)
        if way == "hang":
            self.device.send(signal.SIGSTOP)
            time.sleep(3.2)  # systemd's watchdog
        known_s = time.monotonic()
        self.device.end(signal.SIGTERM if way == "term" else signal.SIGKILL)
        if undisturbed and way == "kill":
            for spotter in self.spotters:
                self._until("a spotter learns of a death", partial(_lost, spotter), 30.0, known_s)
        self.device.start()
        self.device.restarts += 1
        boot_s = time.monotonic()
        while not self.device.said or self.device.said[-1][0] < boot_s:
            time.sleep(0.02)
            if time.monotonic() - boot_s > 20.0:
                self.problems.append(f"it does not start again after {way}")
                return
        time.sleep(self._random.uniform(0.2, 1.0))

    def _request(self, word: InputKind) -> None:
        self._random.choice(self.spotters).request(word)

    def _cut(self) -> None:
        """The device's way goes silent while all else is well."""
        self.faults["cut"] += 1
        self._calm()
        began_s = time.monotonic()
        self.ways[0].silent = True
        self._until(
            "the walker learns of a cut",
            partial(self.device.first_said, "ALERT link", began_s),
            30.0,
            began_s,
        )
        for spotter in self.spotters:
            self._until(
                "a spotter learns of a cut", partial(spotter.rang, "NO CONTACT", began_s), 30.0, began_s
            )
        self.ways[0].silent = False
        self._judge()

    def _calm(self) -> None:
        self._until("a spotter has contact again", self._contact, 40.0)
        quiet = {AlertKind.LINK, AlertKind.TEST}
        self._quietly(lambda: not quiet & {entry.kind for entry in self._open()}, 40.0)

    # ---- what is judged

    def _judge(self) -> None:
        """After all is healed: who knows of what?"""
        self._until("a spotter has contact again", self._contact, 40.0)
        self._until("both ends agree on what is open", self._agreed, 30.0)
        self._until("the device knows who has it", self._received, 30.0)
        self._until("the lamp says so", self._lamp_is_right, 15.0)
        self._until("Home Assistant rings for it", self._home_is_right, 15.0)
        self._until("the phone has it", self._phone_is_right, 40.0)
        self._until("the session is recorded again", self._is_recorded, 15.0)
        open_now = {entry.id for entry in self._open()}
        for incident, last in self._confirmed().items():
            forgotten = any(self._orphan(spotter, incident) for spotter in self.spotters)
            known_over = incident in self._ended or self._is_over(incident)
            if incident not in open_now and not known_over and not forgotten:
                self.problems.append(
                    f"the confirmed fall {incident} is gone; its last report was {last.stage}"
                )
        for spotter in self.spotters:
            twice = [key for key, times in spotter.shown.items() if times > 1]
            if twice:
                said = [notice.text for _, notice in spotter.notices if _names(notice, twice[0])]
                self.problems.append(f"{spotter.name} was shown twice: {twice[:3]}, as {said}")
                spotter.shown.clear()

    def _open(self) -> tuple[messages.Incident, ...]:
        state = self.home.state
        return state.incidents if state is not None else ()

    def _urgent(self) -> list[messages.Incident]:
        return [
            entry for entry in self._open() if entry.priority is Priority.HIGH and entry.stage is Stage.ACTIVE
        ]

    def _contact(self) -> bool:
        return self.home.state is not None and all(not spotter.view.no_contact for spotter in self.spotters)

    def _agreed(self) -> bool:
        """What a full disk kept from the file is forgotten with the process: spotters are told to look."""
        at_device = {(entry.id, entry.certainty, entry.stage) for entry in self._open()}
        return self.home.state is not None and all(
            {(i.id, i.certainty, i.stage) for i in spotter.view.open if not self._orphan(spotter, i.id)}
            == at_device
            for spotter in self.spotters
        )

    def _orphan(self, spotter: Spotter, incident: str) -> bool:
        return self._unsaved and incident in spotter.view._orphans

    def _received(self) -> bool:
        return self.home.state is not None and all(
            set(NAMES) <= set(entry.received_by) for entry in self._urgent()
        )

    def _lamp_is_right(self) -> bool:
        state = self.home.state
        if state is None:
            return False
        if self._urgent():
            return self.device.lamp.startswith("red")
        if not state.incidents:
            return self.device.lamp.startswith("green" if state.armed else "white")
        return not self.device.lamp.startswith(("green", "red"))

    def _home_is_right(self) -> bool:
        urgent = {entry.id for entry in self._urgent()}
        tests = {entry.id for entry in self._open() if entry.kind is AlertKind.TEST}
        return self.home.ringing in urgent if urgent else self.home.ringing in tests | {""}

    def _phone_is_right(self) -> bool:
        """It has rung for a fall that is open, since that began."""
        falls = [entry for entry in self._urgent() if entry.kind is AlertKind.FALL]
        now_s = time.monotonic()
        return all(self.phone.got("FALL", now_s - entry.age_s - 3600.0) is not None for entry in falls)

    def _confirmed(self) -> dict[str, messages.AlertMessage]:
        """Falls that were reported as confirmed, with their latest report."""
        found = {}
        for _, report in sorted(self.home.reports.values(), key=lambda entry: entry[1].sequence):
            if report.kind is AlertKind.FALL and report.certainty is Certainty.CONFIRMED:
                found[report.id] = report
        return found

    def _is_recorded(self) -> bool:
        return self.home.state is not None and all(
            entry.fault != FaultCode.JOURNAL for entry in self.home.state.incidents
        )

    def _look_into_the_journal(self) -> None:
        """It is whole, and lacks no alert before the last one of a session, unless it names a hole."""
        path = self.device.folder / FILE
        with closing(sqlite3.connect(path)) as file:
            if (found := file.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                self.problems.append(f"the journal is damaged: {found[:3]}")
        for session in sessions(path):
            numbers = [alert.sequence for alert in session.alerts()]
            every = list(range(min(numbers, default=1), max(numbers, default=0) + 1))
            if numbers != every and not session.holes():
                self.problems.append(f"session {session.number} lacks alerts: it has {numbers}")

    def _is_over(self, incident: str) -> bool:
        """Somebody of ours has ended it."""
        return any(
            report.id == incident and report.stage.ended and report.who in (*NAMES, "walker")
            for _, report in self.home.reports.values()
        )

    def _answer(self) -> None:
        """A spotter comes, and clears; the walker and the other spotter learn it."""
        for entry in self._urgent():
            one, other = self._random.sample(self.spotters, 2)
            for word, stage in ((InputKind.COMING, Stage.ACKNOWLEDGED), (InputKind.CLEAR, Stage.CLEARED)):
                said_s = time.monotonic()
                if word is InputKind.CLEAR:
                    self._ended.add(entry.id)
                one.answer(entry.id, word)
                self._until(
                    "an answer reaches the walker",
                    partial(self._said_answer, said_s, one.name, stage),
                    15.0,
                )
                self._until(
                    "an answer reaches the other spotter",
                    partial(self._knows, said_s, other, entry.id, stage),
                    15.0,
                )
                if self._fell_again(said_s):
                    break

    def _said_answer(self, since_s: float, who: str, stage: Stage) -> bool:
        return self._fell_again(since_s) or any(
            at_s >= since_s and " ALERT " in line and f"{stage} by {who}" in line
            for at_s, line in list(self.device.said)
        )

    def _fell_again(self, since_s: float) -> bool:
        """Another fall makes an acknowledged one active again: then the story is another."""
        return any(
            at_s >= since_s and "ALERT fall" in line and " by " not in line
            for at_s, line in list(self.device.said)
        )

    def _knows(self, since_s: float, spotter: Spotter, incident: str, stage: Stage) -> bool:
        known = spotter.view.incidents.get(incident)
        right = stage.ended if known is None else known.stage is stage
        return right or self._fell_again(since_s)

    def _test(self) -> None:
        """A fresh report, while all is well: in time, and of the right age."""
        self._calm()
        asked_s = time.monotonic()
        self._request(InputKind.TEST)
        if not self._quietly(
            lambda: self.device.first_said("ALERT test confirmed", asked_s) is not None, 15.0
        ):
            self.problems.append("a test that was asked for is not raised")
            return
        raised_s = asked_s + (self.device.first_said("ALERT test confirmed", asked_s) or 0.0)

        def reported() -> bool:
            return any(
                report.kind is AlertKind.TEST and report.stage is Stage.ACTIVE and at_s >= asked_s
                for at_s, report in list(self.home.reports.values())
            )

        self._until("a report reaches a client", reported, 20.0, raised_s)
        for spotter in self.spotters:
            for incident in list(spotter.view.incidents.values()):
                if incident.kind is AlertKind.TEST and not incident.stage.ended:
                    wrong_s = abs(incident.event_s - raised_s)
                    if wrong_s > RIGHT_AGE_S + self._slack_s:
                        self.problems.append(f"{spotter.name} is shown a test {wrong_s:.1f} s off its time")

    def _disarm_and_arm(self) -> None:
        """Only a person disarms, and what he wishes outlives a restart."""
        self._calm()
        self.faults["disarmed"] += 1
        asked_s = time.monotonic()
        self._request(InputKind.DISARM)
        self._until("armed is the same at both ends", lambda: self._armed_is(False), 30.0, asked_s)
        self.device.end()
        self.device.start()
        self.device.restarts += 1
        self._until("armed is the same at both ends", lambda: self._armed_is(False), 30.0)
        self._request(InputKind.ARM)
        self.device.end()  # it arms once the walker stands still, as he does at each start
        self.device.start()
        self.device.restarts += 1
        self._until("a spotter has contact again", self._contact, 40.0)
        self._request(InputKind.ARM)
        self._until("armed is the same at both ends", lambda: self._armed_is(True), 60.0)

    def _armed_is(self, armed: bool) -> bool:
        return all(
            not s.view.no_contact and s.view.state is not None and s.view.state.armed is armed
            for s in self.spotters
        )

    def _wait_for_fall(self) -> None:
        self._quietly(lambda: bool(self._urgent()), 20.0)

    def _end(self) -> None:
        """Every report that reached the file is known to both spotters."""
        self._calm()
        for spotter in self.spotters:
            self._quietly(partial(_complete, spotter, self.home), 20.0)
            lacking = _missing(spotter, self.home)
            if lacking:
                reports = ", ".join(self.home.words(number) for number in lacking[:10])
                lack = f"{spotter.name} lacks {len(lacking)} of {self.home.last} reports: "
                self.problems.append(lack + reports)
        self.device.end()
        self._look_into_the_journal()

    def _until(
        self, what: str, condition: Callable[[], object], give_up_s: float, since_s: float | None = None
    ) -> None:
        """Wait for it, and judge how long it took."""
        began_s = time.monotonic() if since_s is None else since_s
        done = self._quietly(condition, give_up_s)
        took_s = time.monotonic() - began_s
        if done:
            self.seen[what].append(took_s)
        if not done or took_s > LIMITS_S[what] + self._slack_s:
            when = f"after {took_s:.1f} s" if done else "never"
            self.problems.append(f"{what}: {when}, the limit is {LIMITS_S[what]:.0f} s")

    @staticmethod
    def _quietly(condition: Callable[[], object], give_up_s: float) -> bool:
        deadline_s = time.monotonic() + give_up_s
        while not condition():
            if time.monotonic() > deadline_s:
                return False
            time.sleep(0.02)
        return True


def _periods(folder: Path) -> list[float]:
    file = folder / "periods"
    return [float(line) for line in file.read_text().split()] if file.exists() else []


def _lost(spotter: Spotter) -> bool:
    return bool(spotter.view.no_contact)


def _names(notice: Notice, key: tuple[int, str, int, str]) -> bool:
    return notice.incident is not None and (notice.incident.id, notice.incident.sequence) == key[1:3]


def _missing(spotter: Spotter, home: Home) -> list[int]:
    return sorted(set(range(1, home.last + 1)) - {number for _, number in spotter.known})


def _complete(spotter: Spotter, home: Home) -> bool:
    return not _missing(spotter, home)


@dataclass
class Result:
    """What one storm came to."""

    name: str
    problems: list[str]
    alerts: int = 0
    restarts: int = 0
    duplicates: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[float]] = field(default_factory=dict)
    cpu_s: float = 0.0
    lived_s: float = 0.0
    memory_mb: list[float] = field(default_factory=list)
    periods_ms: list[float] = field(default_factory=list)


def storm(seed: int, mutant: str, restarts: int, alerts: int, lasting_s: float) -> Result:
    name = f"seed {seed}" if mutant == "-" else mutant
    with tempfile.TemporaryDirectory() as folder:
        run = Storm(seed, Path(folder), mutant)
        try:
            run.run(restarts, alerts, time.monotonic() + lasting_s)
        except Exception as error:  # noqa: BLE001  a mutant may break anything, and that is noticing it
            run.problems.append(f"{type(error).__name__}: {error}")
        finally:
            run.close()
        duplicates = sum(spotter.view.duplicates for spotter in run.spotters)
        device = run.device
        return Result(
            name,
            run.problems,
            run.home.last,
            device.restarts,
            duplicates,
            run.faults,
            dict(run.seen),
            device.cpu_s,
            device.lived_s,
            device.memory_mb,
            _periods(Path(folder)),
        )
