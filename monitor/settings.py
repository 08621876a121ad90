"""Every setting of the program, from the detector's to the phones'; what of them is impossible together."""

from dataclasses import dataclass, replace
from pathlib import Path

from firmware.panel import PanelSettings
from firmware.sampler import BELT_RATE_HZ, SensorSettings
from monitor.core.alarm import AlarmSettings
from monitor.core.arming import ArmingSettings
from monitor.core.detector import FRAME_RATE_HZ, DetectorSettings
from monitor.core.setting import SettingError, group
from monitor.delivery.mqtt import PLAIN_PORT, TLS_PORT, MqttSettings
from monitor.recordings.journal.journal import JournalSettings
from monitor.recordings.reports.plan import PlanSettings
from monitor.recordings.reports.report_settings import ReportSettings
from monitor.spotter.notify_settings import NotifySettings
from monitor.spotter.page.page_settings import PageSettings

INSTALLED = Path("/etc/rearguard/config.yaml")
HERE = Path("config.yaml")
"""Where settings are looked for when no --config names a file: the service's own come first."""

BUS_PINS = {0: (0, 1), 1: (2, 3)}
"""The GPIO numbers of SDA and SCL of the Pi's first two I2C buses."""


@dataclass(frozen=True, slots=True)
class Settings(DetectorSettings):
    """Everything in config.yaml: the detector's settings first, then the ends of the line."""

    arming: ArmingSettings = group(ArmingSettings, "When to watch")
    alarm: AlarmSettings = group(AlarmSettings, "Alarm behaviour")
    sensor: SensorSettings = group(SensorSettings, "The sensor and how it is mounted")
    panel: PanelSettings = group(PanelSettings, "Lamp, buzzer and button, by GPIO number")
    mqtt: MqttSettings = group(MqttSettings, "The broker that carries alerts to the spotter")
    notify: NotifySettings = group(NotifySettings, "Phones (rearguard notify)")
    page: PageSettings = group(PageSettings, "The spotter's page (rearguard page)")
    journal: JournalSettings = group(JournalSettings, "The journal: what is kept of each session")
    plan: PlanSettings = group(PlanSettings, "The training plan (rearguard progress)")
    report: ReportSettings = group(ReportSettings, "The report (rearguard report, rearguard progress)")

    def __post_init__(self) -> None:
        if self.profile == "treadmill" and self.sensor.rate_hz not in (0, FRAME_RATE_HZ):
            raise SettingError(
                "sensor.rate_hz",
                f"found {self.sensor.rate_hz}, allowed with profile treadmill: 0 or {FRAME_RATE_HZ:.0f} Hz",
                "profile",
            )
        for key, pin in self.panel.pins.items():
            if pin in BUS_PINS.get(self.sensor.bus, ()):
                raise SettingError(
                    f"panel.{key}",
                    f"GPIO {pin} belongs to I2C bus {self.sensor.bus}, the sensor's",
                    "sensor.bus",
                )
        if self.mqtt.port == (PLAIN_PORT if self.mqtt.tls else TLS_PORT):
            said = "without TLS, but mqtt.tls is true" if self.mqtt.tls else "with TLS, but mqtt.tls is false"
            raise SettingError("mqtt.port", f"found {self.mqtt.port}, which is {said}", "mqtt.tls")
        arming = self.arming
        by_button = arming.by_button and self.panel.button_pin >= 0
        if not (arming.at_start or by_button or arming.by_request or arming.when_walking_backward):
            raise SettingError(
                "arming.at_start",
                "nothing can arm it: allow at_start, by_request or when_walking_backward, or a button",
                "arming.by_button",
                "arming.by_request",
            )

    @property
    def sampled(self) -> SensorSettings:
        """The sensor's settings with the rate that the profile needs, where they name none."""
        needed_hz = round(FRAME_RATE_HZ) if self.profile == "treadmill" else BELT_RATE_HZ
        return replace(self.sensor, rate_hz=self.sensor.rate_hz or needed_hz)
