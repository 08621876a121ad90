"""One run: so many devices and their spotters on a cluster, with nodes lost and brought back if so wished."""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.queues import Queue
from typing import Any

import numpy as np

from tests.fleet.devices import devices
from tests.fleet.lean import lean
from tests.fleet.nodes import Cluster
from tests.fleet.raised import Raised, Shown
from tests.fleet.spotters import reader, spotters

REAL = 30
"""Devices and spotters that are the product's own; more are lean ones."""

RATE_HZ = 10.0
"""Incidents of the whole fleet at most, of which the real ones raise at least a fifth."""

DEVICE_RATE_HZ = 0.2
"""And of one device: far more than anybody falls."""

READY_S = 180.0
SETTLE_S = 90.0
"""All must be answered by then."""

SHOWN_S = 2.0
"""And the last of it shown."""

RESULTS_S = 60.0

Trouble = tuple[tuple[float, str, Callable[[Cluster], None]], ...]


@dataclass(frozen=True)
class Figures:
    """Times in seconds. ``wrong`` is what must not be: lost, shown twice, never ended."""

    devices: int
    raised: int
    lost: int
    twice: int
    unended: int
    late_s: tuple[float, float, float]
    answered_s: tuple[float, float]
    apart_s: float
    rings: int
    links_lost: int
    name_conflicts: int
    joined_s: float
    memory_mb: float
    cpu: float
    disk_bytes: float

    @property
    def wrong(self) -> int:
        return self.lost + self.twice + self.unended


def measure(
    cluster: Cluster, count: int, seconds: float, trouble: Trouble = (), say: Callable[[str], None] = print
) -> Figures:
    """``trouble`` is what is done to the cluster, each after so many seconds. Raises TimeoutError."""
    context = multiprocessing.get_context("spawn")
    calm, over = context.Event(), context.Event()
    settled = [context.Event(), context.Event()]
    raised: Queue[Raised] = context.Queue()
    shown: Queue[Shown] = context.Queue()
    real, rest = range(min(count, REAL)), range(REAL, count)
    share = max(0.2, len(real) / count) if rest else 1.0
    rate_hz = min(RATE_HZ, DEVICE_RATE_HZ * count)
    jobs: list[tuple[Any, ...]] = [
        (devices, real, rate_hz * share, calm, settled[0], over, raised),
        (spotters, real, over, shown),
    ]
    if rest:
        lean_hz = rate_hz * (1 - share)
        jobs.append((lean, rest, lean_hz, calm, settled[1], over, raised))
        jobs.append((reader, rest, over, shown))
    else:
        settled.pop()
    began_s = time.monotonic()
    calm.set()
    processes, readies = [], []
    for job, numbers, *others in jobs:
        rate = [others.pop(0)] if isinstance(others[0], float) else []
        readies.append(context.Event())
        words = (cluster.where, numbers, *rate, readies[-1], *others)
        processes.append(context.Process(target=job, args=words, daemon=True))
        processes[-1].start()
    try:
        while not all(ready.is_set() for ready in readies):
            if time.monotonic() - began_s > READY_S:
                missing = [
                    job[0].__name__ for job, ready in zip(jobs, readies, strict=True) if not ready.is_set()
                ]
                raise TimeoutError(f"{count} devices: {', '.join(missing)} not ready after {READY_S:.0f} s")
            time.sleep(0.1)
        joined_s = time.monotonic() - began_s
        cpu_s, stored, since_s = cluster.processes.cpu_s(), cluster.stored_bytes(), time.monotonic()
        calm.clear()
        for at_s, words_, act in trouble:
            time.sleep(max(0.0, since_s + at_s - time.monotonic()))
            say(f"  {time.monotonic() - since_s:4.0f} s: {words_}")
            act(cluster)
        time.sleep(max(0.0, since_s + seconds - time.monotonic()))
        lasted_s = time.monotonic() - since_s
        cpu = (cluster.processes.cpu_s() - cpu_s) / lasted_s
        memory_mb = cluster.processes.memory_mb()
        disk_bytes = (cluster.stored_bytes() - stored) / (count * lasted_s)
        calm.set()
        settle_s = time.monotonic() + SETTLE_S
        for event in settled:
            event.clear()
            event.wait(max(0.0, settle_s - time.monotonic()))
        time.sleep(SHOWN_S)
        over.set()
        all_raised = [raised.get(timeout=RESULTS_S) for job in jobs if raised in job]
        all_shown = [shown.get(timeout=RESULTS_S) for job in jobs if shown in job]
    finally:
        calm.set()
        over.set()
        for process in processes:
            process.join(15.0)
            process.kill()
    return _figures(count, all_raised, all_shown, since_s, joined_s, memory_mb, cpu, disk_bytes)


def _figures(
    count: int,
    raised: list[Raised],
    shown: list[Shown],
    since_s: float,
    joined_s: float,
    memory_mb: float,
    cpu: float,
    disk_bytes: float,
) -> Figures:
    began_s = {incident: at_s for one in raised for incident, at_s in one.began_s.items()}
    first_s = {incident: at_s for one in shown for incident, at_s in one.first_s.items()}
    late_s = [first_s[incident] - at_s for incident, at_s in began_s.items() if incident in first_s]
    answered_s = [seconds for one in shown for seconds in one.answered_s]
    ended = {incident for one in shown for incident in one.ended}
    return Figures(
        devices=count,
        raised=len(began_s),
        lost=len(began_s.keys() - first_s.keys()),
        twice=sum(times > 1 for one in shown for times in one.times.values()),
        unended=len((began_s.keys() & first_s.keys()) - ended),
        late_s=_percentiles(late_s, 50, 99, 100),
        answered_s=_percentiles(answered_s, 50, 99),
        apart_s=max(
            (apart_s for one in shown for apart_s, at_s in one.apart_s if at_s > since_s), default=0.0
        ),
        rings=sum(at_s > since_s for one in shown for at_s in one.rang_s),
        links_lost=sum(one.links_lost for one in raised),
        name_conflicts=sum(one.name_conflicts for one in raised),
        joined_s=joined_s,
        memory_mb=memory_mb,
        cpu=cpu,
        disk_bytes=disk_bytes,
    )


def _percentiles(values: list[float], *percents: int) -> Any:
    if not values:
        return tuple(float("nan") for _ in percents)
    return tuple(float(value) for value in np.percentile(values, percents))
