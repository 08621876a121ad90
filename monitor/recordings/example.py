"""The recording that comes with the package: the simulated walker's, with every label there is.

``python -m monitor.recordings.example`` writes it again, the same each time.
"""

from dataclasses import replace
from importlib.resources import files

from monitor.recordings.corpus import EXAMPLE_FILE, Trial, save
from monitor.recordings.simulated_walker import Move, Script, walk

RATE_HZ = 100.0

SCRIPTS: dict[str, tuple[str, Script]] = {
    "backward-walk": (
        "Walking backward",
        ((4.0, Move.STAND), (24.0, Move.BACKWARD), (4.0, Move.STAND)),
    ),
    "unsafe-step": (
        "Walking backward, an unsafe step at 16 s",
        ((4.0, Move.STAND), (12.0, Move.BACKWARD), (4.0, Move.UNSAFE_STEP), (6.0, Move.BACKWARD)),
    ),
    "stumble": (
        "Stumble while walking backward, recovered",
        ((4.0, Move.STAND), (12.0, Move.BACKWARD), (4.0, Move.STUMBLE), (6.0, Move.BACKWARD)),
    ),
    "fall": (
        "Backward fall while walking backward, lying",
        ((4.0, Move.STAND), (12.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (10.0, Move.LIE)),
    ),
    "fall-and-up-again": (
        "Backward fall while walking backward, up again",
        (
            (4.0, Move.STAND),
            (8.0, Move.BACKWARD),
            (2.5, Move.FALL_BACKWARD),
            (5.0, Move.LIE),
            (4.0, Move.GET_UP),
            (6.0, Move.STAND),
        ),
    ),
    "forward-walk": (
        "Walking forward",
        ((4.0, Move.STAND), (24.0, Move.FORWARD), (4.0, Move.STAND)),
    ),
    "standing": ("Standing quietly", ((30.0, Move.STAND),)),
}
"""What is done in each trial: its description, and the moves."""


def trials() -> list[Trial]:
    """The example's trials: they show what the commands do, not how well it does on people."""
    made = []
    for name, (description, script) in SCRIPTS.items():
        trial = walk(script, RATE_HZ).trial(name)
        kind = "daily" if name == "standing" else trial.kind
        made.append(
            replace(trial, kind=kind, subject="simulated walker", activity=name, description=description)
        )
    return made


if __name__ == "__main__":
    path = str(files("monitor.recordings") / EXAMPLE_FILE)
    save(path, trials())
    print(f"written: {path}")
