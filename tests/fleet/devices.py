"""Real devices: the product's own link, with heartbeat, outbox and all, thirty to a process."""

import random
import time
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import SimpleQueue

from monitor.core.samples import BLOCK_S
from monitor.core.vocabulary import FaultCode, InputKind
from monitor.delivery.link import Link
from tests.fleet.nodes import Where, settings
from tests.fleet.people import walker
from tests.fleet.raised import Raised
from tests.pulse import Pulse


def devices(
    where: Where,
    numbers: Sequence[int],
    rate_hz: float,
    ready: Event,
    calm: Event,
    settled: Event,
    over: Event,
    results: "Queue[Raised]",
) -> None:
    """A process of such devices. Together they raise ``rate_hz`` falls until it is ``calm``.

    ``settled``: then all falls are answered.
    """
    pulses = [Pulse(Link(settings(where, walker(number)), SimpleQueue())) for number in numbers]
    raised = Raised()
    for pulse in pulses:
        pulse.link.start()
    while not over.is_set():
        now_s = time.monotonic()
        if not ready.is_set() and all(pulse.linked for pulse in pulses):
            ready.set()
        raising = ready.is_set() and not calm.is_set()
        for place, pulse in enumerate(pulses):
            if raising and random.random() < rate_hz * BLOCK_S / len(pulses):
                incident = f"{walker(numbers[place])}-{len(raised.began_s)}"
                raised.began_s[incident] = time.monotonic()
                pulse.raise_alert(incident)
            pulse._block()
        if calm.is_set() and not any(pulse._standing for pulse in pulses):
            settled.set()
        time.sleep(max(0.0, BLOCK_S - (time.monotonic() - now_s)))
    for pulse in pulses:
        raised.links_lost += pulse.kinds().count(InputKind.LINK_LOST)
        faults = [word for word in pulse.heard if word.kind is InputKind.FAULT]
        raised.name_conflicts += sum(word.fault is FaultCode.NAME_CONFLICT for word in faults)
        raised.heartbeats += pulse.link._beat
    results.put(raised)
    for pulse in pulses:
        pulse.link.stop()
