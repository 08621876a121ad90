"""Whatever is thrown at the device, it neither falls nor obeys, and its log stays short."""

import json
import logging
import random
from collections.abc import Iterator
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.vocabulary import AlertKind, FaultCode, Input, InputKind
from monitor.delivery import messages
from monitor.delivery.messages import Topics
from monitor.delivery.reception import GONE_S, REPEAT_S, SPOTTER_S, UNREAD, Reception

TOPICS = Topics("walker")
EVAS = TOPICS.answer_of("Eva")
BOOT = "ab12cd34"
MESSAGES = 100_000


def reception() -> tuple[Reception, "SimpleQueue[Input]"]:
    inbox: SimpleQueue[Input] = SimpleQueue()
    return Reception(TOPICS, inbox), inbox


def words(inbox: "SimpleQueue[Input]") -> list[Input]:
    return [inbox.get() for _ in range(inbox.qsize())]


def attacks(seed: int) -> Iterator[tuple[str, bytes]]:
    """Topics and payloads of which none may be obeyed."""
    dice = random.Random(seed)
    megabyte = bytes(dice.randbytes(1_000_000))
    values: list[object] = [
        None,
        True,
        0,
        -1,
        1e308,
        2**70,
        "",
        "x" * 70,
        [],
        {},
        "clear",
        "coming",
        "\x00",
        "\u202e",
    ]
    topics = [EVAS, TOPICS.answer, TOPICS.request, TOPICS.state, "", "#", "+", f"{TOPICS.answer}/", "$SYS"]
    while True:
        topic = dice.choice(topics[:2] * 10 + topics[2:])
        base = {
            "id": dice.choice([f"{BOOT}-9", f"{BOOT}-", "ffffffff-1", "1", BOOT, "*"]),
            "act": dice.choice(["coming", "clear", "false_alarm", "arm", "disarm", "test", "obey"]),
            "who": "Eva",
        }
        if topic == TOPICS.request:
            base["act"] = dice.choice(
                ["obey", "coming", "ARM", "dis arm", "link_back", "button_short", "label", ""]
            )
            del base["id"]
        payload = json.dumps(base).encode()
        match dice.randrange(8):
            case 0:
                at = dice.randrange(len(payload))
                payload = payload[:at] + bytes([dice.randrange(256)]) + payload[at + 1 :]
            case 1:
                payload = payload[: dice.randrange(len(payload))]
            case 2:
                payload = json.dumps(base | {dice.choice([*base, "x"]): dice.choice(values)}).encode()
            case 3:
                payload = dice.randbytes(dice.randrange(300))
            case 4:
                payload = b"[" * dice.randrange(900)
            case 5 if dice.random() < 0.01:
                payload = megabyte
            case 6:
                payload = payload * 2
        yield topic, payload


def test_a_hundred_thousand_attacks_change_nothing_and_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    device, inbox = reception()
    with caplog.at_level(logging.DEBUG):
        for (topic, payload), _ in zip(attacks(1), range(MESSAGES), strict=False):
            assert not device.hear(topic, payload, False, {f"{BOOT}-1"}, 0.0)
    assert words(inbox) == []
    assert device.spotters == ()
    assert device.ignored == MESSAGES
    assert len(caplog.records) <= 10


def test_the_right_words_pass_among_them() -> None:
    device, inbox = reception()
    for (topic, payload), _ in zip(attacks(2), range(1000), strict=False):
        device.hear(topic, payload, False, {f"{BOOT}-1"}, 0.0)
    device.hear(EVAS, messages.encode_answer(f"{BOOT}-1", InputKind.CLEAR), False, {f"{BOOT}-1"}, 0.0)
    assert words(inbox) == [Input(InputKind.CLEAR, f"{BOOT}-1", "Eva")]


