"""Put into a virtual environment, every I2C bus is a simulated one.

A walker stands and walks on it whose sensor is not mounted as the default has it. Imported by a .pth file
as Python starts.
"""

from typing import Any

import smbus2


def open_simulated(_number: int) -> Any:
    import time

    import numpy as np

    from firmware.simulated import SimulatedBus, SimulatedInvensense, recording
    from monitor.recordings.simulated_walker import Move, walk

    body = walk([(6.0, Move.STAND), (600.0, Move.FORWARD)], 100.0)
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])  # a quarter turn round the belt
    felt = recording(body.accel_g @ turn.T, body.gyro_dps @ turn.T, 100.0)
    port: Any = SimulatedBus(SimulatedInvensense(felt, time.monotonic))
    port.fd = None  # has no time limit to be set
    port.close = lambda: None
    return port


setattr(smbus2, "SMBus", open_simulated)  # noqa: B010 - in place of a class
