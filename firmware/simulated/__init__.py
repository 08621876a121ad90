"""A bus with sensors that exist only in memory, answering the very messages a Pi would send."""

from firmware.simulated.bmi160 import SimulatedBmi160
from firmware.simulated.bus import SimulatedBus
from firmware.simulated.chip import SimulatedChip, Source, recording
from firmware.simulated.icm20948 import SimulatedIcm20948
from firmware.simulated.icm42688 import SimulatedIcm42688
from firmware.simulated.invensense import SimulatedInvensense
from firmware.simulated.lsm6ds import SimulatedLsm6ds3, SimulatedLsm6dso, SimulatedLsm6dso32

__all__ = [
    "SimulatedBmi160",
    "SimulatedBus",
    "SimulatedChip",
    "SimulatedIcm20948",
    "SimulatedIcm42688",
    "SimulatedInvensense",
    "SimulatedLsm6ds3",
    "SimulatedLsm6dso",
    "SimulatedLsm6dso32",
    "Source",
    "recording",
]
