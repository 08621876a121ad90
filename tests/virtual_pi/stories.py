"""What befalls the virtual Pi, and what must come of it; in the order of `ALL`, on the same machine."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from monitor.core.vocabulary import AlertKind, Certainty, InputKind, Priority, Stage
from monitor.delivery import messages
from monitor.delivery.messages import AlertMessage, Topics
from monitor.recordings.simulated_walker import Move
from tests.listener import Listener
from tests.virtual_pi.scene import SETTINGS, Scene, until

RED, GREEN, BLUE, BUZZER, BUTTON = 17, 27, 22, 18, 23
"""Lines of the header, as config.yaml has them."""

ADDRESS = "0x68"
NEW_DEVICE = "/sys/bus/i2c/devices/i2c-1/{}_device"
WATCHDOG_S = 3.0
"""WatchdogSec of the unit."""


# ---- what a spotter sees


def armed(spotter: Listener) -> bool:
    return bool(spotter.states()) and spotter.states()[-1].armed


def run_of(spotter: Listener) -> str:
    """The name of the process's present run, "" before its first heartbeat."""
    return spotter.states()[-1].boot if spotter.states() else ""


def reports(spotter: Listener) -> list[AlertMessage]:
    return [*spotter.alerts(), *spotter.again()]


def so_far(spotter: Listener) -> int:
    """The last report; the count goes on from run to run."""
    return spotter.states()[-1].alerts


def confirmed(spotter: Listener, since: int) -> AlertMessage | None:
    """A fall that was reported after the report ``since``, whose stories may be sent again at any time."""
    found = [
        report for report in reports(spotter) if report.kind is AlertKind.FALL and report.sequence > since
    ]
    return next((report for report in found if report.certainty is Certainty.CONFIRMED), None)


def stage(spotter: Listener, incident: str) -> Stage:
    return [report for report in reports(spotter) if report.id == incident][-1].stage


def answer(spotter: Listener, incident: str, kind: InputKind) -> None:
    spotter.say(Topics("walker").answer_of("listener"), messages.encode_answer(incident, kind))


def faults(spotter: Listener) -> str:
    """Every open fault, in words."""
    state = spotter.states()[-1] if spotter.states() else None
    return (
        "; ".join(
            incident.reason
            for incident in state.incidents
            if incident.fault or incident.kind is AlertKind.SENSOR
        )
        if state
        else ""
    )


def all_clear(scene: Scene, spotter: Listener) -> None:
    """Up again, everything ended by the spotter, armed."""
    scene.up()

    def ended() -> bool:
        if not spotter.states():
            return False
        state = spotter.states()[-1]
        for incident in state.incidents:
            if incident.priority is Priority.HIGH or incident.kind is AlertKind.STUMBLE:
                answer(spotter, incident.id, InputKind.CLEAR)
        if not state.armed:
            spotter.say(Topics("walker").request, messages.encode_request(InputKind.ARM, "listener"))
        time.sleep(1.0)
        return state.armed and not state.incidents

    until(ended, f"all is well again: {faults(spotter)}")


@contextmanager
def watched(scene: Scene) -> Iterator[Listener]:
    """By a spotter, from a machine on which all is well, whatever the story before has left."""
    with scene.spotter() as spotter:
        with scene.pi.adapter.lock:
            scene.pi.bus.heal()
        scene.pi.do("systemctl start mosquitto rearguard")
        all_clear(scene, spotter)
        spotter.letters.clear()
        until(lambda: armed(spotter), "armed")
        yield spotter


def arrives(spotter: Listener, since: int) -> AlertMessage:
    """A fall that was not known before."""
    until(lambda: confirmed(spotter, since), "the fall reaches the spotter")
    report = confirmed(spotter, since)
    assert report is not None
    return report


def fall(scene: Scene, spotter: Listener) -> AlertMessage:
    since = so_far(spotter)
    scene.fall()
    return arrives(spotter, since)


# ---- the stories


def boot(scene: Scene) -> str:
    pi = scene.pi
    pi.switch_on()
    until(
        lambda: pi.do("systemctl show --value --property StatusText rearguard").startswith("armed"), "armed"
    )
    scene.figures["power to armed"] = f"{time.monotonic() - pi.began_s:.0f} s"
    system = pi.ask("systemctl is-system-running --wait").text
    assert system == "running", f"{system}: {pi.ask('systemctl --failed --no-legend').text}"
    assert "bcm2835" in pi.do("i2cdetect -l")
    rated = {}
    for unit in ("rearguard", "rearguard-page", "rearguard-notify"):
        rated[unit] = float(
            re.findall(
                r"Overall exposure level for \S+: ([\d.]+)",
                pi.ask(f"systemd-analyze security --no-pager {unit}").text,
            )[0]
        )
    assert max(rated.values()) <= 2.0, rated
    return f"armed {scene.figures['power to armed']} after power; exposure {max(rated.values())}"


