"""Arming: a wish that comes true as soon as nothing speaks against it any more.

Somebody wants it armed (at the start, by the button, by a request, by walking backward); until the
checklist passes, it waits and says what is missing. Once armed it stays so until somebody disarms:
what fails later is a story of its own, and weighs more because it is armed.
"""

from dataclasses import dataclass

from monitor.core.setting import switch
from monitor.core.vocabulary import Direction, Event, EventKind, Input, InputKind

GRAVITY_G = (0.9, 1.1)  # SisFall's sensors read 0.970 to 1.054 g at rest
UPRIGHT_DEG = 45.0
BACKWARD_STEPS = 4  # in a row, before it counts as walking backward
STAND_STILL = "stand still for two seconds"


@dataclass(frozen=True, slots=True)
class ArmingSettings:
    at_start: bool = switch(True, "arm at the start, without being asked")
    by_button: bool = switch(True, "two presses of the button arm and disarm")
    by_request: bool = switch(True, "a spotter's request arms and disarms")
    when_walking_backward: bool = switch(False, "arm when backward walking begins")
    needs_stillness: bool = switch(
        True, "arm only after two seconds of standing still, upright, with gravity felt right"
    )
    needs_spotter: bool = switch(False, "arm only while the broker answers and a spotter is listening")


class Arming:
    """``armed``, or ``wanted`` and the reasons why not yet."""

    def __init__(self, settings: ArmingSettings) -> None:
        self._settings = settings
        self.armed = False
        self.wanted = settings.at_start
        self._sensor = ""
        self._still = STAND_STILL
        self._link = "the broker has not answered yet"
        self._power = ""
        self._spotters: set[str] = set()
        self._backward = 0
        self._settle()

    @property
    def alone(self) -> bool:
        """A spotter is needed and none is there."""
        return self._settings.needs_spotter and not self._spotters

    @property
    def missing(self) -> tuple[str, ...]:
        """What speaks against arming, in words; what to do first."""
        needs = self._settings
        reasons = [self._sensor, self._power]
        if needs.needs_stillness:
            reasons.append(self._still)
        if needs.needs_spotter:
            reasons.append(self._link or ("" if self._spotters else "no spotter is listening"))
        return tuple(reason for reason in reasons if reason)

    def see(self, event: Event) -> None:
        """What the detector saw."""
        match event.kind:
            case EventKind.SENSOR_LOST:
                self._sensor = event.reason or "the sensor is silent"
                self._still = STAND_STILL
            case EventKind.SENSOR_BACK:
                self._sensor = ""
            case EventKind.STILL:
                self._still = wrong_when_still(event)
        if event.kind is EventKind.STEP:
            backward = event.evidence["direction"].value == Direction.BACKWARD
            self._backward = self._backward + 1 if backward else 0
            if self._settings.when_walking_backward and self._backward == BACKWARD_STEPS:
                self.wanted = True
        self._settle()

    def hear(self, word: Input) -> None:
        """What people and the link say."""
        match word.kind:
            case InputKind.LINK_LOST:
                self._link = word.reason or "the broker does not answer"
            case InputKind.LINK_BACK:
                self._link = ""
            case InputKind.POWER_LOW:
                self._power = word.reason or "the supply is low"
            case InputKind.POWER_GOOD:
                self._power = ""
            case InputKind.SPOTTER_HERE:
                self._spotters.add(word.who)
            case InputKind.SPOTTER_GONE:
                self._spotters.discard(word.who)
            case InputKind.RESUME:  # nobody stands still in mid-walk
                self.wanted = self.armed = True
            case InputKind.ARM | InputKind.DISARM if self._settings.by_request:
                self._wish(word.kind is InputKind.ARM)
            case InputKind.BUTTON_DOUBLE if self._settings.by_button:
                self._wish(not self.wanted)
        self._settle()

    def _wish(self, wanted: bool) -> None:
        self.wanted = wanted
        if not wanted:
            self.armed, self._still = False, STAND_STILL

    def _settle(self) -> None:
        if self.wanted and not self.armed and not self.missing:
            self.armed = True


def wrong_when_still(event: Event) -> str:
    """Why what was felt standing still cannot be right, "" if it can."""
    gravity_g = event.evidence["gravity_g"].value
    lean_deg = event.evidence["from_upright_deg"].value if "from_upright_deg" in event.evidence else 0.0
    if not GRAVITY_G[0] <= gravity_g <= GRAVITY_G[1]:
        return f"the sensor feels {gravity_g:.2f} g at rest, not 1 g: faulty, or its range is wrong"
    if lean_deg > UPRIGHT_DEG:
        return f"the sensor sits {lean_deg:.0f} degrees from upright: turn it, or run rearguard calibrate"
    return ""
