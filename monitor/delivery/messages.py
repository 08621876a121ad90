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
    """One report of one incident. ``time_s`` is the sender's monotonic time of the sample that proved it.

    ``wall_s`` is the same instant in wall time, ``age_s`` how long before sending it was, ``expires_s`` the
    wall time after which nobody should be woken by it. (``boot``, ``sequence``) names the report,
    ``id`` the incident; all reports of an incident share it and no other incident ever does. Where
    ``age_known`` is false the device has been without power since, and ``age_s`` is the least it can be.
    ``verified`` is false for what was raised while the device was not armed.
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
    """An open incident as the heartbeat lists it. ``received_by``: whose programs have its latest report.

    ``wall_s`` is ``age_s`` as a wall time, in whole seconds: what does not change need not be written again.
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
    """The signal around the first report of an incident, from ``before_s`` before it.

    The largest acceleration and rotation of each ``bin_s``; None where there were no samples.
    """

    id: Word
    boot: Word
    before_s: float
    bin_s: float
    accel_g: tuple[float | None, ...]
    rate_dps: tuple[float | None, ...]


class Gait(msgspec.Struct, frozen=True):
    """What is seen of the walk; None where it is not known.

    ``direction`` and ``cadence_spm`` are the last step's. ``sway_percent`` and ``rhythm_percent`` say how
    near the last second's steps came to an unsafe one: at 100 either alone makes it one.
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

    ``alerts`` is the sequence of the last alert: a receiver sees what it missed, and may ask for it. It goes
    on from run to run; ``first`` is what it was before this run's, 0 where nothing is known of earlier ones.
    ``summary`` says in a sentence how things are.
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
    """A spotter's answer to one incident; or his program's receipt for its report ``sequence``.

    It bears the name of the account in its topic. ``person`` is for whom that account speaks, as a page does.
    ``who`` is what earlier versions write, and proves nothing.
    """

    id: Word
    act: Literal["coming", "false_alarm", "clear", "received"]
    person: Word = ""
    who: Word = ""
    sequence: Count = 0


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spotter's request that belongs to no incident."""

    act: Literal[
        "arm", "disarm", "pause_sound", "test", "spotter_here", "spotter_gone", "phones_failed", "repeat"
    ]
    who: Word = ""
    since: Count = 0  # of a repetition


class Label(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request to note what somebody says, given ``age_s`` ago: of the incident ``id``, true or false.

    Or, without one, that an alert of the kind ``about`` is missed at this moment.
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