@pytest.mark.parametrize(
    ("topic", "said", "bears"),
    [
        ("rearguard/walker/answer/eva", {}, "eva"),
        (
            "rearguard/walker/answer/eva",
            {"who": "Max"},
            "eva",
        ),  # as earlier versions wrote
        ("rearguard/walker/answer/eva", {"person": "Eva"}, "eva"),
        ("rearguard/walker/answer/eva", {"person": "Max"}, "Max (eva)"),
        ("rearguard/walker/answer/page", {"person": "x" * 64}, f"{'x' * 57} (page)"),
        ("rearguard/walker/answer/" + "e" * 64, {"person": "Max"}, "e" * 64),
        ("rearguard/walker/answer/a\x1b", {"person": "M\x07"}, "M  (a )"),
        ("rearguard/walker/answer", {"who": "Max"}, ""),
        ("rearguard/walker/answer", {"person": "Max"}, ""),
    ],
)
def test_an_answer_bears_the_name_of_its_account(topic: str, said: dict[str, str], bears: str) -> None:
    device, inbox = reception()
    payload = json.dumps({"id": f"{BOOT}-1", "act": "clear"} | said).encode()
    device.hear(topic, payload, False, {f"{BOOT}-1"}, 0.0)
    assert words(inbox) == [Input(InputKind.CLEAR, f"{BOOT}-1", bears)]


@pytest.mark.parametrize("end", ["/", "/eva/", "/eva/x", f"/{'e' * 65}", "s/eva", "/eva\udcff/"])
def test_no_account_has_a_name_that_is(end: str) -> None:
    assert TOPICS.account(TOPICS.answer + end) is None
    assert TOPICS.account(TOPICS.request) is None


@given(st.text(max_size=80))
def test_every_name_has_a_topic_that_is_one_level(name: str) -> None:
    topic = TOPICS.answer_of(name)
    assert not set("+#") & set(topic)
    assert TOPICS.account(topic) == topic.removeprefix("rearguard/walker/answer/")
    assert topic.encode()


def test_an_answer_to_what_is_no_longer_open_is_ignored() -> None:
    device, inbox = reception()
    payload = messages.encode_answer(f"{BOOT}-1", InputKind.CLEAR)
    device.hear(EVAS, payload, False, set(), 0.0)
    device.hear(EVAS, payload, True, {f"{BOOT}-1"}, 0.0)
    assert words(inbox) == []
    assert device.ignored == 2


def test_a_flood_of_right_words_is_bounded() -> None:
    device, inbox = reception()
    for _ in range(10 * UNREAD):
        device.hear(TOPICS.request, messages.encode_request(InputKind.TEST, "Eva"), False, set(), 0.0)
    assert inbox.qsize() == UNREAD


def test_a_crowd_of_spotters_is_bounded_and_silences_nobody() -> None:
    device, inbox = reception()

    def say(kind: InputKind, who: str) -> None:
        device.hear(TOPICS.request, messages.encode_request(kind, who), False, set(), 0.0)

    for number in range(2 * UNREAD):
        say(InputKind.SPOTTER_HERE, str(number))
        words(inbox)
    assert len(device.spotters) == UNREAD
    say(InputKind.SPOTTER_HERE, "0")
    assert device.ignored == UNREAD
    clear = messages.encode_answer(f"{BOOT}-1", InputKind.CLEAR)
    device.hear(EVAS, clear, False, {f"{BOOT}-1"}, 0.0)
    say(InputKind.PAUSE_SOUND, "Eva")
    say(InputKind.SPOTTER_GONE, "0")
    device.tick(GONE_S + 0.1)
    kinds = [word.kind for word in words(inbox)]
    assert kinds == [InputKind.CLEAR, InputKind.PAUSE_SOUND, InputKind.SPOTTER_GONE]


def test_repetition_is_granted_once_a_second() -> None:
    device, inbox = reception()
    ask = messages.encode_repeat("Eva", 7)
    granted = [device.hear(TOPICS.request, ask, False, set(), time_s * REPEAT_S / 4) for time_s in range(9)]
    assert granted == [7, None, None, None, 7, None, None, None, 7]
    assert words(inbox) == []


