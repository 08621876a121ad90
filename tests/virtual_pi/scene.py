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
        self.down = False
        self.does([(3.0, Move.STAND)])

    def does(self, script: Script, already_s: float = 0.0) -> None:
        """``script``, of which the first seconds are over."""
        body = walk(script, RATE_HZ)
        since = round(already_s * RATE_HZ)
        felt = body.accel_g[since:] @ QUARTER_TURN.T, body.gyro_dps[since:] @ QUARTER_TURN.T
        self.chip.source = recording(*felt, RATE_HZ, time.monotonic() - self.chip.world_began_s)

    def falls(self) -> None:
        """Backward, after standing and walking; and lies there."""
        self.down = True
        self.does([(3.0, Move.STAND), (6.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (6.0, Move.LIE)])

    def gets_up(self) -> None:
        """A sensor that stood upright at once, without having turned, would be taken for broken."""
        if self.down:
            self.down = False
            before = [(1.0, Move.STAND), (2.5, Move.FALL_BACKWARD), (2.0, Move.LIE)]
            self.does([*before, (4.0, Move.GET_UP), (3.0, Move.STAND)], already_s=4.5)


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
        with self.pi.adapter.lock:
            self.walker.falls()

    def up(self) -> None:
        with self.pi.adapter.lock:
            self.walker.gets_up()


def until(condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> float:
    """Wait for it; the seconds it took. Raises AssertionError."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < within_s, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - began_s