def alert(scene: Scene) -> str:
    """From /dev/i2c-1 to the spotter, and back to lamp and buzzer."""
    pi = scene.pi
    with watched(scene) as spotter:
        report = fall(scene, spotter)
        assert set(pi.levels(RED, 3.0)) == {True, False}, "the lamp does not flash red"
        assert set(pi.levels(BUZZER, 3.0)) == {True, False}, "the buzzer is silent"
        answer(spotter, report.id, InputKind.COMING)
        until(lambda: stage(spotter, report.id) is Stage.ACKNOWLEDGED, "acknowledged")
        until(lambda: True in pi.levels(BLUE, 3.0) and True not in pi.levels(RED, 3.0), "slow blue")
        all_clear(scene, spotter)
        until(lambda: True in pi.levels(GREEN, 5.0), "green again")
        assert not pi.adapter.missed_kicks
        lost = spotter.states()[-1].lost_samples
    return f"red and loud; answered: blue; cleared: green; {lost} samples lost"


def button(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        pi.press(BUTTON, 0.1, times=2)
        until(lambda: not armed(spotter), "two presses disarm")
        pi.press(BUTTON, 0.1, times=2)
        until(lambda: armed(spotter), "two presses arm")
        pi.press(BUTTON, 4.0)
        until(
            lambda: any(x.kind is AlertKind.SOS for x in spotter.alerts()),
            "held for three seconds it calls for help",
        )
        (call,) = {x.id for x in spotter.alerts() if x.kind is AlertKind.SOS}
        pi.press(BUTTON, 0.2)
        until(lambda: stage(spotter, call) is Stage.CANCELLED, "a press takes it back")
    return "twice: disarmed, armed; held: help; once: I'm OK"


def driver(scene: Scene) -> str:
    """A driver of the kernel has the sensor's address."""
    pi = scene.pi
    with scene.spotter() as spotter:
        pi.do(f"systemctl stop rearguard; echo dummy {ADDRESS} >{NEW_DEVICE.format('new')}")
        said = pi.ask(f"rearguard check --config {SETTINGS}").text
        assert "kernel driver owns the address" in said, said
        pi.do("systemctl start rearguard")
        until(lambda: "kernel driver" in faults(spotter), "the spotter is told")
        pi.do(f"echo {ADDRESS} >{NEW_DEVICE.format('delete')}")
        until(lambda: "kernel driver" not in faults(spotter), "the fault ends with its cause")
        all_clear(scene, spotter)
    return "check and spotter name it; it heals when the driver goes"


def killed(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        report = fall(scene, spotter)
        before = run_of(spotter)
        pi.do("kill -9 $(systemctl show --value --property MainPID rearguard)")
        took_s = until(
            lambda: run_of(spotter) != before and armed(spotter), "it is back, and armed as before"
        )
        until(
            lambda: any(x.id == report.id for x in spotter.states()[-1].incidents),
            "the open fall is open again",
        )
        assert b"offline" in spotter.availability(), "the spotter was not told"
        all_clear(scene, spotter)
    return f"back and armed in {took_s:.0f} s, the fall still open; the spotter saw it"


def hung(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        before, since = run_of(spotter), pi.do("date +%s.%N")
        pi.do("kill -STOP $(systemctl show --value --property MainPID rearguard)")
        until(lambda: run_of(spotter) != before and armed(spotter), "the watchdog has restarted it")
        assert any("contact" in str(notice) for notice in spotter.notices), "no word of lost contact"
        log = pi.do(f"journalctl --unit rearguard --since @{since} --output short-unix --no-pager")
        found = re.search(r"^([\d.]+) .*Watchdog timeout", log, re.MULTILINE)
        assert found, log
        waited_s = float(found[1]) - float(since)
        assert waited_s < 2 * WATCHDOG_S, f"the watchdog took {waited_s:.1f} s"
        all_clear(scene, spotter)
    return f"the watchdog bit after {waited_s:.1f} s, the spotter was told"


def cable(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        with pi.adapter.lock:
            pi.bus.unplug()
        until(lambda: faults(spotter), "the spotter is told")
        unplugged = faults(spotter)
        with pi.adapter.lock:
            pi.bus.plug()
        until(lambda: not faults(spotter), "it heals")
        with pi.adapter.lock:
            pi.bus.hold()
        until(lambda: "held low" in faults(spotter), "a held line is named")
        with pi.adapter.lock:
            pi.bus.heal()
        until(lambda: not faults(spotter), "it heals again")
        all_clear(scene, spotter)
        fall(scene, spotter)  # and sees as before
        all_clear(scene, spotter)
    return f"told ({unplugged[:60]} ...), healed; a held line too; a fall afterwards is seen"


def broker(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        since = so_far(spotter)
        pi.do("systemctl stop mosquitto")
        scene.fall()
        until(lambda: True in pi.levels(RED, 2.0), "the walker's side rings without a broker")
        time.sleep(15)
        pi.do("systemctl start mosquitto")
        report = arrives(spotter, since)
        assert report.age_known, report
        assert report.age_s >= 10.0, report
        all_clear(scene, spotter)
    return f"delivered with its age, {report.age_s:.0f} s"


def clock(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        before = run_of(spotter)
        for jump in ("+3 hours", "-2 days", "+45 hours"):
            pi.do(f"date --set '{jump}'")
            time.sleep(5)
        report = fall(scene, spotter)
        truly = float(pi.do("date +%s"))
        assert run_of(spotter) == before, "it was restarted"
        assert report.age_s < 60, report
        assert abs(report.wall_s - truly) < 120, (report, truly)
        ours = [
            x
            for x in spotter.alerts()
            if x.kind is not AlertKind.FALL and x.kind is not AlertKind.UNSAFE_STEP
        ]
        assert not ours, ours
        all_clear(scene, spotter)
    return "three jumps: no restart, no alert but the fall, which bears the new time"


def full_disk(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene) as spotter:
        room = "$(($(stat --file-system --format '%a*%S' /)))"
        pi.do(f"fallocate --length {room} /var/filler; dd if=/dev/zero of=/var/more bs=4k; sync", limit_s=600)
        until(lambda: faults(spotter), "the spotter is told")
        told = faults(spotter)
        fall(scene, spotter)
        pi.do("rm /var/filler /var/more")
        until(lambda: not faults(spotter), "it heals when there is room")
        all_clear(scene, spotter)
    return f"told ({told[:80]}); a fall is seen and delivered all the same; healed"


def power_cut(scene: Scene) -> str:
    """In the middle of an alert that nobody has yet; without a clock that goes on."""
    pi = scene.pi
    with watched(scene) as spotter:
        since = so_far(spotter)
        pi.do("systemctl stop mosquitto")
        scene.fall()
        until(lambda: True in pi.levels(RED, 2.0), "the fall is seen")
        time.sleep(8)
        fell_s = time.monotonic()
        pi.cut_power()
    time.sleep(20)
    pi.switch_on()
    with scene.spotter() as spotter:
        report = arrives(spotter, since)
        passed_s = time.monotonic() - fell_s
        said = f"it said {report.age_s:.0f} s (known: {report.age_known}), {passed_s:.0f} s had passed"
        assert report.age_s <= passed_s + 30, said
        assert not report.age_known or report.age_s >= passed_s - 30, said
        all_clear(scene, spotter)
    known = "exact" if report.age_known else "at least"
    return f"delivered after boot, age {known} {report.age_s:.0f} s of {passed_s:.0f} s"


CLONE = "/home/pi/rearguard"
UPGRADE_S = 3600.0


def upgrade(scene: Scene) -> str:
    """Another version; refused while somebody is watched; everything kept."""
    pi = scene.pi
    with watched(scene) as spotter:
        kept = _kept(scene)
        pi.do(f"cd {CLONE} && sed -i 's/^version = .*/version = \"99.1.0\"/' pyproject.toml", "pi")
        refused = pi.ask(f"cd {CLONE} && sudo ./systemd/upgrade", "pi")
        assert refused.status == 1, refused
        assert "somebody is being watched" in refused.text, refused
        pi.press(BUTTON, 0.1, times=2)
        until(lambda: not armed(spotter), "two presses disarm")
        began_s = time.monotonic()
        pi.do(f"cd {CLONE} && sudo ./systemd/upgrade", "pi", UPGRADE_S)
        scene.figures["upgrade"] = f"{time.monotonic() - began_s:.0f} s"
        until(lambda: spotter.states()[-1].version == "99.1.0", "the new version is in use")
        assert _kept(scene) == kept, "settings, accounts or sessions have changed"
        until(lambda: armed(spotter), "it arms by itself, as after each start")
        fall(scene, spotter)
        all_clear(scene, spotter)
    return f"refused while armed; then 99.1.0 in {scene.figures['upgrade']}, everything kept, a fall is seen"


def failed_upgrade(scene: Scene) -> str:
    """To a version that does not start."""
    pi = scene.pi
    with scene.spotter() as spotter:
        kept, before = _kept(scene), spotter.states()[-1].version
        pi.do(f"cd {CLONE} && sed -i 's/^version = .*/version = \"99.2.0\"/' pyproject.toml", "pi")
        pi.do(f"cd {CLONE} && echo 'raise SystemExit(1)' >>monitor/loop.py", "pi")
        pi.press(BUTTON, 0.1, times=2)
        until(lambda: not armed(spotter), "two presses disarm")
        said = pi.ask(f"cd {CLONE} && sudo ./systemd/upgrade", "pi", UPGRADE_S)
        assert said.status == 1, said
        assert f"version {before} is back" in said.text, said
        run = run_of(spotter)
        until(
            lambda: spotter.states()[-1].version == before and run_of(spotter) == run,
            "the old version watches",
        )
        assert _kept(scene) == kept, "settings, accounts or sessions have changed"
        until(lambda: armed(spotter), "it arms by itself, as after each start")
        fall(scene, spotter)
        all_clear(scene, spotter)
    return f"version {before} came back by itself, everything kept, a fall is seen"


def _kept(scene: Scene) -> str:
    """Settings, accounts, and the sessions that have ended."""
    files = "/etc/rearguard/*.yaml /etc/mosquitto/rearguard/passwords /etc/mosquitto/rearguard/access"
    ended = "rearguard sessions | head -3"
    return scene.pi.do(f"sha256sum {files}; {ended}")


def figures(scene: Scene) -> str:
    pi = scene.pi
    with watched(scene):
        pass
    process = "/proc/$(systemctl show --value --property MainPID rearguard)"
    look = f"cut -d' ' -f14,15 {process}/stat; grep VmRSS {process}/status; cat /proc/uptime"
    first, wait_s = pi.do(look), 60
    time.sleep(wait_s)
    second = pi.do(look)

    def ticks(said: str) -> int:
        return sum(map(int, said.split("\n")[0].split()))

    def uptime(said: str) -> float:
        return float(said.splitlines()[-1].split()[0])

    share = (ticks(second) - ticks(first)) / 100 / (uptime(second) - uptime(first))
    memory = re.findall(r"VmRSS:\s+(\d+)", second)
    scene.figures["CPU of the safety process, emulated"] = f"{100 * share:.0f} % of one core"
    scene.figures["memory of the safety process"] = f"{int(memory[0]) / 1024:.0f} MB resident"
    pi.switch_off()
    pi.switch_on(counting=True)
    with watched(scene):
        pass
    with pi.adapter.lock:
        scene.walker.does([(3.0, Move.STAND), (200.0, Move.BACKWARD)])
    time.sleep(10)
    watching = _instructions_per_s(scene)
    pi.do("systemctl stop rearguard")
    time.sleep(5)
    idle = _instructions_per_s(scene)
    scene.figures["instructions, everything, somebody walks"] = f"{watching / 1e6:.1f} million per second"
    scene.figures["instructions of the safety process, its part of the kernel and the broker included"] = (
        f"{(watching - idle) / 1e6:.1f} million per second"
    )
    pi.do("systemctl start rearguard")
    return "; ".join(scene.figures.values())


def _instructions_per_s(scene: Scene) -> float:
    began_s, before = time.monotonic(), scene.pi.instructions()
    time.sleep(60)
    return (scene.pi.instructions() - before) / (time.monotonic() - began_s)


ALL: dict[str, Callable[[Scene], str]] = {
    "boot": boot,
    "alert": alert,
    "button": button,
    "driver": driver,
    "killed": killed,
    "hung": hung,
    "cable": cable,
    "broker": broker,
    "clock": clock,
    "full-disk": full_disk,
    "power-cut": power_cut,
    "upgrade": upgrade,
    "failed-upgrade": failed_upgrade,
    "figures": figures,
}
