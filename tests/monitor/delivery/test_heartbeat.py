"""The heartbeat's summary of what the loop knows."""

from dataclasses import replace
from math import nan

from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Alert, AlertKind, Certainty, Direction, Priority, Stage, Status, StepEvent
from monitor.delivery.heartbeat import Summary
from monitor.delivery.messages import Gait, Moment


def block(end_s: float, lost: int = 0, fault: str = "") -> SampleBlock:
    return replace(SampleBlock.silent(end_s, fault), lost=lost)


def step(time_s: float) -> StepEvent:
    return StepEvent(time_s, contact_s=time_s - 0.1, direction=Direction.BACKWARD)


def test_steps_alerts_and_lost_samples_add_up() -> None:
    fall = Alert("boot-1", 7, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 10.0)
    status = Status(True, False, (fall,), 10.0)
    summary = Summary().after(block(9.0, lost=3), [step(8.9), step(8.95)], [], Status(True, False, (), 9.0))
    summary = summary.after(block(10.0, lost=2, fault="no sensor answers"), [step(9.9)], [fall], status)
    state = summary.state("boot", 5, Moment(10.5, 1000.5))
    assert (state.boot, state.sequence, state.mono_s, state.wall_s) == ("boot", 5, 10.5, 1000.5)
    assert (state.steps, state.alerts, state.lost_samples) == (3, 7, 5)
    assert (state.armed, state.sound_paused, state.walking, state.block_age_s) == (True, False, True, 0.5)
    assert state.faults == ("no sensor answers",)
    (incident,) = state.incidents
    assert (incident.id, incident.sequence, incident.age_s) == ("boot-1", 7, 0.5)


def test_the_gait_is_that_of_the_steps() -> None:
    def judged(time_s: float, step_s: float, sway_percent: float, rhythm_percent: float) -> StepEvent:
        return StepEvent(
            time_s,
            contact_s=time_s - 0.2,
            direction=Direction.BACKWARD if time_s < 9.5 else Direction.FORWARD,
            step_s=step_s,
            cadence_spm=101.26,
            sway_percent=sway_percent,
            rhythm_percent=rhythm_percent,
        )

    status = Status(False, False, (), 10.0)
    steps = [judged(8.0, nan, 99.0, nan), judged(9.0, 1.0, 40.0, nan), judged(9.6, 0.6, 30.04, 20.0)]
    summary = Summary().after(block(10.0), steps, [], status)
    gait = Gait(2, 1.6, "forward", 0.4, 101.3, 40.0, 20.0)
    assert summary.state("boot", 1, Moment(10.0, 0.0)).gait == gait
    later = Gait(2, 1.6, "forward", 10.4, 101.3, None, None)
    assert summary.state("boot", 2, Moment(20.0, 0.0)).gait == later
    assert Summary().state("boot", 3, Moment(20.0, 0.0)).gait == Gait()


def test_two_seconds_after_a_step_it_no_longer_says_walking() -> None:
    summary = Summary().after(block(9.0), [step(9.0)], [], Status(True, False, (), 9.0))
    assert summary.state("boot", 1, Moment(10.9, 0.0)).walking
    assert not summary.state("boot", 1, Moment(11.0, 0.0)).walking


def test_what_a_spotter_must_see_at_once_shows() -> None:
    calm = Summary().after(block(1.0), [], [], Status(True, False, (), 1.0))
    assert calm.after(block(2.0), [step(2.0)], [], Status(True, False, (), 2.0)).shown == calm.shown
    for status in (Status(False, False, (), 2.0), Status(True, True, (), 2.0)):
        assert calm.after(block(2.0), [], [], status).shown != calm.shown
    assert calm.after(block(2.0, fault="none"), [], [], Status(True, False, (), 2.0)).shown != calm.shown
