"""What goes over MQTT: the topics, and the JSON of states, alerts, answers and requests.

Wall time enters here. What we are asked to do is read strictly: an answer or a request with an unknown
field is refused, because obeying half of it could be worse than obeying none. What we are only informed of is
read leniently: a spotter a version behind still understands the alert in a message with new fields.
"""

import re
import time
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Annotated, Literal, NamedTuple, TypeVar

import msgspec

from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Reading,
    Stage,
    Status,
)
from monitor.delivery.wording import reason_of

LIFETIME_S = {Priority.HIGH: 3600.0, Priority.MEDIUM: 600.0, Priority.LOW: 120.0}
"""How long after the event an alert stage is still worth delivering."""

WORD_BYTES = 1024
"""Largest answer or request that is read."""

STATE_BYTES = 65_536
"""Largest state or alert that is read."""

DEVICE_PATTERN = "[a-z0-9_-]{1,32}"
DEVICE_WORDS = "1 to 32 of a-z, 0-9, _ and -"

Word = Annotated[str, msgspec.Meta(max_length=64)]
Sentence = Annotated[str, msgspec.Meta(max_length=500)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Age = Annotated[float, msgspec.Meta(ge=0, le=366 * 86400.0)]


class MessageError(ValueError):
    """A message that cannot be understood, and why."""


class Moment(NamedTuple):
    """One instant on both clocks of a machine."""

    mono_s: float
    wall_s: float


Clock = Callable[[], Moment]


def now() -> Moment:
    """The instant, on the clocks of this machine."""
    return Moment(time.monotonic(), time.time())


class Topics:
    """The topics of one device. Raises ValueError for a name that is not ``[a-z0-9_-]{1,32}``."""

    def __init__(self, device: str) -> None:
        if not re.fullmatch(DEVICE_PATTERN, device):
            raise ValueError(f"device name {device!r}: {DEVICE_WORDS} are allowed")
        root = f"rearguard/{device}"
        self.availability = f"{root}/availability"
        self.state = f"{root}/state"
        self.alert = f"{root}/alert"
        self.again = (
            f"{root}/again"  # alerts sent again: for who asked, and for who has not said that he has them
        )
        self.clip = f"{root}/clip"  # a few seconds of signal around an alert, for people to look at
        self.answer = f"{root}/answer"  # a level further down stands the account, which the broker proves
        self.answers = f"{root}/answer/+"
        self.request = f"{root}/request"
        self.check = f"{root}/check"  # written by the bench test, read by nobody

    def answer_of(self, account: str) -> str:
        """Where this account answers, and no other may."""
        return f"{self.answer}/{level(account)}"

    def account(self, topic: str) -> str | None:
        """Whose answers come on this topic; "" on that of earlier versions, which proves none; else None."""
        if topic == self.answer:
            return ""
        account = topic.removeprefix(f"{self.answer}/")
        return account if 0 < len(account) <= 64 and "/" not in account and account != topic else None


ONLINE = b"online"
OFFLINE = b"offline"
"""The device's last will: it died, or its network did."""
SWITCHED_OFF = b"switched off"
"""Its last word when it ends in order."""

NO_CONTACT = "no-contact"
"""In place of an incident's id in an answer among spotters: somebody looks after a device without contact."""


class AlertMessage(msgspec.Struct, frozen=True):
    """One report of one incident. (``boot``, ``sequence``) names the report, ``id`` the incident.

    id: the incident; all its reports share it, and no other incident ever does
    boot: the run of the safety process that made the report
    sequence: number of the report; it goes on from run to run
    kind: what the incident is
    priority: 3 high (a fall, a call for help), 2 medium, 1 low
    certainty: how sure the device is
    stage: who has reacted: active (nobody yet), acknowledged (a spotter is coming), or how it ended
    time_s: when the sample that proved it was taken, in seconds of the device's monotonic clock
    wall_s: the same instant as wall time, in seconds since 1970 (UTC)
    age_s: how long before sending that was, in seconds of the monotonic clock
    expires_s: wall time in seconds after which it is shown, but nobody is woken by it
    evidence: the figures that led to it, by name; the name ends in the unit
    reason: why, in words for people; empty where the kind says it all
    who: the person who reacted; empty where nobody has
    fault: the code of the fault, in an incident of kind fault; else empty
    age_known: false where the device has been without power since, and age_s is the least it can be
    verified: false for what was raised while the device was not armed
    """

    id: Word
    boot: Word
    sequence: Count
    kind: AlertKind
    priority: Priority
    certainty: Certainty
    stage: Stage
    time_s: float
    wall_s: float
    age_s: float
    expires_s: float
    evidence: dict[str, Reading] = {}
    reason: Sentence = ""
    who: Word = ""
    fault: Word = ""
    age_known: bool = True
    verified: bool = True

    @property
    def lifetime_s(self) -> float:
        return self.expires_s - self.wall_s

    def aged(self, age_s: float, wall_s: float, age_known: bool = True) -> "AlertMessage":
        """The same report, sent at ``wall_s`` when it is ``age_s`` old."""
        event_s = wall_s - age_s
        return msgspec.structs.replace(
            self, age_s=age_s, wall_s=event_s, expires_s=event_s + self.lifetime_s, age_known=age_known
        )


class Incident(msgspec.Struct, frozen=True):
    """An open incident as the heartbeat lists it.

    id: the incident, as in its alerts
    sequence: number of its latest report
    kind: what the incident is
    priority: 3 high (a fall, a call for help), 2 medium, 1 low
    certainty: how sure the device is
    stage: who has reacted: active (nobody yet) or acknowledged (a spotter is coming)
    age_s: how long before this heartbeat its latest report's event was, in seconds
    reason: why, in words for people; empty where the kind says it all
    who: the person who reacted; empty where nobody has
    fault: the code of the fault, in an incident of kind fault; else empty
    age_known: false where the device has been without power since, and age_s is the least it can be
    verified: false for what was raised while the device was not armed
    received_by: the names of those whose programs have its latest report
    wall_s: age_s as a wall time, in whole seconds since 1970 (UTC), which does not change from beat to beat
    """

    id: Word
    sequence: Count
    kind: AlertKind
    priority: Priority
    certainty: Certainty
    stage: Stage
    age_s: float
    reason: Sentence = ""
    who: Word = ""
    fault: Word = ""
    age_known: bool = True
    verified: bool = True
    received_by: tuple[Word, ...] = ()
    wall_s: float = 0.0


class Clip(msgspec.Struct, frozen=True):
    """The signal around the first report of an incident: the largest of each bin, for people to look at.

    id: the incident
    boot: the run of the safety process that sends it
    before_s: how long before the report the first bin begins, in seconds
    bin_s: how long a bin is, in seconds
    accel_g: the largest acceleration in each bin, in g; null where there were no samples
    rate_dps: the largest rotation in each bin, in degrees per second; null where there were no samples
    """

    id: Word
    boot: Word
    before_s: float
    bin_s: float
    accel_g: tuple[float | None, ...]
    rate_dps: tuple[float | None, ...]


class Gait(msgspec.Struct, frozen=True):
    """What is seen of the walk; null where it is not known.

    steps_backward: steps backward since the safety process started
    walking_s: time walked since then, in seconds
    direction: which way the last step went
    step_age_s: how long ago the last step was, in seconds
    cadence_spm: cadence at the last step, in steps per minute
    sway_percent: how near the last second's sway came to an unsafe step, in percent: at 100 it is one
    rhythm_percent: how near the last second's rhythm came to an unsafe step, in percent: at 100 it is one
    """

    steps_backward: Count = 0
    walking_s: float = 0.0
    direction: Literal["backward", "unknown", "forward"] = "unknown"
    step_age_s: float | None = None
    cadence_spm: float | None = None
    sway_percent: float | None = None
    rhythm_percent: float | None = None


class State(msgspec.Struct, frozen=True):
    """The heartbeat. ``mono_s`` and ``wall_s`` are one instant on the device's clocks, when it was sent.

    boot: the run of the safety process that sends it
    sequence: number of the heartbeat in this run
    mono_s: when it was sent, in seconds of the device's monotonic clock
    wall_s: the same instant as wall time, in seconds since 1970 (UTC)
    uptime_s: how long the safety process has run, in seconds
    armed: whether it watches the walker
    sound_paused: whether somebody has paused the buzzer
    incidents: the open incidents, the most urgent first; one that is missing has ended
    summary: how things are, in a sentence for people
    faults: what does not work, in words for people
    waits_for: what is missing for arming, in words for people
    spotters: the names of those who say that they listen
    alerts: number of the last report; a receiver that lacks some may ask for them with repeat
    first: the same before this run; 0 where nothing is known of earlier ones
    block_age_s: how old the latest samples are, in seconds
    steps: steps since the safety process started
    walking: whether there was a step in the last two seconds
    gait: what is seen of the walk
    lost_samples: samples lost between sensor and program since the start
    waiting: alerts that the broker does not have yet
    expired: alerts that were dropped: past expires_s before the broker had them
    ignored: messages to the device that were not understood or not allowed
    config: hash of the settings
    version: version of Rearguard
    """

    boot: Word
    sequence: Count
    mono_s: float
    wall_s: float
    uptime_s: float
    armed: bool
    sound_paused: bool
    incidents: tuple[Incident, ...] = ()
    summary: Sentence = ""
    faults: tuple[Sentence, ...] = ()
    waits_for: tuple[Sentence, ...] = ()
    spotters: tuple[Word, ...] = ()
    alerts: Count = 0
    first: Count = 0
    block_age_s: float = 0.0
    steps: Count = 0
    walking: bool = False
    gait: Gait = Gait()
    lost_samples: Count = 0
    waiting: Count = 0
    expired: Count = 0
    ignored: Count = 0
    config: Word = ""
    version: Word = ""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spotter's answer to one incident, in the name of the account in its topic; or a receipt.

    id: the incident, an open one; or no-contact: among spotters, somebody looks after a lost device
    act: coming, false_alarm, clear (it is over), or received: the sender has the report "sequence"
    person: for whom the account speaks, as a page does for whom it has let in
    who: ignored; earlier versions write it
    sequence: number of the report that was received
    """

    id: Word
    act: Literal["coming", "false_alarm", "clear", "received"]
    person: Word = ""
    who: Word = ""
    sequence: Count = 0


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spotter's request that belongs to no incident.

    act: what is asked for; spotter_here, spotter_gone and phones_failed say how things are with "who"
    who: who asks, or who listens; it is not proved
    since: for repeat: number of the first report that is missing
    """

    act: Literal[
        "arm", "disarm", "pause_sound", "test", "spotter_here", "spotter_gone", "phones_failed", "repeat"
    ]
    who: Word = ""
    since: Count = 0  # of a repetition


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to note what somebody says: of an incident, or that an alert is missed at this moment.

    act: label
    label: true or false: the incident was reported rightly or not; missed: there should have been an alert
    id: the incident that is true or false; empty for missed
    about: the kind of alert that is missed; null for true and false
    who: who says so; it is not proved
    age_s: how long ago it was said, in seconds
    """

    act: Literal["label"]
    label: Literal["true", "false", "missed"]
    id: Word = ""
    about: Literal["fall", "stumble", "unsafe_step"] | None = None
    who: Word = ""
    age_s: Age = 0.0


class _Act(msgspec.Struct):
    act: str


def alert_message(alert: Alert, boot: str, moment: Moment) -> AlertMessage:
    """``alert`` as it is sent at ``moment``; readings JSON has no word for (infinite) are left out."""
    age_s = max(0.0, moment.mono_s - alert.time_s)
    event_s = moment.wall_s - age_s
    return AlertMessage(
        id=alert.id,
        boot=boot,
        sequence=alert.sequence,
        kind=alert.kind,
        priority=alert.priority,
        certainty=alert.certainty,
        stage=alert.stage,
        time_s=alert.time_s,
        wall_s=event_s,
        age_s=age_s,
        expires_s=event_s + LIFETIME_S[alert.priority],
        evidence=_finite(alert.evidence),
        reason=reason_of(alert)[:500],
        who=alert.who[:64],
        fault=alert.fault or "",
        age_known=alert.time_known,
        verified=alert.verified,
    )


def incidents(status: Status, moment: Moment) -> tuple[Incident, ...]:
    """The open incidents of ``status`` as the heartbeat of this ``moment`` lists them."""
    mono_s = moment.mono_s
    return tuple(
        Incident(
            id=alert.id,
            sequence=alert.sequence,
            kind=alert.kind,
            priority=alert.priority,
            certainty=alert.certainty,
            stage=alert.stage,
            age_s=max(0.0, mono_s - alert.time_s),
            reason=reason_of(alert)[:500],
            who=alert.who[:64],
            fault=alert.fault or "",
            age_known=alert.time_known,
            verified=alert.verified,
            received_by=alert.received_by,
            wall_s=float(round(moment.wall_s - max(0.0, mono_s - alert.time_s))),
        )
        for alert in status.incidents
    )


def encode(message: AlertMessage | State | Clip) -> bytes:
    """JSON, UTF-8."""
    return msgspec.json.encode(message)


def level(name: str) -> str:
    """A name as one level of a topic; accounts' names are so already."""
    return re.sub("[+#/]", "_", printable(name))[:64] or "_"


def bearer(account: str, person: str = "") -> str:
    """The name an answer bears: the account's, with the person's before it, for whom it speaks."""
    account, person = printable(account)[:64], printable(person)
    room = 64 - len(f" ({account})")
    if not account or not person or person.casefold() == account.casefold() or room < 1:
        return account
    return f"{person[:room]} ({account})"


def known_as(account: str, name: str) -> str:
    """What the device calls somebody who answers by this account; "" where a broker knows no accounts."""
    return bearer(account, name) if account else level(name)


def encode_answer(incident: str, kind: InputKind, person: str = "") -> bytes:
    """COMING, FALSE_ALARM or CLEAR to the incident of this id."""
    return msgspec.json.encode({"id": incident, "act": kind.value} | _speaking_for(person))


def encode_receipt(incident: str, sequence: int, person: str = "") -> bytes:
    """The program of ``person`` has the report ``sequence`` of this incident."""
    receipt = {"id": incident, "act": "received", "sequence": sequence}
    return msgspec.json.encode(receipt | _speaking_for(person))


def _speaking_for(person: str) -> dict[str, str]:
    return {"person": printable(person)[:64]} if person else {}


def encode_request(kind: InputKind, who: str) -> bytes:
    """ARM, DISARM, PAUSE_SOUND, TEST, SPOTTER_HERE or SPOTTER_GONE."""
    return msgspec.json.encode({"act": kind.value, "who": printable(who)[:64]})


def encode_label(incident: str, label: str, who: str, age_s: float) -> bytes:
    """The incident was reported rightly ("true"), or not ("false"); said ``age_s`` ago."""
    said = {"id": incident, "label": label, "age_s": max(0.0, age_s)}
    return msgspec.json.encode({"act": "label", "who": printable(who)[:64], **said})


def encode_missed(about: str, who: str) -> bytes:
    """An alert of this kind is missed at this moment."""
    return msgspec.json.encode(
        {"act": "label", "who": printable(who)[:64], "label": "missed", "about": about}
    )


def encode_repeat(who: str, since: int = 0) -> bytes:
    """The request to send the latest alerts again, from this sequence on: some have not arrived."""
    return msgspec.json.encode({"act": "repeat", "who": printable(who)[:64], "since": since})


def encode_phones_failed(who: str) -> bytes:
    """The notifier ``who`` is there, and reaches no phone; said again as long as that is so."""
    return msgspec.json.encode({"act": "phones_failed", "who": printable(who)[:64]})


def decode_alert(payload: bytes) -> AlertMessage:
    """Raises MessageError."""
    return _decode(_alerts, payload, STATE_BYTES)


def decode_state(payload: bytes) -> State:
    """Raises MessageError."""
    return _decode(_states, payload, STATE_BYTES)


def decode_clip(payload: bytes) -> Clip:
    """Raises MessageError."""
    return _decode(_clips, payload, STATE_BYTES)


def decode_answer(payload: bytes, account: str) -> Input:
    """The answer of an account, or its receipt. Raises MessageError."""
    answer = _decode(_answers, payload, WORD_BYTES)
    who = bearer(account, answer.person)
    return Input(InputKind(answer.act), alert_id=answer.id, who=who, sequence=answer.sequence)


def decode_contact_answer(payload: bytes, account: str) -> str | None:
    """Who looks after lost contact; None for an answer to an incident. Raises MessageError."""
    answer = _decode(_answers, payload, WORD_BYTES)
    return bearer(account, answer.person) if answer.id == NO_CONTACT else None


def decode_request(payload: bytes) -> Input | int:
    """A spotter's request; a number asks for the latest alerts again, from it on. Raises MessageError.

    That a notifier reaches no phone is a FAULT whose part it is.
    """
    if _decode(_acts, payload, WORD_BYTES).act == "label":
        return _label(_decode(_labels, payload, WORD_BYTES))
    request = _decode(_requests, payload, WORD_BYTES)
    who = printable(request.who)
    if request.act == "phones_failed":
        return Input(InputKind.FAULT, who=who, fault=FaultCode.PHONES, part=who)
    return request.since if request.act == "repeat" else Input(InputKind(request.act), who=who)


def _label(said: Label) -> Input:
    missed = said.label == "missed"
    if missed != (not said.id) or missed != (said.about is not None):
        raise MessageError(
            "a label is true or false, of the incident `id`; or missed, `about` fall, stumble or unsafe_step"
        )
    about = AlertKind(said.about) if said.about else None
    incident, who = printable(said.id), printable(said.who)
    return Input(InputKind.LABEL, incident, who, label=said.label, about=about, age_s=said.age_s)


def printable(words: str) -> str:
    """Other people's words for a terminal: a space for each control or direction-changing character."""
    return "".join(letter if letter.isprintable() else " " for letter in words)


Message = TypeVar("Message", bound=msgspec.Struct)

_alerts = msgspec.json.Decoder(AlertMessage)
_clips = msgspec.json.Decoder(Clip)
_states = msgspec.json.Decoder(State)
_answers = msgspec.json.Decoder(Answer)
_requests = msgspec.json.Decoder(Request)
_labels = msgspec.json.Decoder(Label)
_acts = msgspec.json.Decoder(_Act)


def _decode(decoder: msgspec.json.Decoder[Message], payload: bytes, limit: int) -> Message:
    if len(payload) > limit:
        raise MessageError(f"{len(payload)} bytes, at most {limit} are read")
    try:
        return decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(str(error)) from error


def _finite(evidence: Mapping[str, Reading]) -> dict[str, Reading]:
    return {
        name: Reading(float(value), float(limit) if limit is not None and isfinite(limit) else None)
        for name, (value, limit) in evidence.items()
        if isfinite(value)
    }
