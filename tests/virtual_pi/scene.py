"""The people round the virtual Pi: who wears it, and who watches from afar."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from firmware.simulated import SimulatedInvensense, recording
from monitor.delivery.invitation import settings_of
from monitor.delivery.mqtt import MqttSettings
from monitor.recordings.simulated_walker import Move, Script, walk
from tests.listener import Listener
from tests.virtual_pi.qemu import VirtualPi

SETTINGS = "/etc/rearguard/config.yaml"
BROKER_PORT, PAGE_PORT = 8883, 8180
RATE_HZ = 100.0

QUARTER_TURN = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
"""Round the belt: nothing is right before it is calibrated."""

PATIENCE_S = 300.0
"""Emulation is slow, this machine may be busy, and a fault that comes back is held for two minutes."""


class Walker:
    """Wears the sensor. What he does begins at once; before and after it he stands or lies still."""

    def __init__(self) -> None:
        self.chip = SimulatedInvensense(lambda time_s: (np.zeros((len(time_s), 3)),) * 2, time.monotonic)
        self.does([(3.0, Move.STAND)])

    def does(self, script: Script) -> None:
        body = walk(script, RATE_HZ)
        felt = body.accel_g @ QUARTER_TURN.T, body.gyro_dps @ QUARTER_TURN.T
        self.chip.source = recording(*felt, RATE_HZ, time.monotonic() - self.chip.world_began_s)


@dataclass
class Scene:
    """``figures`` collects what was measured on the way."""

    pi: VirtualPi
    walker: Walker
    folder: Path
    figures: dict[str, str] = field(default_factory=dict)
    _account: MqttSettings | None = None

    def spotter(self) -> Listener:
        """Somebody at a program of their own, by an account that `rearguard pair` made."""
        if self._account is None:
            said = self.pi.do(
                f"rearguard pair listener --renew --config {SETTINGS}; systemctl reload mosquitto"
            )
            url = re.search(r"mqtts://\S+", said)
            assert url is not None, said
            authority = self.folder / "ca.crt"
            authority.write_text(self.pi.do("cat /etc/mosquitto/rearguard/ca.crt"))
            told = settings_of(url[0], MqttSettings(ca_file=str(authority)))
            self._account = replace(told, host="localhost", port=self.pi.port(BROKER_PORT))
        return Listener(self._account)

    def fall(self) -> None:
        """Backward, after standing and walking."""
        steps = [(3.0, Move.STAND), (6.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (6.0, Move.LIE)]
        with self.pi.adapter.lock:
            self.walker.does(steps)

    def up(self) -> None:
        with self.pi.adapter.lock:
            self.walker.does([(4.0, Move.GET_UP), (3.0, Move.STAND)])


def until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for it; the seconds it took. Raises AssertionError."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < within_s, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - began_s
