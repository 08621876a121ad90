"""The settings of the spotter's page."""

import re
from dataclasses import dataclass

from monitor.core.setting import SettingError, number, text
from monitor.delivery.messages import DEVICE_PATTERN, DEVICE_WORDS

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class PageSettings:
    host: str = text(
        "127.0.0.1",
        "address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for the network too, once "
        "somebody is paired",
        r"[0-9A-Za-z.:-]+",
        "a host name or an address",
    )
    port: int = number(8180, 1, 65535, "", "port to listen on")
    folder: str = text(
        "", "where sessions, labels and push keys are kept; empty for the folder of the alerts' outbox"
    )
    devices: str = text("", "devices to show, with spaces between; empty for mqtt.device alone")
    certificate_file: str = text("", "TLS certificate, with those that signed it; empty for plain HTTP")
    key_file: str = text("", "private key of the certificate, readable by its owner only")
    push_contact: str = text(
        "",
        "address by which push services reach you about your messages; empty for no push",
        r"(mailto:\S+@\S+|https://\S+)?",
        "mailto:you@example.org or an https address",
    )

    def __post_init__(self) -> None:
        if bool(self.certificate_file) != bool(self.key_file):
            raise SettingError("key_file", "certificate_file and key_file belong together: set both, or none")
        for device in self.devices.split():
            if not re.fullmatch(DEVICE_PATTERN, device):
                raise SettingError("devices", f"found {device!r}, allowed: {DEVICE_WORDS}")

    @property
    def tls(self) -> bool:
        return bool(self.certificate_file)

    @property
    def open(self) -> bool:
        """Does it listen to other machines?"""
        return self.host not in LOOPBACK
