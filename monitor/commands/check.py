"""``rearguard check``: every part tried once, from the sensor to the broker, each with what to do."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict

from firmware.bus import Bus
from firmware.checkup import Finding, Verdict, axes, check_card, check_panel, check_power, check_sensor, tried
from firmware.panel import Panel
from firmware.sampler import Sampler
from monitor.commands.options import Commands, add_config, add_port, command, load
from monitor.delivery.credentials import SecretError
from monitor.delivery.messages import ONLINE, MessageError, Topics, decode_state
from monitor.delivery.mqtt import retained, round_trip_s
from monitor.playback import PacedClock, plugged, trial_of
from monitor.settings import Settings
from monitor.settings_text import fingerprint

LABELS = {Verdict.OK: "ok  ", Verdict.FAIL: "FAIL", Verdict.NONE: "none"}


def add(commands: Commands) -> None:
    parser = command(commands, "check", check, "try every part once: sensor, lamp, buzzer, broker")
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.add_argument(
        "--live", action="store_true", help="show the axes while you turn the sensor, until Ctrl-C"
    )
    parser.add_argument("--simulate", action="store_true", help="a simulated chip in place of the sensor")
    add_port(parser)


def check(args: argparse.Namespace) -> int:
    """The exit status is 0 only if nothing fails; what could not be tried is no failure."""
    settings = load(args).settings
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    bus = Bus(settings.sensor.bus)
    if args.simulate:
        paced = PacedClock()  # so that a busy machine finds no fault that is none
        clock, sleep = paced, paced.sleep
        bus = Bus(settings.sensor.bus, port=plugged(trial_of(None, None), clock).open)
    if args.live:
        print("Turn the sensor and see; Ctrl-C ends.")
        said = ""
        for words in axes(Sampler(settings.sampled, bus, clock, sleep)):
            if words != said:  # what stands still is said once
                print(f"\r{words}", end="\x1b[K" if sys.stdout.isatty() else "\n", flush=True)
            said = words
        return 0
    well = True
    for finding in findings(settings, bus, clock, sleep):
        well = well and finding.verdict is not Verdict.FAIL
        if args.json:
            print(json.dumps(asdict(finding)), flush=True)
        else:
            print(f"{LABELS[finding.verdict]}  {finding.part:<12} {finding.words}", flush=True)
    return 0 if well else 1


def findings(
    settings: Settings,
    bus: Bus,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Finding]:
    """The bench test of every part, from the sensor to the broker and the service's settings."""
    yield from check_sensor(settings.sampled, bus, clock, sleep, worn=settings.profile == "belt")
    yield check_power()
    yield check_card()
    with closing(Panel(settings.panel)) as panel:
        yield from check_panel(panel)
    try:
        way_s = round_trip_s(settings.mqtt)
    except (ConnectionError, SecretError) as error:
        yield tried("broker", False, f"{error}; is mqtt.host right, and a broker running there?")
    else:
        yield tried("broker", True, f"{settings.mqtt.host}:{settings.mqtt.port}, {1000 * way_s:.0f} ms")
        yield check_service(settings)


def check_service(settings: Settings) -> Finding:
    """Whether the service runs with these settings, as its heartbeat, which the broker keeps, says."""
    kept = retained(settings.mqtt, Topics(settings.mqtt.device).state)
    try:
        runs_with = decode_state(kept).config if kept else ""
    except MessageError:
        runs_with = ""
    if not runs_with:
        return Finding("service", Verdict.NONE, f"the broker knows no heartbeat of {settings.mqtt.device}")
    ours = fingerprint(settings)
    if retained(settings.mqtt, Topics(settings.mqtt.device).availability) != ONLINE:
        which = "these" if runs_with == ours else "other"
        return Finding("service", Verdict.NONE, f"does not run; it ran last with {which} settings")
    if runs_with == ours:
        return tried("service", True, f"runs with these settings (hash {ours})")
    return tried(
        "service",
        False,
        f"runs with other settings (hash {runs_with}, these are {ours}): sudo systemctl restart rearguard, "
        "or name its file with --config",
    )
