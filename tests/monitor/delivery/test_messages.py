"""What goes over MQTT can be read back, and what we are told to do is read strictly."""

import json
import math
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from monitor.delivery import messages
from monitor.delivery.messages import MessageError, Moment

BOOT = "ab12cd34"
readings = st.builds(Reading, st.floats(), st.none() | st.floats())
alerts = st.builds(
    Alert,
    id=st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True),
    sequence=st.integers(1, 10**6),
    kind=st.sampled_from(AlertKind),
    priority=st.sampled_from(Priority),
    certainty=st.sampled_from(Certainty),
    stage=st.sampled_from(Stage),
    time_s=st.floats(0, 1e6),
    evidence=st.dictionaries(st.text(max_size=20), readings, max_size=4),
    reason=st.text(max_size=600),
    who=st.text(max_size=70),
    fault=st.none() | st.sampled_from(FaultCode),
    part=st.text(max_size=20),
    time_known=st.booleans(),
    verified=st.booleans(),
    received_by=st.tuples() | st.tuples(st.text(max_size=64)),
)


@given(alerts, st.floats(0, 1e6), st.floats(0, 2e9))
def test_every_alert_survives_the_wire(alert: Alert, mono_s: float, wall_s: float) -> None:
    sent = messages.alert_message(alert, BOOT, Moment(mono_s, wall_s))
    read = messages.decode_alert(messages.encode(sent))
    assert read == sent
    assert read.age_s >= 0
    assert read.wall_s == wall_s - read.age_s
    assert all(math.isfinite(reading.value) for reading in read.evidence.values())


@given(alerts)
def test_every_open_incident_survives_the_heartbeat(alert: Alert) -> None:
    status = Status(armed=True, sound_paused=False, incidents=(alert,), time_s=1.0)
    state = messages.State(BOOT, 1, 0.0, 0.0, 0.0, True, False, messages.incidents(status, Moment(1e6, 2e9)))
    assert messages.decode_state(messages.encode(state)) == state


@pytest.mark.parametrize("kind", [InputKind.COMING, InputKind.FALSE_ALARM, InputKind.CLEAR])
@given(alert_id=st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True))
def test_an_answer_is_understood(kind: InputKind, alert_id: str) -> None:
    payload = messages.encode_answer(alert_id, kind)
    assert messages.decode_answer(payload, "eva") == Input(kind, alert_id=alert_id, who="eva")


@pytest.mark.parametrize("kind", [InputKind.ARM, InputKind.DISARM, InputKind.PAUSE_SOUND, InputKind.TEST])
def test_a_request_is_understood(kind: InputKind) -> None:
    assert messages.decode_request(messages.encode_request(kind, "Eva")) == Input(kind, who="Eva")


@pytest.mark.parametrize("label", ["true", "false"])
def test_a_label_of_an_incident_is_understood(label: str) -> None:
    said = messages.decode_request(messages.encode_label(f"{BOOT}-1", label, "Eva", 3600.0))
    assert said == Input(InputKind.LABEL, f"{BOOT}-1", "Eva", label=label, age_s=3600.0)


@pytest.mark.parametrize("kind", [AlertKind.FALL, AlertKind.STUMBLE, AlertKind.UNSAFE_STEP])
def test_that_an_alert_is_missed_is_understood(kind: AlertKind) -> None:
    said = messages.decode_request(messages.encode_missed(kind, "Eva"))
    assert said == Input(InputKind.LABEL, who="Eva", label="missed", about=kind)


def test_a_label_from_a_clock_that_was_set_back_is_of_now() -> None:
    said = messages.decode_request(messages.encode_label(f"{BOOT}-1", "true", "Eva", -5.0))
    assert isinstance(said, Input)
    assert said.age_s == 0.0


def test_no_word_of_a_label_moves_the_cursor_of_who_reads_the_log() -> None:
    said = messages.decode_request(messages.encode_label("\x1b[2J-1", "true", "\x1b[2J", 0.0))
    assert said == Input(InputKind.LABEL, " [2J-1", " [2J", label="true")


LABEL = {"act": "label", "label": "true", "id": f"{BOOT}-1", "who": "Eva"}
MISSED = {"act": "label", "label": "missed", "about": "fall", "who": "Eva"}


