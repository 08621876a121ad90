"""A bus with sensors that exist only in memory, answering the very messages a Pi would send."""

from firmware.simulated.bus import SimulatedBus
from firmware.simulated.chip import SimulatedChip, Source, recording
from firmware.simulated.invensense import SimulatedInvensense

__all__ = ["SimulatedBus", "SimulatedChip", "SimulatedInvensense", "Source", "recording"]
