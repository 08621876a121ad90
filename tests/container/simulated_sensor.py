"""Put into a virtual environment, every I2C bus is a simulated one; what its walker does stands in a file.

"stand" and "walk" are what they say. While it says "held" the bus answers nobody, and the line stands still.
"""

import time
from pathlib import Path
from typing import Any

import smbus2

WALKER = Path("/etc/rearguard-walker")


def open_simulated(_number: int) -> Any:
    from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
    from monitor.recordings.simulated_walker import Move, walk

    if WALKER.read_text() == "held":
        print("the bus is held", flush=True)
    while (does := WALKER.read_text()) == "held":
        time.sleep(0.1)
    body = walk([(600.0, {"stand": Move.STAND, "walk": Move.FORWARD}[does])], 100.0)
    felt = recording(body.accel_g, body.gyro_dps, 100.0)
    port: Any = SimulatedBus(SimulatedInvensense(felt, time.monotonic))
    port.fd = None  # has no time limit to be set
    port.close = lambda: None
    return port


setattr(smbus2, "SMBus", open_simulated)  # noqa: B010 - in place of a class
