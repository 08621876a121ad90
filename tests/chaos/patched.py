"""``rearguard`` as chaos runs it: the real program, unless it is to die at a step or be a mutant.

    python -m tests.chaos.patched FOLDER MUTANT run --simulate ...

While FOLDER/die-STEP exists the process kills itself at that step of an alert's way. MUTANT is "-" or one of
`MUTANTS`: a product with a defect, which the judge must notice.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from firmware import panel
from firmware.patterns import Look
from monitor import line, start
from monitor.core.alarm import Alarm
from monitor.core.vocabulary import InputKind
from monitor.delivery import heartbeat, link, messages, outbox, reception
from monitor.delivery.memory import Memory
from monitor.delivery.mqtt import Client
from monitor.delivery.outbox import Outbox

STEPS = ("put", "save", "publish", "sent", "ack", "kept")


def deadly(folder: Path, step: str, owner: Any, name: str, *, after: bool = False) -> None:
    """From now on ``owner.name`` kills the process before, or ``after``, it works, if ``step`` is due to."""
    work = getattr(owner, name)
    mark = folder / f"die-{step}"

    def wrapped(*args: Any, **options: Any) -> Any:
        result = work(*args, **options) if after else None
        alert = step not in ("publish", "sent") or str(args[1]).endswith("/alert")
        if alert and mark.exists():
            mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return result if after else work(*args, **options)

    setattr(owner, name, wrapped)


def put(owner: Any, name: str, method: Any) -> None:
    """In the place of a method of the product."""
    setattr(owner, name, method)


def ages_wrong() -> None:
    """Every age is 30 s too much."""
    alert, open_ = messages.alert_message, messages.incidents

    def older(*args: Any) -> Any:
        return alert(*args).aged(alert(*args).age_s + 30.0, args[2].wall_s)

    def all_older(*args: Any) -> Any:
        return tuple(msgspec.structs.replace(entry, age_s=entry.age_s + 30.0) for entry in open_(*args))

    vars(link)["message_of"] = older
    vars(heartbeat)["incidents"] = all_older
    put(
        outbox._Entry,
        "aged",
        lambda self, moment: self.message.aged(
            max(0.0, moment.mono_s - self.event_s) + 30.0, moment.wall_s, self.age_known
        ),
    )


def answers_dropped() -> None:
    """No answer reaches the alarm."""
    read = messages.decode_answer

    def dropped(*args: Any) -> Any:
        word = read(*args)
        return word if word.kind is InputKind.RECEIVED else replace(word, kind=InputKind.RECEIVED, sequence=0)

    vars(reception)["decode_answer"] = dropped


def always_armed() -> None:
    """The heartbeat says armed, whatever is so."""
    state = heartbeat.Summary.state

    def armed(*args: Any) -> Any:
        return msgspec.structs.replace(state(*args), armed=True)

    put(heartbeat.Summary, "state", armed)


def late() -> None:
    """Every alert leaves 4 s late."""
    due = Outbox.due

    def delayed(self: Outbox) -> Any:
        now_s = self._clock().mono_s
        ready = {key for key, entry in self._pending.items() if now_s - entry.put_s >= 4.0}
        return [message for message in due(self) if (message.boot, message.sequence) in ready]

    put(Outbox, "due", delayed)


def forgetful() -> None:
    """A restart remembers nothing."""
    vars(line)["recall"] = lambda *_: Memory()


def receipts_ignored() -> None:
    """Who has an alert is not known."""
    put(Alarm, "_receive", lambda *_: None)


def always_green() -> None:
    """The lamp says that all is well."""
    vars(panel)["look_of"] = lambda _: Look.ARMED


def ends_unsaid() -> None:
    """An incident that has ended stays in the heartbeat."""
    seen: dict[str, Any] = {}
    open_ = messages.incidents

    def kept(*args: Any) -> Any:
        seen.update({entry.id: entry for entry in open_(*args)})
        return tuple(seen.values())

    vars(heartbeat)["incidents"] = kept


MUTANTS: dict[str, Callable[[], None]] = {
    "every age is 30 s wrong": ages_wrong,
    "answers are dropped": answers_dropped,
    "the heartbeat is always armed": always_armed,
    "every alert is 4 s late": late,
    "a restart remembers nothing": forgetful,
    "receipts are ignored": receipts_ignored,
    "the lamp is always green": always_green,
    "ended incidents stay in the heartbeat": ends_unsaid,
}


def timed(folder: Path) -> None:
    """The loop's periods, in ms, go into FOLDER/periods, a hundred at a time."""
    show = panel.Panel.show
    periods_ms: list[float] = []
    last_s = 0.0

    def showing(self: panel.Panel, status: Any) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if last_s:
            periods_ms.append(1000 * (now_s - last_s))
        last_s = now_s
        if len(periods_ms) == 100:
            with contextlib.suppress(OSError), (folder / "periods").open("a") as file:
                file.write("".join(f"{period:.1f}\n" for period in periods_ms))
            periods_ms.clear()
        show(self, status)

    put(panel.Panel, "show", showing)


def main(folder: Path, mutant: str, arguments: list[str]) -> int:
    for step, owner, name, after in (
        ("put", Outbox, "put", False),
        ("save", outbox, "_save", False),
        ("publish", Client, "publish", False),
        ("sent", Client, "publish", True),
        ("ack", Outbox, "acknowledged", False),
        ("kept", Outbox, "acknowledged", True),
    ):
        deadly(folder, step, owner, name, after=after)
    timed(folder)
    if mutant != "-":
        MUTANTS[mutant]()
    sys.argv = ["rearguard", *arguments]
    return start.main() or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
