"""Examples of the messages, made by what makes those of the device and of Rearguard's own programs."""

import json
from dataclasses import replace

import msgspec

from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    Direction,
    InputKind,
    Priority,
    Reading,
    Stage,
    Status,
    StepEvent,
)
from monitor.delivery import messages
from monitor.delivery.heartbeat import Summary
from monitor.delivery.messages import Clip, Moment, State
from tests.contract.shapes import MESSAGES

BOOT = "ab12cd34"
FALL = f"{BOOT}-7"
NOW = Moment(1267.0, 1795362912.125)

ALERT = Alert(
    *(FALL, 9, AlertKind.FALL, Priority.HIGH, Certainty.CONFIRMED, Stage.ACTIVE, 1266.875),
    evidence={"trunk_lean_deg": Reading(71.2, 60.0)},
)
ANSWERED = replace(ALERT, sequence=10, stage=Stage.ACKNOWLEDGED, who="eva", received_by=("eva",))
STEP = StepEvent(time_s=1266.5, contact_s=1266.375, direction=Direction.BACKWARD, cadence_spm=92.0)
SUMMARY = Summary(
    status=Status(armed=True, sound_paused=False, incidents=(ANSWERED,), time_s=1266.9375),
    alerts=10,
    steps=412,
    steps_backward=398,
    walking_s=301.5,
    recent=(STEP,),
)
CLIP = Clip(
    FALL, BOOT, before_s=0.08, bin_s=0.04, accel_g=(1.02, 0.61, 3.4, None), rate_dps=(40, 95, 310, None)
)


def beat() -> State:
    """A heartbeat, with what the link adds."""
    state = SUMMARY.state(BOOT, 1267, NOW)
    own = {"uptime_s": 1266.5, "first": 2, "spotters": ("eva",), "config": "5f1c0a9e", "version": "1.2.3"}
    return msgspec.structs.replace(state, **own)


def examples() -> dict[str, list[bytes]]:
    """By message."""
    return {
        "state": [messages.encode(beat())],
        "alert": [messages.encode(messages.alert_message(alert, BOOT, NOW)) for alert in (ALERT, ANSWERED)],
        "clip": [messages.encode(CLIP)],
        "answer": [
            messages.encode_answer(FALL, InputKind.COMING),
            messages.encode_answer(FALL, InputKind.CLEAR, "Eva"),
            messages.encode_receipt(FALL, 9),
        ],
        "request": [
            messages.encode_request(InputKind.SPOTTER_HERE, "eva"),
            messages.encode_request(InputKind.DISARM, "eva"),
            messages.encode_repeat("eva", 8),
        ],
        "label": [
            messages.encode_label(FALL, "true", "eva", 3600.0),
            messages.encode_missed("stumble", "eva"),
        ],
    }


def shown(name: str) -> list[dict[str, object]]:
    """The examples of a message, as AsyncAPI has them."""
    shape = MESSAGES[name].shape
    if isinstance(shape, tuple):
        return [{"payload": word.decode()} for word in shape]
    return [{"payload": json.loads(example)} for example in examples().get(name, [])]
