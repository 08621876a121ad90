"""The safety process as chaos runs it: the real loop, alarm and link; events come as words on stdin.

    falling | down | upright | ...    an event of that kind
    die STEP                          kill -9 at the next put, save, publish, ack or remove
    disk full | disk free             forbid (allow) the file system to take another byte
    clock SECONDS                     let the wall clock jump

What happens is told on stdout, one JSON object a line.
"""

import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import monitor.delivery.outbox
from monitor.core.alarm import Alarm, AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.vocabulary import BLOCK_S, Alert, Event, EventKind, Input, SampleBlock, Status
from monitor.delivery.link import Link
from monitor.delivery.messages import Moment
from monitor.delivery.mqtt import Client, MqttSettings
from monitor.delivery.outbox import Outbox, machine_boot, recall
from monitor.loop import Inbox, run

events: SimpleQueue[EventKind] = SimpleQueue()
step_to_die_at = ""
clock_offset_s = 0.0


def tell(**what: Any) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def clock() -> Moment:
    return Moment(time.monotonic(), time.time() + clock_offset_s)


def deadly(step: str, work: Callable[..., Any], *, after: bool = False) -> Callable[..., Any]:
    """``work``, before (or after) which the process dies if that is the step it shall die at."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = work(*args, **kwargs) if after else None
        if step_to_die_at == step and (step != "publish" or args[1].endswith("/alert")):
            os.kill(os.getpid(), signal.SIGKILL)
        return result if after else work(*args, **kwargs)

    return wrapped


class Told(Inbox):
    """The inbox, telling what passes."""

    def drain(self) -> list[Input]:
        words = super().drain()
        for word in words:
            tell(word=word.kind.value, at_s=time.monotonic(), reason=word.reason)
        return words


class Scripted:
    """A detector that finds what it is told to find."""

    def restart(self) -> None: ...

    def update(self, block: SampleBlock) -> list[Event]:
        found = []
        while not events.empty():
            found.append(Event(events.get(), block.end_s))
        return found


def blocks() -> Iterator[SampleBlock]:
    while True:
        time.sleep(BLOCK_S / 2)
        yield SampleBlock.silent(time.monotonic(), "")


def listen() -> None:
    global step_to_die_at, clock_offset_s
    for line in sys.stdin:
        match line.split():
            case ["die", step]:
                step_to_die_at = step
            case ["disk", state]:
                limit = 1 if state == "full" else resource.RLIM_INFINITY
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            case ["clock", seconds]:
                clock_offset_s = float(seconds)
            case [kind]:
                events.put(EventKind(kind))
    os._exit(0)


def main(port: int, store: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    monitor.delivery.outbox._save = deadly("save", monitor.delivery.outbox._save)
    for step, owner, name, after in (
        ("put", Outbox, "put", False),
        ("publish", Client, "publish", False),
        ("sent", Client, "publish", True),
        ("ack", Outbox, "acknowledged", False),
        ("remove", Outbox, "acknowledged", True),
    ):
        setattr(owner, name, deadly(step, getattr(owner, name), after=after))
    inbox = Told()
    before = recall(store, clock(), machine_boot())
    link = Link(MqttSettings(host="127.0.0.1", port=port), inbox, store, clock=clock, first=before.sequence)
    arming = ArmingSettings(needs_stillness=False)
    alarm = Alarm(AlarmSettings(), arming, link.boot, before.incidents, before.sequence)
    link.start()
    threading.Thread(target=listen, daemon=True).start()

    def ledger(_b: SampleBlock, _e: Sequence[Event], alerts: Sequence[Alert], _s: Status) -> None:
        for alert in alerts:
            tell(boot=link.boot, sequence=alert.sequence, time_s=alert.time_s, kind=alert.kind.value)

    events.put(EventKind.SENSOR_BACK)
    tell(up=link.boot)
    run(
        blocks(),
        Scripted(),
        alarm,
        inbox,
        {"ledger": ledger, "link": link},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