def test_a_spotter_is_here_until_it_says_so_or_is_silent() -> None:
    device, inbox = reception()

    def say(kind: InputKind, who: str, now_s: float) -> None:
        device.hear(TOPICS.request, messages.encode_request(kind, who), False, set(), now_s)

    for now_s in range(4):
        say(InputKind.SPOTTER_HERE, "Eva", now_s)
        say(InputKind.SPOTTER_HERE, "Max", now_s)
    say(InputKind.SPOTTER_GONE, "Eva", 4.0)
    say(InputKind.SPOTTER_GONE, "Eva", 4.0)
    device.tick(3.0 + SPOTTER_S)
    assert device.spotters == ("Max",)
    device.tick(3.1 + SPOTTER_S)
    assert [(word.kind, word.who) for word in words(inbox)] == [
        (InputKind.SPOTTER_HERE, "Eva"),
        (InputKind.SPOTTER_HERE, "Max"),
        (InputKind.SPOTTER_GONE, "Eva"),
        (InputKind.SPOTTER_GONE, "Max"),
    ]


def test_one_of_two_programs_of_a_name_may_leave() -> None:
    device, inbox = reception()

    def say(kind: InputKind, now_s: float) -> None:
        device.hear(TOPICS.request, messages.encode_request(kind, "Eva"), False, set(), now_s)

    say(InputKind.SPOTTER_HERE, 0.0)
    say(InputKind.SPOTTER_GONE, 1.0)
    say(InputKind.SPOTTER_HERE, 1.5)  # the other
    device.tick(4.0)
    assert [word.kind for word in words(inbox)] == [InputKind.SPOTTER_HERE]
    say(InputKind.SPOTTER_GONE, 4.5)
    device.tick(4.5 + GONE_S + 0.1)
    assert [word.kind for word in words(inbox)] == [InputKind.SPOTTER_GONE]


def test_a_notifier_that_reaches_no_phone_is_a_fault_until_it_does_or_is_gone() -> None:
    device, inbox = reception()

    def say(payload: bytes, now_s: float) -> list[Input]:
        device.hear(TOPICS.request, payload, False, set(), now_s)
        return words(inbox)

    here = messages.encode_request(InputKind.SPOTTER_HERE, "phones")
    failed = messages.encode_phones_failed("phones")
    gone = Input(InputKind.FAULT_GONE, fault=FaultCode.PHONES, part="phones")
    fault = Input(InputKind.FAULT, who="phones", fault=FaultCode.PHONES, part="phones")
    assert say(here, 0.0) == [Input(InputKind.SPOTTER_HERE, who="phones")]
    assert say(failed, 1.0) == [Input(InputKind.SPOTTER_GONE, who="phones"), fault]
    assert device.spotters == ()
    assert say(failed, 2.0) == []
    assert say(here, 3.0) == [gone, Input(InputKind.SPOTTER_HERE, who="phones")]
    assert say(failed, 4.0)[-1] == fault
    device.tick(4.0 + SPOTTER_S + 0.1)
    assert words(inbox) == [gone]


def test_a_receipt_goes_to_the_outbox_and_to_the_alarm_while_its_incident_is_open() -> None:
    received: list[tuple[str, int]] = []
    inbox: SimpleQueue[Input] = SimpleQueue()
    device = Reception(TOPICS, inbox, lambda incident, sequence: received.append((incident, sequence)))
    for incident in ("open", "over"):
        payload = messages.encode_receipt(incident, 7, "Tom")
        device.hear(EVAS, payload, False, {"open"}, 0.0)
    assert received == [("open", 7), ("over", 7)]
    assert words(inbox) == [Input(InputKind.RECEIVED, "open", "Tom (Eva)", sequence=7)]
    assert device.ignored == 0


def test_a_label_passes_also_of_an_incident_that_is_over(caplog: pytest.LogCaptureFixture) -> None:
    device, inbox = reception()
    right = messages.encode_label("ffffffff-7", "false", "Eva", 60.0)
    unknown = right.replace(b'"false"', b'"perhaps"')
    for payload in (right, unknown, unknown, messages.encode_missed("fall", "Tom")):
        assert device.hear(TOPICS.request, payload, False, set(), 0.0) is None
    device.hear(TOPICS.request, right, True, set(), 0.0)
    assert words(inbox) == [
        Input(InputKind.LABEL, "ffffffff-7", "Eva", label="false", age_s=60.0),
        Input(InputKind.LABEL, who="Tom", label="missed", about=AlertKind.FALL),
    ]
    assert device.ignored == 3
    assert len(caplog.records) == 1
