"""``rearguard demo``: the whole machine on one screen, with a simulated chip and an embedded broker.

The safety process is the real one, a process of its own; you are the spotter. Where standard input is
no terminal the spotter answers by itself.
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import TextIO

from monitor.commands.options import Commands, command
from monitor.commands.replay import OVER, PATIENCE_S, add_recording
from monitor.delivery.embedded_broker import PROTOCOL, EmbeddedBroker
from monitor.delivery.mqtt import MqttSettings
from monitor.page_process import Order, beside
from monitor.playback import trial_of
from monitor.recordings.corpus import Trial
from monitor.spotter.keys import ended_by_signals
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.terminal import Script, watch

LINGER_S = 45.0
"""How long an unanswered alert goes on at the end."""

SEEN_S = 1.0
"""From the end of the recording to the end of the demo: the last alerts are still on their way."""

SESSION = "The walker steps backward, missteps, stumbles, and after half a minute falls."
INTRODUCTION = """\
Rearguard's demo: a simulated sensor, the real safety process, a broker, and you.
{what}
You are the spotter: press c when you are coming, f for a false alarm, x for all
clear. Lines behind the bar are the walker's side, in seconds since start.
The same on a page, which rings, in this machine's browser:
"""

NEXT_STEPS = """\

Next:
  watch a recorded fall  .venv/bin/rearguard demo example --trial fall
  wire a Raspberry Pi    docs/hardware.md, then .venv/bin/rearguard check
  how well it detects    docs/accuracy.md; .venv/bin/rearguard evaluate example"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "demo", act, "see it all without hardware: a walker falls, you are the spotter"
    )
    add_recording(parser)


def act(args: argparse.Namespace) -> int:
    trial = trial_of(args.file, args.trial)
    named = ["--trial", args.trial] if args.trial else []
    with ended_by_signals():
        return demo(introduction(trial, args.file), [args.file, *named] if args.file else named)


def introduction(trial: Trial, file: str | None) -> str:
    """What will be shown: the simulated walker's session, or this trial of ``file``."""
    about = f": {trial.description}" if trial.description else ""
    what = (
        SESSION if file is None else f"It plays a recording, {trial.name}{about} ({trial.duration_s:.0f} s)."
    )
    return INTRODUCTION.format(what=what)


def demo(words: str, recording: Sequence[str] = ()) -> int:
    """Show the session, or ``recording`` (FILE, --trial, NAME), to its end; 0 if its alert was answered."""
    alone = not sys.stdin.isatty()
    print(words, end="", flush=True)
    with (
        EmbeddedBroker() as broker,
        tempfile.TemporaryDirectory() as folder,
        tempfile.NamedTemporaryFile("w", suffix=".yaml") as settings,
        beside(_page(broker.port, folder), "you") as link,
    ):
        print(f"  {link}\n", flush=True)
        settings.write(f"mqtt: {{protocol: {PROTOCOL}}}\n")  # the defaults, whatever config.yaml says here
        settings.flush()
        command = [sys.executable, "-m", "monitor.cli", "replay", *recording, "--through-chip", "--publish"]
        command += ["--port", str(broker.port), "--linger", str(LINGER_S)]
        command += ["--config", settings.name]
        # Ctrl-C is for the spotter, who ends the safety process in order.
        walker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(walker.stdout, lines), daemon=True)
        lines_read: list[str] = []
        over_s = float("inf")

        def aside() -> Iterable[str]:
            nonlocal over_s
            while not lines.empty():
                lines_read.append(lines.get())
                if lines_read[-1] == OVER:
                    over_s = time.monotonic()
                yield lines_read[-1]

        def done() -> bool:
            gone = walker.poll() is not None and lines.empty() and not reader.is_alive()
            return gone or time.monotonic() > over_s + SEEN_S

        try:
            reader.start()
            watch(
                _mqtt(broker.port),
                "you",
                script=Script() if alone else None,
                done=done,
                aside=aside,
                no_contact_s=PATIENCE_S,
            )
        finally:
            _end(walker)
            reader.join()
    for line in aside():
        print(textwrap.fill(f"{line[:1].upper()}{line[1:]}", shutil.get_terminal_size().columns))
    print(f"{last_words(lines_read)}\n{NEXT_STEPS}", flush=True)
    return 0 if _answered(lines_read) or not alone else 1


def _mqtt(port: int) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, protocol=PROTOCOL)


def _page(port: int, folder: str) -> Order:
    return Order(_mqtt(port), PageSettings(), folder, version("rearguard"), port=0)


def last_words(lines_read: Sequence[str]) -> str:
    """How it ended, in one sentence."""
    if OVER not in lines_read:
        return "You have left before the end."
    if _answered(lines_read):
        return "That was all: the alert reached you, and the walker saw that you were coming."
    if any(" cancelled by you" in line for line in lines_read):
        return "That was all: you took it for a false alarm, and the alarm stopped."
    if any(" ALERT " in line for line in lines_read):
        return "That was all: alerts were raised, and nobody answered."
    return "That was all: no alert was raised."


def _answered(lines_read: Sequence[str]) -> bool:
    return any(" acknowledged by you" in line for line in lines_read)


def _end(walker: "subprocess.Popen[str]") -> None:
    walker.terminate()
    try:
        walker.wait(10.0)
    except subprocess.TimeoutExpired:
        walker.kill()
        walker.wait()


def _read(pipe: TextIO, lines: "queue.SimpleQueue[str]") -> None:
    with pipe:
        for line in pipe:
            lines.put(line.rstrip())
