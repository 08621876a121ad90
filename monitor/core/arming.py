"""Arming: a wish that comes true as soon as nothing is in its way any more.

Somebody wants it armed (at the start, by the button, by a request, by walking backward); until the
checklist passes, it waits and says what is missing. Once armed it stays so until somebody disarms:
what fails later is an incident of its own, and weighs more because it is armed. Taking the sensor off is
disarming it, until it is seen to be on somebody again.
"""

from dataclasses import dataclass

from monitor.core.mounting_check import wrong_when_still
from monitor.core.setting import switch
from monitor.core.vocabulary import (
    Direction,
    Event,
    EventKind,
    Input,
    InputKind,
    Obstacle,
    StepEvent,
    StillEvent,
    Waiting,
)

BACKWARD_STEPS = 4  # in a row, before it counts as walking backward
WORN_STEPS = 4
"""A sensor that has made so many steps is on somebody."""
UNWATCHED_STEPS = 10
"""Whoever walks so many, meant to be armed and not, must learn that nobody watches."""
NOT_STILL = Waiting(Obstacle.NOT_STILL)
TAKEN_OFF = Waiting(Obstacle.TAKEN_OFF)


@dataclass(frozen=True, slots=True)
class ArmingSettings:
    at_start: bool = switch(True, "arm when the program starts")
    by_button: bool = switch(True, "pressing the button twice arms and disarms")
    by_request: bool = switch(True, "spotters may arm and disarm")
    when_walking_backward: bool = switch(False, "arm when backward walking begins")
    needs_stillness: bool = switch(
        True, "arm only after two seconds of standing still, upright, while the accelerometer reads 1 g"
    )
    needs_spotter: bool = switch(False, "arm only while the broker answers and a spotter is listening")


class Arming:
    """``armed``, or ``wanted`` and what is missing."""

    STATE = (
        "armed",
        "wanted",
        "_off",
        "_sensor",
        "_still",
        "_link",
        "_power",
        "_spotters",
        "_backward",
        "_steps",
    )

    def __init__(self, settings: ArmingSettings) -> None:
        self._settings = settings
        self.armed = False
        self.wanted = settings.at_start
        self._off: Waiting | None = None
        self._sensor: Waiting | None = None
        self._still: Waiting | None = NOT_STILL
        self._link: Waiting | None = Waiting(Obstacle.LINK)
        self._power: Waiting | None = None
        self._spotters: set[str] = set()
        self._backward = 0
        self._steps = 0  # since it was meant to be armed
        self._settle()

    @property
    def worn(self) -> bool:
        """It is meant to be armed, and has been seen to be on a person who stands or walks."""
        return self.wanted and (self._still is None or self._steps >= WORN_STEPS)

    @property
    def unwatched(self) -> bool:
        """The walker walks as if it were armed."""
        return self.wanted and not self.armed and self._steps >= UNWATCHED_STEPS

    @property
    def alone(self) -> bool:
        """A spotter is needed and none is there."""
        return self._settings.needs_spotter and not self._spotters

    @property
    def missing(self) -> tuple[Waiting, ...]:
        """What is in the way of arming; what to do first."""
        needs = self._settings
        found = [self._off, self._sensor, self._power]
        if needs.needs_stillness and not self._off:  # "put it on" says more
            found.append(self._still)
        if needs.needs_spotter:
            found.append(self._link or (None if self._spotters else Waiting(Obstacle.NO_SPOTTER)))
        return tuple(waiting for waiting in found if waiting)

    def on_event(self, event: Event) -> None:
        """What the detector saw."""
        match event:
            case Event(kind=EventKind.SENSOR_LOST):
                self._sensor = Waiting(Obstacle.SENSOR, event.reason)
                self._still = NOT_STILL
            case Event(kind=EventKind.SENSOR_BACK):
                self._sensor = None
            case Event(kind=EventKind.TAKEN_OFF):
                self._off, self._still = TAKEN_OFF, NOT_STILL
                self.armed, self._steps = False, 0
            case StillEvent():
                self._still = wrong_when_still(event)
                if self._still is None:
                    self._off = None
            case StepEvent():
                self._backward = self._backward + 1 if event.direction is Direction.BACKWARD else 0
                self._steps += 1
                if self._steps >= WORN_STEPS:
                    self._off = None
                if self._settings.when_walking_backward and self._backward == BACKWARD_STEPS:
                    self.wanted = True
        self._settle()

    def on_input(self, given: Input) -> None:
        """What people and the other parts say."""
        match given.kind:
            case InputKind.LINK_LOST:
                self._link = Waiting(Obstacle.LINK, given.reason)
            case InputKind.LINK_BACK:
                self._link = None
            case InputKind.POWER_LOW:
                self._power = Waiting(Obstacle.POWER)
            case InputKind.POWER_GOOD:
                self._power = None
            case InputKind.SPOTTER_HERE:
                self._spotters.add(given.who)
            case InputKind.SPOTTER_GONE:
                self._spotters.discard(given.who)
            case InputKind.RESUME:  # nobody stands still in mid-walk
                self.wanted = self.armed = True
            case InputKind.ARM | InputKind.DISARM if self._settings.by_request:
                self._wish(given.kind is InputKind.ARM)
            case InputKind.BUTTON_DOUBLE if self._settings.by_button:
                self._wish(not self.wanted)
        self._settle()

    def _wish(self, wanted: bool) -> None:
        if wanted != self.wanted:
            self._steps = 0
        self.wanted = wanted
        if not wanted:
            self.armed, self._still = False, NOT_STILL

    def _settle(self) -> None:
        if self.wanted and not self.armed and not self.missing:
            self.armed = True