@pytest.mark.parametrize(
    ("case", "said"),
    [
        ("an unknown label", LABEL | {"label": "perhaps"}),
        ("a bookmark, which is the walker's", MISSED | {"label": "bookmark"}),
        ("of no incident", LABEL | {"id": ""}),
        ("of an incident, and about something", LABEL | {"about": "fall"}),
        ("missed, and of an incident", MISSED | {"id": f"{BOOT}-1"}),
        ("missed, and nothing said of what", {"act": "label", "label": "missed"}),
        ("missed, of what nobody labels", MISSED | {"about": "link"}),
        ("a request's field", LABEL | {"since": 1}),
        ("an id too long", LABEL | {"id": "x" * 65}),
        ("a name too long", LABEL | {"who": "x" * 65}),
        ("of the future", LABEL | {"age_s": -1.0}),
        ("older than any journal", LABEL | {"age_s": 1e9}),
        ("no label", {"act": "label", "id": f"{BOOT}-1"}),
        ("a label in another request", {"act": "arm", "label": "true", "who": "Eva"}),
    ],
)
def test_a_label_is_refused_that_is(case: str, said: dict[str, object]) -> None:
    with pytest.raises(MessageError):
        messages.decode_request(json.dumps(said).encode())


ANSWER = {"id": f"{BOOT}-1", "act": "coming", "who": "Eva"}


@pytest.mark.parametrize(
    ("case", "payload"),
    [
        ("nothing", b""),
        ("no JSON", b"coming"),
        ("half a JSON", json.dumps(ANSWER).encode()[:-2]),
        ("no incident", json.dumps({"act": "coming"}).encode()),
        ("an unknown act", json.dumps(ANSWER | {"act": "dance"}).encode()),
        ("a request's act", json.dumps(ANSWER | {"act": "disarm"}).encode()),
        ("an unknown field", json.dumps(ANSWER | {"force": True}).encode()),
        ("a number for a name", json.dumps(ANSWER | {"who": 7}).encode()),
        ("a name too long", json.dumps(ANSWER | {"who": "x" * 65}).encode()),
        ("a person's too long", json.dumps(ANSWER | {"person": "x" * 65}).encode()),
        ("a list", json.dumps([ANSWER]).encode()),
        ("too long", json.dumps(ANSWER).encode() + b" " * messages.WORD_BYTES),
        ("too deep", b"[" * 1000),
        ("broken UTF-8", b'{"id":"\xff\xfe","act":"coming"}'),
    ],
)
def test_an_answer_is_refused_that_is(case: str, payload: bytes) -> None:
    with pytest.raises(MessageError):
        messages.decode_answer(payload, "eva")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna\u00a0Müller", "Anna Müller"),
        ("\x1b[2J", " [2J"),
        ("\u202eavE", " avE"),
        ("\udcff", " "),
        ("👩\u200d🦯", "👩 🦯"),
    ],
)
def test_a_name_that_cannot_be_shown_whole_does_not_cost_the_answer(name: str, shown: str) -> None:
    sent = messages.encode_answer(f"{BOOT}-7", InputKind.CLEAR, name)
    assert messages.decode_answer(sent, "page").who == f"{shown} (page)"
    if name != "\udcff":  # JSON has no word for half a character
        foreign = json.dumps({"id": f"{BOOT}-7", "act": "clear", "person": name}).encode()
        assert messages.decode_answer(foreign, "page").who == f"{shown} (page)"


@given(st.binary(max_size=200))
def test_garbage_only_ever_raises_message_error(payload: bytes) -> None:
    for read in (
        messages.decode_alert,
        messages.decode_state,
        messages.decode_request,
        partial(messages.decode_answer, account="eva"),
    ):
        with pytest.raises(MessageError):
            read(payload)


def test_a_spotter_a_version_behind_still_reads_an_alert_with_new_fields() -> None:
    alert = Alert("1", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 1.0)
    fields = json.loads(messages.encode(messages.alert_message(alert, BOOT, Moment(1, 1))))
    assert messages.decode_alert(json.dumps(fields | {"colour": "red"}).encode()).kind is AlertKind.FALL


def test_ageing_moves_the_event_on_the_wall_clock_not_its_lifetime() -> None:
    alert = Alert("1", 1, AlertKind.FALL, Priority.HIGH, Certainty.SUSPECTED, Stage.ACTIVE, 100.0)
    fresh = messages.alert_message(alert, BOOT, Moment(100.5, 1000.0))
    later = fresh.aged(30.0, wall_s=5000.0)  # the wall clock was set forward meanwhile
    assert (later.age_s, later.wall_s) == (30.0, 4970.0)
    assert later.lifetime_s == fresh.lifetime_s


@pytest.mark.parametrize("device", ["", "a/b", "a+", "#", "Big", "a" * 33, "a b", "a\n"])
def test_a_device_name_that_would_bend_the_topics_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match="device name"):
        messages.Topics(device)


def test_alerts_are_worth_delivering_for_an_hour_ten_minutes_and_two() -> None:
    assert {priority.name: life_s for priority, life_s in messages.LIFETIME_S.items()} == {
        "HIGH": 3600.0,
        "MEDIUM": 600.0,
        "LOW": 120.0,
    }
