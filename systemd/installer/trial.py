"""How one version takes over from another: on trial, until it has shown that it works.

The file `trial` names the slot to go back to. It is written before the link is turned and goes when the new
version has proved itself; `systemd/recover`, before each start and by a timer, turns the link back where it
finds the file and no upgrade that lives.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer import slots
from installer.machine import InstallError, Machine
from installer.slots import CURRENT, HOME, SETTINGS, Slot

UNITS = ("rearguard", "rearguard-page", "rearguard-notify")
TRIAL = f"{HOME}/trial"
READY_S = 60.0
STEADY_S = 5.0
LOOK_S = 0.5
RECOVERY = ("rearguard-recover.service", "rearguard-recover.timer")


def upgrade(machine: Machine, source: Path, wheels: Path | None, *, force: bool, dry: bool) -> None:
    """Build ``source`` in the other slot and let it take over. Raises InstallError."""
    with _alone(machine, dry=dry) as lock:
        used, spare = _used(machine), slots.other(machine)
        if slots.digest(source) == used.digest:
            print(f"version {used.version} of this very source is in use already; nothing was changed")
            return
        refuse_while_walking(machine, force=force)
        to = f"version {slots.version(source)} in slot {spare.name}"
        print(f"{'would' if dry else 'now'}: build {to}; {used.version} goes on in {used.name}", flush=True)
        if dry:
            print(f"would: switch to it, and back if it is not ready within {READY_S:.0f} s")
            return
        spare.build(source, wheels, lock)
        _switch(machine, used, spare, force=force)


def rollback(machine: Machine, *, force: bool, dry: bool) -> None:
    """Let the version in the other slot take over. Raises InstallError."""
    with _alone(machine, dry=dry):
        used, spare = _used(machine), slots.other(machine)
        if not spare.digest:
            raise InstallError(f"slot {spare.name} holds no whole version: there is nothing to go back to")
        refuse_while_walking(machine, force=force)
        if dry:
            print(f"would: go back to version {spare.version} in slot {spare.name}")
            return
        _switch(machine, used, spare, force=force)


def refuse_while_walking(machine: Machine, *, force: bool) -> None:
    """By what the loop itself says to systemd, every second. Raises InstallError."""
    status = _show(machine, "rearguard").get("StatusText", "").partition(";")[0]
    if not force and ("walking" in status or status.startswith("armed")):
        raise InstallError(
            f"somebody is being watched ({status}), and that goes on. Disarm first (press the button twice), "
            "or give --force"
        )


def put_recovery(machine: Machine, folder: Path) -> None:
    """What undoes a half upgrade lies outside the slots."""
    machine.write(f"{HOME}/recover", (folder / "recover").read_text(encoding="utf-8"))
    for unit in RECOVERY:
        machine.write(f"/etc/systemd/system/{unit}", (folder / unit).read_text(encoding="utf-8"))
    machine.run("systemctl", "daemon-reload")


def has_recovery(machine: Machine, folder: Path) -> bool:
    places = {"recover": f"{HOME}/recover"} | {unit: f"/etc/systemd/system/{unit}" for unit in RECOVERY}
    return all(machine.read(place) == (folder / name).read_text("utf-8") for name, place in places.items())


def _used(machine: Machine) -> Slot:
    used = slots.current(machine)
    if used is None:
        raise InstallError(f"no version is in use in {HOME}: sudo ./systemd/install")
    return used


@contextmanager
def _alone(machine: Machine, *, dry: bool) -> Iterator[int]:
    """The only one at work. An earlier upgrade that was broken off is undone: that changes the spare slot."""
    if dry:
        yield -1
        return
    with slots.locked(machine) as lock:
        if back := machine.read(TRIAL).strip():
            print(f"now: undo an upgrade that was broken off: back to slot {back}", flush=True)
            _back(machine, back)
        yield lock


def _switch(machine: Machine, old: Slot, new: Slot, *, force: bool) -> None:
    """Raises InstallError where the new version is not ready in time; the old one is back then."""
    program, settings = str(machine.path(f"{new.place}/.venv/bin/rearguard")), str(machine.path(SETTINGS))
    machine.run(program, "config", "check", settings)
    if machine.path("/etc/mosquitto/rearguard").exists():  # more rights hurt no older version
        machine.run(program, "broker", "setup", "--config", settings)
    refuse_while_walking(machine, force=force)  # building took minutes
    before = {unit: _show(machine, unit) for unit in UNITS}
    print(f"now: switch to version {new.version} in slot {new.name}", flush=True)
    machine.run("systemctl", "start", "rearguard-recover.timer")
    machine.write(TRIAL, f"{old.name}\n")
    try:
        machine.link(CURRENT, new.name)
        _restart(machine)
        trouble = wait_until_ready(machine, before)
    except (InstallError, OSError) as error:
        trouble = str(error)
    except KeyboardInterrupt:
        trouble = "interrupted"
    if trouble:
        print(f"now: back to version {old.version}: {trouble}", flush=True)
        _back(machine, old.name)
        still = wait_until_ready(machine, before)
        words = f"version {new.version} was not ready in time; version {old.version} is back"
        raise InstallError(f"{words}, but {still}" if still else words)
    machine.path(TRIAL).unlink()
    machine.run("systemctl", "stop", "rearguard-recover.timer")
    put_recovery(machine, machine.path(f"{new.place}/systemd"))
    ready = "ready to arm" if _ran(before["rearguard"], wanted=True) else "in use, but rearguard does not run"
    print(f"version {new.version} is {ready}; {old.version} is kept: sudo {CURRENT}/systemd/rollback")


def _back(machine: Machine, name: str) -> None:
    machine.link(CURRENT, name)
    _restart(machine)
    machine.path(TRIAL).unlink(missing_ok=True)
    machine.run("systemctl", "stop", "rearguard-recover.timer")


def _restart(machine: Machine) -> None:
    """Not waited for: killed in between, nothing of us may be left that waits."""
    machine.run("systemctl", "daemon-reload")  # the units are links into the slot
    machine.run("systemctl", "--no-block", "try-restart", *UNITS)


def wait_until_ready(machine: Machine, before: dict[str, dict[str, str]]) -> str:
    """ "" once every unit that ran before has started again, and stayed so for a while; else what is amiss.

    A page or notifier counts only if it ran well: until somebody is paired, the page starts in vain.

    The safety process has started when a whole block has gone through the line (READY=1). If all was well
    before, it must say so again.
    """
    ran = [unit for unit, was in before.items() if _ran(was, wanted=unit == "rearguard")]
    well = "all is well" in before["rearguard"].get("StatusText", "")
    deadline_s = time.monotonic() + READY_S
    since_s, seen = time.monotonic(), None
    while True:
        now = {unit: _show(machine, unit) for unit in ran}
        amiss = [_amiss(unit, now[unit], before[unit], well=well) for unit in ran]
        pids = [now[unit].get("MainPID") for unit in ran]
        if any(amiss) or pids != seen:
            since_s, seen = time.monotonic(), pids
        if not any(amiss) and time.monotonic() - since_s >= STEADY_S:
            return ""
        if time.monotonic() >= deadline_s:
            return "; ".join(filter(None, amiss)) or "it starts again and again"
        time.sleep(LOOK_S)


def _ran(was: dict[str, str], *, wanted: bool) -> bool:
    """``wanted``: also one that starts again and again; it is inactive now and then, with a job waiting."""
    if wanted:
        return was.get("ActiveState") in ("active", "activating") or bool(was.get("Job"))
    since_s = int(was.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return was.get("ActiveState") == "active" and time.monotonic() - since_s >= 2 * STEADY_S


def _amiss(unit: str, now: dict[str, str], before: dict[str, str], *, well: bool) -> str:
    if now.get("ActiveState") != "active" or now.get("MainPID") == before.get("MainPID"):
        return f"{unit} has not started: journalctl -u {unit}"
    if unit == "rearguard" and well and "all is well" not in now.get("StatusText", ""):
        return f"{unit} says: {now.get('StatusText', '')}"
    return ""


def _show(machine: Machine, unit: str) -> dict[str, str]:
    asked = "ActiveState,ActiveEnterTimestampMonotonic,Job,MainPID,StatusText"
    words = ("systemctl", "show", f"--property={asked}", unit)
    return dict(line.partition("=")[::2] for line in machine.says(*words).splitlines())
