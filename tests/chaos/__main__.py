"""``make chaos``: the storms of some seeds, then the mutants, which must all be noticed."""

import argparse
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.brokers import MOSQUITTO
from tests.chaos.patched import MUTANTS
from tests.chaos.storm import LIMITS_S, SLACK_S, Result, storm

AT_ONCE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 2027, 31, 990001], metavar="N")
    parser.add_argument("--restarts", type=int, default=50, help="by each seed")
    parser.add_argument("--alerts", type=int, default=250, help="by each seed, at the least")
    parser.add_argument("--minutes", type=float, default=30.0, help="at most, by each seed")
    parser.add_argument("--no-mutants", action="store_true", help="the storms only")
    parser.add_argument("--mutant", choices=list(MUTANTS), help="this mutant only")
    args = parser.parse_args(arguments)
    if MOSQUITTO is None:
        print("make chaos needs mosquitto: apt-get install mosquitto")
        return 2
    began_s = time.monotonic()
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        storms = []
        if not args.mutant:
            jobs = [
                pool.submit(storm, seed, "-", args.restarts, args.alerts, 60 * args.minutes)
                for seed in args.seeds
            ]
            storms = [job.result() for job in jobs]
            figures(storms)
        names = [args.mutant] if args.mutant else [] if args.no_mutants else list(MUTANTS)
        jobs = [pool.submit(storm, 5, name, 6, 20, 150.0) for name in names]
        mutants = [job.result() for job in jobs]
    missed = [mutant.name for mutant in mutants if not mutant.problems]
    for mutant in mutants:
        noticed = f"noticed: {mutant.problems[0][:90]}" if mutant.problems else "NOT NOTICED"
        print(f"mutant: {mutant.name:<40} {noticed}")
    problems = [f"{run.name}: {problem}" for run in storms for problem in run.problems]
    for problem in problems[:40]:
        print(f"PROBLEM  {problem}")
    verdict = "passed" if not problems and not missed else "FAILED"
    print(f"{verdict} after {time.monotonic() - began_s:.0f} s: {len(problems)} problems", end="")
    print(f", {len(mutants) - len(missed)} of {len(mutants)} mutants noticed")
    return 0 if verdict == "passed" else 1


def figures(storms: list[Result]) -> None:
    faults: Counter[str] = sum((run.faults for run in storms), Counter())
    seen: dict[str, list[float]] = defaultdict(list)
    for run in storms:
        for what, times in run.seen.items():
            seen[what] += times
    print("seeds " + ", ".join(run.name.removeprefix("seed ") for run in storms))
    print(
        f"alerts {sum(run.alerts for run in storms)}, restarts {sum(run.restarts for run in storms)}, "
        f"duplicates dropped {sum(run.duplicates for run in storms)}"
    )
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(faults.items())))
    print(f"{'':<38}  times  median   worst   limit (+{SLACK_S:.0f} s for the machine)")
    for what, limit_s in LIMITS_S.items():
        if times := seen.get(what):
            median_s, worst_s = statistics.median(times), max(times)
            print(f"{what:<38} {len(times):6d} {median_s:6.2f}s {worst_s:6.2f}s {limit_s:6.0f} s")
    lived_s, cpu_s = sum(run.lived_s for run in storms), sum(run.cpu_s for run in storms)
    memory_mb = [mb for run in storms for mb in run.memory_mb]
    print(
        f"the process, with its starts: {100 * cpu_s / max(lived_s, 1):.1f} % of a core, "
        f"memory {statistics.median(memory_mb):.0f} MB, at most {max(memory_mb):.0f} MB"
    )
    periods_ms = sorted(ms for run in storms for ms in run.periods_ms)
    if periods_ms:
        late_ms = periods_ms[int(0.99 * len(periods_ms))]
        print(f"loop period: median {statistics.median(periods_ms):.0f} ms, 99 % {late_ms:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
