"""docs/asyncapi.json is what the code writes, whole, and as AsyncAPI wants it."""

import json
import re
from typing import Any

import pytest
from jsonschema import Draft7Validator

from monitor.delivery import home_assistant
from monitor.delivery.messages import MessageError, decode_answer, decode_request
from tests.contract.channels import CHANNELS, TOPICS
from tests.contract.checking import Contract, Heard, closed, pointed_at
from tests.contract.document import FILE, ROOT, document, text
from tests.contract.examples import examples
from tests.contract.shapes import MESSAGES, STRUCTS, words

DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
CONTRACT = Contract(closed(DOCUMENT))
ASYNCAPI = ROOT / "build/node/node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
SPOKEN = [(name, example) for name, found in examples().items() for example in found]


def test_the_document_is_what_the_code_writes() -> None:
    """If this fails: python -m tests.contract."""
    assert FILE.read_text() == text()


def test_asyncapi_s_own_schema_accepts_the_document_and_refuses_a_wrong_one() -> None:
    if not ASYNCAPI.exists():
        pytest.skip("@asyncapi/specs is not in build/node: make test installs it where npm is")
    validator = Draft7Validator(json.loads(ASYNCAPI.read_text()))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(DOCUMENT)] == []
    assert not validator.is_valid({**DOCUMENT, "channels": {"state": {"adress": "x"}}})


def references(part: object) -> list[str]:
    if isinstance(part, list):
        return [found for item in part for found in references(item)]
    if not isinstance(part, dict):
        return []
    return [*([part["$ref"]] if "$ref" in part else []), *references(list(part.values()))]


def test_every_reference_leads_somewhere_and_every_component_is_led_to() -> None:
    found = set(references(DOCUMENT))
    for reference in found:
        assert pointed_at(DOCUMENT, reference)
    for kind, components in DOCUMENT["components"].items():
        assert {f"#/components/{kind}/{name}" for name in components} <= found, kind


def test_every_topic_of_the_code_is_a_channel() -> None:
    topics = {*vars(TOPICS).values()} - {TOPICS.answers}  # which only a subscription has
    topics |= {TOPICS.answer_of("eva"), home_assistant.topic("walker"), home_assistant.BIRTH_TOPIC}
    assert topics == {channel.topic for channel in CHANNELS}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_every_field_is_described_and_nothing_that_is_no_field(struct: type) -> None:
    assert set(words(struct)[1]) == set(struct.__struct_fields__)  # type: ignore[attr-defined]  # a Struct


UNITS = {
    r"_s\b": "second",
    "_g$": " g",
    "_dps": "degrees per second",
    "_spm": "steps per minute",
    "_percent": "percent",
}


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_the_words_of_a_field_say_its_unit(struct: type) -> None:
    said = words(struct)[1]
    for field, text_ in said.items():
        for suffix, unit in UNITS.items():
            assert not re.search(suffix, field) or unit in text_, field


@pytest.mark.parametrize(("message", "example"), SPOKEN)
def test_every_example_keeps_to_its_schema(message: str, example: bytes) -> None:
    assert CONTRACT.wrong(message, example) == []


def test_every_message_of_structs_has_an_example() -> None:
    assert {name for name, message in MESSAGES.items() if isinstance(message.shape, type)} == set(examples())


WRONG: list[object] = [None, True, -1, 0.5, 2**53, "x" * 65, [], {}]


def spoilt(example: bytes) -> list[bytes]:
    """Without each field, with a wrong value in each, and with one more."""
    whole = json.loads(example)
    fields = {*whole, "who", "person", "since", "sequence", "age_s", "about", "label"}
    without = [{key: value for key, value in whole.items() if key != field} for field in whole]
    wrong = [{**whole, field: value} for field in fields for value in WRONG]
    return [json.dumps(said).encode() for said in (whole, *without, *wrong, {**whole, "more": 1})]


def understood(message: str, payload: bytes) -> bool:
    """By the device. What a label must have besides is no matter of its schema."""
    try:
        decode_answer(payload, "eva") if message == "answer" else decode_request(payload)
    except MessageError as error:
        return str(error).startswith("a label is true or false")
    return True


@pytest.mark.parametrize(
    ("message", "example"), [one for one in SPOKEN if one[0] in ("answer", "request", "label")]
)
def test_the_device_understands_what_the_schemas_allow_and_nothing_else(message: str, example: bytes) -> None:
    of_topic = ("answer",) if message == "answer" else ("request", "label")
    for payload in spoilt(example):
        allowed = any(CONTRACT.wrong(name, payload) == [] for name in of_topic)
        assert allowed == understood(message, payload), payload


def state(**changes: object) -> bytes:
    whole = json.loads(examples()["state"][0])
    return json.dumps({**whole, **changes}).encode()


KEPT = Heard(TOPICS.state, state(), 1, True)


@pytest.mark.parametrize(
    ("heard", "complaint"),
    [
        (KEPT._replace(topic="rearguard/walker/weather"), "no channel"),
        (KEPT._replace(topic="rearguard/walker/state/more"), "no channel"),
        (KEPT._replace(qos=0), "qos is 0"),
        (KEPT._replace(retain=False), "retain is False"),
        (KEPT._replace(payload=state(armed="yes")), "'yes' is not of type 'boolean'"),
        (KEPT._replace(payload=state(steps=-1)), "less than the minimum"),
        (KEPT._replace(payload=state(mood="good")), "'mood' was unexpected"),
        (KEPT._replace(payload=state(gait={"direction": "up"})), "'up' is not one of"),
        (Heard(TOPICS.availability, b"asleep", 1, True), "'asleep' is not one of"),
        (Heard(TOPICS.answer_of("eva"), b'{"id": "1", "act": "going"}', 1, False), "'going' is not one of"),
    ],
)
def test_what_does_not_keep_to_the_contract_is_noticed(heard: Heard, complaint: str) -> None:
    assert CONTRACT.complaints(KEPT) == []
    assert any(complaint in words_ for words_ in CONTRACT.complaints(heard)), CONTRACT.complaints(heard)


def test_a_field_that_a_later_version_adds_keeps_to_the_contract() -> None:
    assert Contract(document()).complaints(KEPT._replace(payload=state(mood="good"))) == []


def test_every_message_in_the_documents_keeps_to_the_contract() -> None:
    found = []
    for page in ("delivery.md", "clients.md"):
        text_ = (ROOT / "docs" / page).read_text()
        blocks = re.findall(r"^```json\n(.*?)^```", text_, re.MULTILINE | re.DOTALL)
        lines = [part for block in blocks for part in re.split(r"\n(?=\{)", block.strip())]
        found += [*lines, *re.findall(r'`(\{"[^`|.]+\})`', text_)]
    assert len(found) >= 6
    for said in found:
        wrong = {name: CONTRACT.wrong(name, said.encode()) for name in examples()}
        assert [] in wrong.values(), f"{said}: {wrong}"
