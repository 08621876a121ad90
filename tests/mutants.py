"""``make mutants``: what share of mutmut's changes to the core its tests noticed."""

import json
import sys
from pathlib import Path

STATS = Path("mutants/mutmut-cicd-stats.json")
GOAL = 0.85


def main() -> int:
    stats = json.loads(STATS.read_text(encoding="utf-8"))
    noticed = stats["killed"] + stats["timeout"] + stats["segfault"]
    tried = noticed + stats["survived"] + stats["no_tests"] + stats["suspicious"]
    if not tried:
        print("no changes were tried: see what mutmut says above")
        return 1
    share = noticed / tried
    print(f"noticed {noticed} of {tried} changes: {100 * share:.0f} %, the goal is {100 * GOAL:.0f} %")
    print("those that nobody noticed: .venv/bin/mutmut results, and .venv/bin/mutmut show NAME")
    return 0 if share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
