"""The words for people: what a fault is, what is missing for arming, what to do about it.

The core deals in codes. Rewording a line here heals no fault and breaks none.
"""

from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    FaultCode,
    Obstacle,
    Priority,
    Stage,
    Status,
    Waiting,
)

KIND_WORDS = {
    AlertKind.FALL: "FALL",
    AlertKind.SOS: "CALL FOR HELP",
    AlertKind.STUMBLE: "stumble",
    AlertKind.UNSAFE_STEP: "unsafe step",
    AlertKind.TIRING: "tiring",
    AlertKind.SENSOR: "sensor fault",
    AlertKind.LINK: "connection fault",
    AlertKind.BATTERY: "low supply voltage",
    AlertKind.FAULT: "fault",
    AlertKind.TEST: "test",
}
"""What each kind of incident is called."""

FAULTS = {
    FaultCode.SENSOR_TILTED: "the sensor is no longer mounted as calibrated: turn it upright, or run "
    "rearguard calibrate",
    FaultCode.SENSOR_SLID: "the sensor has slid round the belt, or you are walking sideways",
    FaultCode.UNKNOWN_CHIP: "{reason}",
    FaultCode.PANEL: "{part} does not work: {reason}",
    FaultCode.NO_SPOTTER: "no spotter is listening any more",
    FaultCode.PHONES: "{part} reaches no phone: check its network and its services",
    FaultCode.OUTBOX: "alerts waiting to be sent are kept in memory only: {reason}",
    FaultCode.NOT_ARMED: "the walker walks and is NOT WATCHED: stand still for two seconds, upright",
    FaultCode.ALERTS_LOST: "the file of waiting alerts was damaged, some may be lost: check on the walker",
    FaultCode.DEFECT: "the {part} failed: {reason}; please report it, with the log",
    FaultCode.STUCK: "the {part} has been stuck for {reason}: if that lasts, restart Rearguard",
    FaultCode.JOURNAL: "this session is not recorded: {reason}",
    FaultCode.CARD: "the memory card fails or is worn out: {reason}; save what you need, put in a new one",
    FaultCode.NAME_CONFLICT: "client ID conflict: another device uses the name {part}",
}
DISK = {
    # SQLite says so of a full disk too, where a file that it maps finds no room.
    "disk I/O error": "the disk is full, or the memory card is worn: make room, else put in a new one",
    "Input/output error": "the memory card does not take it, which a worn one does: put in a new one",
    "readonly database": "the disk is read-only, as a failing card becomes: restart, or put in a new one",
    "Read-only file system": "the disk is read-only, as a failing card becomes: restart, or put in a new one",
    "disk is full": "the disk is full: make room",
    "No space left": "the disk is full: make room",
    "No such file": "its folder is not there, or cannot be written",
    "unable to open": "its folder cannot be written, or its disk is read-only",
}
"""What SQLite and the system say of a disk, and what people are told."""

UNVERIFIED = "unverified, it was not armed"
LOW_SUPPLY = "the Pi's supply voltage is low: use a stronger supply or a shorter cable"

MISSING = {
    Obstacle.TAKEN_OFF: "taken off: put it on, then stand still for two seconds",
    Obstacle.NOT_STILL: "stand still for two seconds",
    Obstacle.GRAVITY: "the accelerometer reads {detail} g at rest, expected 0.9 to 1.1 g: stand still; if "
    "that does not help, run rearguard check",
    Obstacle.TILT: "the sensor is tilted {detail} degrees from upright: turn it, or run rearguard calibrate",
    Obstacle.SENSOR: "{detail}",
    Obstacle.POWER: LOW_SUPPLY,
    Obstacle.LINK: "{detail}",
    Obstacle.NO_SPOTTER: "no spotter is listening",
}
UNKNOWN = {Obstacle.SENSOR: "the sensor sends no samples", Obstacle.LINK: "no connection to the broker yet"}
"""In place of a detail that is not known."""


def no_rights(device: str, account: str) -> str:
    """What an account may not do, and what to do about it."""
    return (
        f"the account {account or 'used here'} may not write and read rearguard/{device}/...; "
        f"rearguard broker setup renews its rights, or correct mqtt.device"
    )


def reason_of(alert: Alert) -> str:
    """Why an alert was raised, in words; "" where its kind says it all."""
    if alert.fault is not None:
        return fault_words(alert.fault, alert.part, alert.reason)
    words = LOW_SUPPLY if alert.kind is AlertKind.BATTERY else alert.reason
    return words if alert.verified else "; ".join(filter(None, (UNVERIFIED, words)))


def fault_words(code: FaultCode, part: str = "", reason: str = "") -> str:
    """What is wrong, and what to do about it."""
    if code in (FaultCode.OUTBOX, FaultCode.JOURNAL):
        reason = next((words for said, words in DISK.items() if said in reason), reason)
    return FAULTS[code].format(part=part, reason=reason)


def missing(waiting: Waiting) -> str:
    """What is missing for arming, and what to do about it."""
    return MISSING[waiting.obstacle].format(detail=waiting.detail or UNKNOWN.get(waiting.obstacle, ""))


def summary(status: Status) -> str:
    """All that somebody who glances at it must know, in a sentence; "watching" only where that is so."""
    urgent = [alert for alert in status.incidents if alert.priority is Priority.HIGH]
    others = [alert for alert in status.incidents if alert.priority is Priority.MEDIUM]
    if urgent:
        foremost = urgent[0]
        coming = f"{foremost.who or 'somebody'} is coming"
        answer = coming if foremost.stage is Stage.ACKNOWLEDGED else "nobody has answered"
        return f"{KIND_WORDS[foremost.kind]}, {answer}"
    reason = next((f"{KIND_WORDS[alert.kind]}: {reason_of(alert)}".rstrip(": ") for alert in others), "")
    if not status.armed:
        why = [missing(waiting) for waiting in status.waits_for]
        return ": ".join(["not armed", *why[:1]])
    if any(alert.kind is AlertKind.SENSOR for alert in others):
        return f"NOT WATCHING, {reason}"
    return f"watching, {reason}" if reason else "watching"
