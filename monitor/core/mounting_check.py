"""Does the sensor still sit as calibrated? Asked of a walker who stands, and of the way he walks."""

from monitor.core.vocabulary import (
    Event,
    EventKind,
    FaultCode,
    Input,
    InputKind,
    Obstacle,
    StillEvent,
    Waiting,
)

GRAVITY_G = (0.9, 1.1)  # SisFall's sensors read 0.970 to 1.054 g at rest
UPRIGHT_DEG = 45.0
FALLEN = frozenset({EventKind.FALLING, EventKind.IMPACT, EventKind.DOWN})
UP_AGAIN = frozenset({EventKind.UPRIGHT, EventKind.STEP})
TILTED_STANDS = 2
"""Standing still twice: a deep bow is no slipped belt."""


class MountingCheck:
    """Turns what standing and walking show into faults: SENSOR_TILTED, SENSOR_SLID."""

    STATE = ("_tilted", "_fallen")

    def __init__(self) -> None:
        self._tilted = 0  # times in a row of standing still with the sensor the wrong way up
        self._fallen = False  # and not up again, whatever became of the alert

    def update(self, event: Event, *, armed: bool, may_lie: bool) -> Input | None:
        """The fault that ``event`` begins or ends.

        ``may_lie``: a fall is open, or the sensor cannot be trusted; then standing still says nothing.
        """
        if event.kind in FALLEN:
            self._fallen = True
        elif event.kind in UP_AGAIN:
            self._fallen = False
        match event:
            case Event(kind=EventKind.SLID):
                return Input(InputKind.FAULT, fault=FaultCode.SENSOR_SLID)
            case Event(kind=EventKind.ALIGNED):
                return Input(InputKind.FAULT_GONE, fault=FaultCode.SENSOR_SLID)
            case StillEvent() if not (may_lie or self._fallen):
                self._tilted = self._tilted + 1 if wrong_when_still(event) else 0
                if self._tilted == 0:
                    return Input(InputKind.FAULT_GONE, fault=FaultCode.SENSOR_TILTED)
                if self._tilted >= TILTED_STANDS and armed:
                    return Input(InputKind.FAULT, fault=FaultCode.SENSOR_TILTED)
        return None


def wrong_when_still(event: StillEvent) -> Waiting | None:
    """What of standing still cannot be right, None if all can."""
    if event.from_upright_deg is not None and event.from_upright_deg > UPRIGHT_DEG:
        return Waiting(Obstacle.TILT, f"{event.from_upright_deg:.0f}")
    if not GRAVITY_G[0] <= event.gravity_g <= GRAVITY_G[1]:
        return Waiting(Obstacle.GRAVITY, f"{event.gravity_g:.2f}")
    return None
