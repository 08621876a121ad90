"""``make fleet``: what a cluster of three nodes keeps, how it carries numbers, and what a lost node costs."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.fleet import cost, facts
from tests.fleet.measure import Figures, Trouble, measure
from tests.fleet.nats import SERVER, Nats
from tests.fleet.nodes import Cluster, wait_ready
from tests.fleet.people import people
from tests.fleet.rabbitmq import EPMD, PROGRAMS, RabbitMq

BROKERS: dict[str, Callable[..., Cluster]] = {"rabbitmq": RabbitMq, "nats": Nats}
MISSING = {
    "nats": None if SERVER else "nats-server is not installed: apt-get install nats-server",
    "rabbitmq": None
    if PROGRAMS and EPMD
    else "RabbitMQ is not installed: apt-get install --no-install-recommends rabbitmq-server",
}

TROUBLE: Trouble = (
    (10.0, "node 1 is killed", lambda cluster: cluster.processes.kill(1)),
    (35.0, "node 1 is started", lambda cluster: cluster.start(1)),
    (65.0, "node 2 is cut off", lambda cluster: cluster.cut_off(2)),
    (95.0, "node 2 is back", lambda cluster: cluster.heal(2)),
    (125.0, "node 3 freezes", lambda cluster: cluster.processes.freeze(3)),
    (155.0, "node 3 goes on", lambda cluster: cluster.processes.thaw(3)),
)
TROUBLE_S = 180.0

HEADER = (
    "| broker | devices | alerts | lost | shown twice | median ms | 99 % | worst | answered ms | 99 % "
    "| no contact, longest | all joined | nodes' memory | cores | disk per heartbeat |\n" + "|---" * 15 + "|"
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet", description=__doc__)
    parser.add_argument("--broker", choices=[*BROKERS, "both"], default="both")
    parser.add_argument("--devices", type=int, nargs="*", default=[30, 200, 1000], metavar="N")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each number")
    parser.add_argument("--only", choices=["facts", "numbers", "trouble", "cost"], help="this part alone")
    args = parser.parse_args(arguments)
    names = list(BROKERS) if args.broker == "both" else [args.broker]
    for name in names:
        if reason := MISSING[name]:
            print(f"{name} is skipped: {reason}")
    names = [name for name in names if not MISSING[name]]
    if not names:
        return 0
    cores, load = os.cpu_count(), os.getloadavg()[0]
    print(f"{cores} cores, shared by devices, spotters and all three nodes; load before {load:.1f}")
    wrong = dict.fromkeys(names, 0)
    if args.only in (None, "facts"):
        _facts(names)
    if args.only in (None, "numbers"):
        print(f"\n{HEADER}", flush=True)
        for name in names:
            for count in args.devices:
                wrong[name] += _row(name, count, args.seconds)
    if args.only in (None, "trouble"):
        print(f"\nWith a node killed, one cut off, and each brought back:\n\n{HEADER}", flush=True)
        for name in names:
            wrong[name] += _row(name, min(args.devices, default=30), TROUBLE_S, TROUBLE)
    if args.only in (None, "cost"):
        print("\n" + "\n".join(cost.traffic(args.seconds)), flush=True)
        print(f"\n{cost.instructions(args.seconds)}")
    for name, number in wrong.items():
        verdict = f"FAILED: {number} alerts lost, shown twice or never ended" if number else "passed"
        print(f"{name} {verdict}")
    return 1 if any(wrong.values()) else 0


def _facts(names: Sequence[str]) -> None:
    print(f"\n| tried | {' | '.join(names)} |\n" + "|---" * (len(names) + 1) + "|")
    columns = [list(facts.find(partial(_started, name, 2))) for name in names]
    for fact, *said in zip(facts.FACTS, *columns, strict=True):
        print(f"| {facts.row(fact)} | {' | '.join(said)} |", flush=True)


@contextmanager
def _started(name: str, count: int) -> Iterator[Cluster]:
    """With so many walkers' and spotters' accounts."""
    with tempfile.TemporaryDirectory() as folder, BROKERS[name](Path(folder), people(count)) as cluster:
        wait_ready(cluster)
        yield cluster


def _row(name: str, count: int, seconds: float, trouble: Trouble = ()) -> int:
    with _started(name, count) as cluster:
        try:
            found = measure(cluster, count, seconds, trouble)
        except TimeoutError as error:
            print(f"| {name} | {count} | not carried here: {error} |", flush=True)
            return 0
    print(_line(name, found), flush=True)
    if trouble or found.wrong:
        print(
            f"  links lost {found.links_lost}, rings for no contact {found.rings}, "
            f"false name conflicts {found.name_conflicts}, {found.unended} never ended"
        )
    return found.wrong


def _line(name: str, found: Figures) -> str:
    median, late, worst = (1000 * seconds for seconds in found.late_s)
    answered, answered_late = (1000 * seconds for seconds in found.answered_s)
    cells = (
        name,
        found.devices,
        found.raised,
        found.lost,
        found.twice,
        f"{median:.1f}",
        f"{late:.1f}",
        f"{worst:.0f}",
        f"{answered:.1f}",
        f"{answered_late:.1f}",
        f"{found.apart_s:.1f} s",
        f"{found.joined_s:.0f} s",
        f"{found.memory_mb:.0f} MB",
        f"{found.cpu:.2f}",
        f"{found.disk_bytes / 1024:.1f} kB",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
