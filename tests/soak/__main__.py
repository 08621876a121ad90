"""``make soak``: 24 hours of walking, resting, faults and alerts, with broker, journal, page and spotter.

    python -m tests.soak [--hours N] [--seed N]

The device's time goes as fast as the machine; everything else is real. At the end its memory, open files and
threads must be what they were, and every report in its journal must have reached the spotter, once.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Stage
from monitor.delivery.messages import AlertMessage, Topics, decode_alert, encode_answer, encode_request
from monitor.delivery.mqtt import Client, MqttSettings, What
from monitor.recordings.journal.sessions import Session, sessions
from tests.brokers import MOSQUITTO, Mosquitto
from tests.page_process import PageProcess

MEMORY_MAY_GROW = 1.05
SETTLED_HOURS = 2
"""After these memory is compared: caches have filled."""

NEAR_S = {AlertKind.FALL: (-2.0, 30.0), AlertKind.STUMBLE: (-1.0, 6.0), AlertKind.UNSAFE_STEP: (-1.0, 8.0)}
"""Alerts so near to what was planted are of it."""


class Spotter(threading.Thread):
    """Takes every report, and clears every confirmed fall."""

    def __init__(self, settings: MqttSettings) -> None:
        super().__init__(name="spotter", daemon=True)
        self._topics = Topics(settings.device)
        self._client = Client(settings, "soak-spotter", {self._topics.alert: 1}, session=True)
        self._ends = threading.Event()
        self.reports: Counter[tuple[str, int]] = Counter()

    def run(self) -> None:
        here_s = 0.0
        while not self._ends.is_set():
            letter = self._client.next(0.2)
            if time.monotonic() - here_s > 1.0:
                here_s = time.monotonic()
                self._client.publish(self._topics.request, encode_request(InputKind.SPOTTER_HERE, "Eva"))
            if letter is not None and letter.what is What.RECEIVED:
                self._take(decode_alert(letter.payload))
        self._client.close()

    def _take(self, alert: AlertMessage) -> None:
        self.reports[alert.id, alert.sequence] += 1
        open_fall = alert.kind is AlertKind.FALL and alert.stage is Stage.ACTIVE
        if open_fall and alert.certainty is Certainty.CONFIRMED:
            self._client.publish(self._topics.answer_of("Eva"), encode_answer(alert.id, InputKind.CLEAR))

    def close(self) -> None:
        self._ends.set()
        self.join()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if MOSQUITTO is None:
        print("make soak needs mosquitto: apt-get install mosquitto")
        return 2
    with tempfile.TemporaryDirectory() as name:
        return soak(Path(name), args.hours, args.seed)


def soak(folder: Path, hours: int, seed: int) -> int:
    began_s = time.monotonic()
    with Mosquitto(folder) as broker:
        spotter = Spotter(broker.settings())
        spotter.start()
        (folder / "page").mkdir()
        page = PageProcess(broker.settings(), folder / "page")
        page.start()
        words = ["-m", "tests.soak.device", str(folder), str(broker.port), str(hours), str(seed)]
        device = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"MPLBACKEND": "agg"},
        )
        assert device.stdout is not None
        accounts = []
        delivered = False
        for line in device.stdout:
            if not line.startswith("{"):
                continue
            said = json.loads(line)
            delivered = said.get("delivered", delivered)
            if "number" in said:
                said["page_mb"] = _page_mb(page)
                accounts.append(said)
                print(
                    f"hour {said['number'] + 1:2d}: {said['memory_mb']:5.1f} MB, "
                    f"page {said['page_mb']:5.1f} MB, {said['files']} files, {said['threads']} threads, "
                    f"{len(spotter.reports)} reports, {time.monotonic() - began_s:.0f} s",
                    flush=True,
                )
        status = device.wait()
        time.sleep(2.0)
        spotter.close()
        page.kill()
    (session,) = sessions(folder / "journal.db")
    problems = [*_problems(accounts, hours), *_losses(session, spotter)]
    if status or not delivered:
        problems.append(f"the device ended with status {status}, delivered: {delivered}")
    false, missed = _alarms(session, accounts)
    print(f"false alarms: {false or 'none'}; planted and not reported: {missed or 'none'}")
    for problem in problems:
        print(f"PROBLEM  {problem}")
    print(f"{'FAILED' if problems else 'passed'} after {time.monotonic() - began_s:.0f} s: {hours} hours")
    return 1 if problems else 0


def _page_mb(page: PageProcess) -> float:
    assert page.process is not None
    status = Path(f"/proc/{page.process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


def _problems(accounts: list[dict[str, float]], hours: int) -> list[str]:
    if len(accounts) < hours:
        return [f"only {len(accounts)} of {hours} hours were lived"]
    first, last = accounts[min(SETTLED_HOURS, hours) - 1], accounts[-1]
    found = [
        f"{name} went from {first[name]:.1f} to {last[name]:.1f}"
        for name in ("memory_mb", "page_mb")
        if last[name] > MEMORY_MAY_GROW * first[name]
    ]
    return found + [
        f"{name} went from {first[name]} to {last[name]}"
        for name in ("files", "threads")
        if last[name] != first[name]
    ]


def _losses(session: Session, spotter: Spotter) -> list[str]:
    """Every report of the journal must be there, and none twice."""
    sent = [(alert.id, alert.sequence) for alert in session.alerts()]
    lost = [report for report in sent if report not in spotter.reports]
    twice = [report for report, times in spotter.reports.items() if times > 1]
    holes = session.holes()
    found = [f"{len(lost)} of {len(sent)} reports lost: {lost[:3]}"] if lost else []
    found += [f"{len(twice)} reports came twice: {twice[:3]}"] if twice else []
    return found + ([f"{len(holes)} holes in the journal"] if holes else [])


def _alarms(
    session: Session, accounts: list[dict[str, list[float]]]
) -> tuple[dict[str, int], dict[str, int]]:
    """Alarms that nothing was planted for, and what was planted and brought none, by kind."""
    names = {AlertKind.FALL: "falls_s", AlertKind.STUMBLE: "stumbles_s", AlertKind.UNSAFE_STEP: "unsafe_s"}
    planted = {kind: [s for one in accounts for s in one[name]] for kind, name in names.items()}
    every = [s for times_s in planted.values() for s in times_s]
    opened = {(a.id, a.kind): a.time_s for a in reversed(session.alerts()) if a.kind in names}
    false: Counter[str] = Counter()
    for (_, kind), time_s in opened.items():
        before_s, after_s = NEAR_S[kind]
        near = every if kind is AlertKind.UNSAFE_STEP else planted[kind]  # a stumble is unsafe as well
        if not any(before_s <= time_s - s <= after_s for s in near):
            false[kind] += 1
    missed: Counter[str] = Counter()
    for kind in (AlertKind.FALL, AlertKind.STUMBLE):
        before_s, after_s = NEAR_S[kind]
        times_s = [time_s for (_, found), time_s in opened.items() if found is kind]
        for s in planted[kind]:
            if not any(before_s <= time_s - s <= after_s for time_s in times_s):
                missed[kind] += 1
    return dict(false), dict(missed)


if __name__ == "__main__":
    sys.exit(main())
