"""The cue is the travel of the hips, whatever the trunk's pitching does to a sensor behind them."""

import numpy as np
import pytest

from monitor.core.direction import LEVER_M, DirectionSense, DirectionSettings
from monitor.core.posture import Body
from monitor.core.vocabulary import GRAVITY_MPS2, Floats

RATE_HZ = 100.0


def score(travel: float, pitch_dps: float) -> Floats:
    """Of two steps a second: hips that rise and fall, ``travel`` 1 forward; the sensor is behind them."""
    swing = 2 * np.pi * 2 * np.arange(2000) / RATE_HZ
    nothing = 0 * swing
    hips_g = 0.15 * np.cos(swing)  # vertical velocity: its integral, a sine
    pitching_dps = travel * pitch_dps * np.sin(swing)
    turning_radps2 = np.radians(np.gradient(pitching_dps, 1 / RATE_HZ))
    body = Body(
        vertical_g=hips_g + LEVER_M * turning_radps2 / GRAVITY_MPS2,  # leaning forward lifts what is behind
        forward_g=-travel * 0.1 * np.sin(swing),
        left_g=nothing,
        magnitude_g=1 + hips_g,
        roll_dps=nothing,
        pitch_dps=pitching_dps,
        yaw_dps=nothing,
        extrapolated_lean_deg=nothing,
    )
    return DirectionSense(DirectionSettings(), RATE_HZ).scores(body)[0][500:]


@pytest.mark.parametrize("travel", [1.0, -1.0])
@pytest.mark.parametrize("pitch_dps", [-120.0, -60.0, 0.0, 60.0, 120.0])
def test_the_trunk_s_pitching_does_not_turn_the_direction_round(travel: float, pitch_dps: float) -> None:
    assert (travel * score(travel, pitch_dps) > DirectionSettings().sure_score).all()
