"""Every topic in a row: who sends what there, how, and what to do with it."""

from dataclasses import dataclass
from typing import Literal

from monitor.delivery import home_assistant
from monitor.delivery.messages import Topics

DEVICE, ACCOUNT = "walker", "eva"
TOPICS = Topics(DEVICE)


@dataclass(frozen=True)
class Channel:
    """``messages`` are keys of shapes.MESSAGES. ``program`` is what another program does there."""

    name: str
    topic: str
    sender: str
    messages: tuple[str, ...]
    qos: Literal[0, 1]
    retained: bool
    program: tuple[Literal["receive", "send"], ...]
    says: str

    @property
    def address(self) -> str:
        """The topic with its parts that differ from device to device in braces."""
        return self.topic.replace(DEVICE, "{device}").replace(f"/{ACCOUNT}", "/{account}")

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(name for name in ("device", "account") if f"{{{name}}}" in self.address)


DEVICE_SENDS, PROGRAM_SENDS = "the device", "another program"

CHANNELS = (
    Channel(
        *("availability", TOPICS.availability, DEVICE_SENDS, ("availability",), 1, True, ("receive",)),
        "Whether the device is there. Also its last will. Subscribe at QoS 0.",
    ),
    Channel(
        *("state", TOPICS.state, DEVICE_SENDS, ("state",), 1, True, ("receive",)),
        "The heartbeat: once a second and at each change. Three seconds without one are no contact; a "
        "retained one proves nothing until the next comes. Subscribe at QoS 0: none need wait in a session.",
    ),
    Channel(
        *("alert", TOPICS.alert, DEVICE_SENDS, ("alert",), 1, False, ("receive",)),
        "One message for each report of each incident. QoS 1 may bring it twice: drop what was seen.",
    ),
    Channel(
        *("again", TOPICS.again, DEVICE_SENDS, ("alert",), 1, False, ("receive",)),
        "Reports that were sent before: for a program that asked by repeat, and urgent ones that nobody has "
        "receipted. Only for programs that drop what they have seen.",
    ),
    Channel(
        *("clip", TOPICS.clip, DEVICE_SENDS, ("clip",), 0, False, ("receive",)),
        "The signal around an alert, some seconds after it.",
    ),
    Channel(
        *("answer", TOPICS.answer_of(ACCOUNT), PROGRAM_SENDS, ("answer",), 1, False, ("send", "receive")),
        "Answers and receipts. The broker lets each account write only under its own name; Home Assistant "
        f"answers as {home_assistant.ACCOUNT}. Spotters read one another's. A retained one is ignored.",
    ),
    Channel(
        *("answerWithoutName", TOPICS.answer, PROGRAM_SENDS, ("answer",), 1, False, ("send",)),
        "Deprecated: programs of earlier versions answer here, in nobody's name. New accounts may not.",
    ),
    Channel(
        *("request", TOPICS.request, PROGRAM_SENDS, ("request", "label"), 1, False, ("send",)),
        "What belongs to no incident, and labels. A retained one is ignored.",
    ),
    Channel(
        *("check", TOPICS.check, DEVICE_SENDS, ("check",), 1, False, ()),
        "`rearguard check` and its own message coming back. Other programs have nothing to do here.",
    ),
    Channel(
        *("announcement", home_assistant.topic(DEVICE), DEVICE_SENDS, ("announcement",)),
        *(0, True, ("receive",)),
        "Home Assistant's device discovery, where mqtt.home_assistant is set.",
    ),
    Channel(
        *("birth", home_assistant.BIRTH_TOPIC, "Home Assistant", ("birth",), 0, False, ("send",)),
        "Home Assistant has started: the device announces itself again. A retained one is ignored.",
    ),
)
