"""``rearguard test backward-3m``: three metres backward, guided by words and buzzer, timed and kept."""

import argparse
import select
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from firmware.bus import Bus
from firmware.sampler import Sampler
from monitor.commands.options import Commands, add_config, command, load
from monitor.commands.progress import lines
from monitor.commands.run import JOURNAL, form, state_folder
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import InputKind
from monitor.guided_walk import GuidedWalk
from monitor.line import Line, warned
from monitor.playback import LEAD_IN_S, PacedClock, plugged
from monitor.recordings import simulated_walker
from monitor.recordings.reports import walk_tests
from monitor.recordings.reports.document import Document
from monitor.recordings.reports.walk_tests import DISTANCE_M, WalkTest, cut_offs, keep
from monitor.recordings.simulated_walker import BACKWARD_SHARE, SPEED_MPS, Move

STANDS_S = 3.5
"""A simulated walker sets out then: at the signal, near enough."""

SIMULATED = [(STANDS_S, Move.STAND), (9.0, Move.BACKWARD), (4.0, Move.STAND)]


INTRODUCTION = f"""\
Mark {DISTANCE_M:.0f} m. Stand with the heels at its beginning and the back to its end, somebody beside you.
Stand still. Three short beeps, then a long one: walk backward, as fast as is safe. When the heels cross
the line, press the button or Enter. Alerts sound here only: no spotter gets them."""


def add(commands: Commands) -> None:
    parser = command(commands, "test", act, "a walk test, guided and timed")
    add_config(parser)
    parser.add_argument("test", choices=("backward-3m",), help="three metres backward, as fast as is safe")
    parser.add_argument(
        "--simulate", action="store_true", help="a simulated walker, and a simulated press at the line"
    )


def act(args: argparse.Namespace) -> int:
    settings = load(args).settings
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    bus = None
    if args.simulate:
        paced = PacedClock()
        clock, sleep = paced, paced.sleep
        walk = simulated_walker.walk(SIMULATED, 100.0).trial("three metres backward")
        bus = Bus(settings.sensor.bus, port=plugged(walk, clock).open)
    state = state_folder(simulated=args.simulate)
    line = Line(
        settings, publish=False, journal=state and state / JOURNAL, form=lambda: form(sampler), clock=clock
    )
    sampler = Sampler(settings.sampled, bus, clock, sleep, power=line.panel.power)
    at_s = clock() + LEAD_IN_S + STANDS_S + 0.3 + DISTANCE_M / (SPEED_MPS * BACKWARD_SHARE)
    enter = _simulated_press(at_s, clock) if args.simulate else _enter

    def presses() -> list[float]:
        button = [given for given in line.inbox.latest if given.kind is InputKind.BUTTON_SHORT]
        now_s = clock()
        return [given.time_s or now_s for given in button] + ([now_s] if enter() else [])

    def beep() -> None:
        if buzzer := line.panel.parts.get("the buzzer"):
            buzzer(True)

    guide = GuidedWalk(presses, lambda words: print(words, flush=True), beep)
    print(INTRODUCTION, flush=True)
    line.run(_until(warned(sampler, line.inbox), guide), {"guide": guide})
    sampler.stop()
    return _said(guide, state)


def _said(guide: GuidedWalk, state: Path | None) -> int:
    walked = guide.walked
    if walked is None:
        print(f"No result: {guide.failure or 'it was ended early'}.", file=sys.stderr)
        return 1
    result = WalkTest(time.time(), walked.seconds, walked.from_first_step_s, walked.steps)
    summary = (
        f"{walked.seconds:.1f} s from the signal, {walked.from_first_step_s:.1f} s from the first step, "
        f"{walked.steps} steps."
    )
    for text in lines(Document("Three metres backward", summary, cut_offs())):
        print(text)
    if state:
        keep(state / walk_tests.FILE, result)
        print(f"Kept in {state / walk_tests.FILE}; rearguard progress shows it.")
    return 0


def _until(blocks: Iterable[SampleBlock], guide: GuidedWalk) -> Iterator[SampleBlock]:
    """The blocks until the guide is done."""
    for block in blocks:
        yield block
        if guide.over:
            return


def _enter() -> bool:
    """Whether somebody has pressed Enter since the last look."""
    if not sys.stdin.isatty() or not select.select([sys.stdin], [], [], 0)[0]:
        return False
    return bool(sys.stdin.readline())


def _simulated_press(at_s: float, clock: Callable[[], float]) -> Callable[[], bool]:
    pressed = iter([True])
    return lambda: clock() >= at_s and next(pressed, False)
