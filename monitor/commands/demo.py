"""``rearguard demo``: the whole machine on one screen, with a simulated chip and an embedded broker.

The safety process is the real one, a process of its own; you are the spotter. Where standard input is
no terminal the spotter answers by itself.
"""

import argparse
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from typing import TextIO

from monitor.commands.options import Commands, command
from monitor.commands.replay import add_recording
from monitor.delivery.embedded_broker import EmbeddedBroker
from monitor.delivery.mqtt import MqttSettings
from monitor.spotter.terminal import Script, watch

PATIENCE_S = 45.0
"""How long the story waits at its end for a person's answer."""

INTRODUCTION = """\
Rearguard's demo: a simulated sensor on a simulated bus, the real safety process, a broker and you.
The walker steps backward, missteps, stumbles, and after half a minute falls. You hold the phone:
press c when you are coming, f for a false alarm, x when all is well again. Lines behind the bar are
what the walker sees and hears.
"""


def add(commands: Commands) -> None:
    parser = command(
        commands, "demo", act, "see it all without hardware: a walker falls, you are the spotter"
    )
    add_recording(parser)


def act(args: argparse.Namespace) -> int:
    named = ["--trial", args.trial] if args.trial else []
    return demo([args.file, *named] if args.file else named)


def demo(recording: Sequence[str] = ()) -> int:
    """Show the story, or ``recording`` (FILE, --trial, NAME), to its end; 0 if its alert was seen through."""
    alone = not sys.stdin.isatty()
    print(INTRODUCTION, flush=True)
    with EmbeddedBroker() as broker:
        command = [sys.executable, "-m", "monitor.cli", "replay", *recording, "--through-chip", "--publish"]
        command += ["--port", str(broker.port), "--linger", str(PATIENCE_S)]
        command += ["--config", os.devnull]  # an empty file: the defaults, whatever config.yaml says here
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
        heard: list[str] = []

        def aside() -> Iterable[str]:
            while not lines.empty():
                heard.append(lines.get())
                yield f"    | {heard[-1]}"

        try:
            reader.start()
            watch(
                MqttSettings(host="127.0.0.1", port=broker.port),
                "you",
                script=Script() if alone else None,
                done=lambda: walker.poll() is not None and lines.empty() and not reader.is_alive(),
                aside=aside,
            )
        finally:
            _end(walker)
            reader.join()
    told = [line for line in heard if " ALERT " in line]
    answered = any(" acknowledged by you" in line for line in told)
    print(f"{len(told)} alert stages were told" + (", and you were seen coming." if answered else "."))
    return 0 if answered or not alone else 1


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
