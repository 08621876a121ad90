"""The settings of `rearguard notify`: the safety process reads them too, and needs nothing else of it."""

from dataclasses import dataclass

from monitor.core.setting import SettingError, number, text


@dataclass(frozen=True, slots=True)
class NotifySettings:
    urls_file: str = text(
        "", "file with one Apprise URL per line, such as ntfys://ntfy.sh/my-topic, readable by its owner only"
    )
    least_priority: int = number(
        2,
        1,
        3,
        "",
        "minimum priority of the alerts sent to phones: 1 low, 2 medium, 3 high",
        "more messages",
        "fewer messages",
    )
    per_minute: int = number(
        6,
        1,
        60,
        "",
        "most messages per minute; a new high alert and its repetitions are never held back",
        "fewer messages in a busy minute",
        "more messages in a busy minute",
    )
    answer_port: int = number(
        0, 0, 65535, "", "port for the answering buttons of ntfy's messages; 0 for none"
    )
    answer_url: str = text(
        "",
        "how a phone reaches that port, such as http://raspberrypi.local:8124",
        r"(https?://\S+)?",
        "a web address",
    )

    def __post_init__(self) -> None:
        if bool(self.answer_port) != bool(self.answer_url):
            raise SettingError("answer_url", "answer_port and answer_url belong together: set both, or none")
