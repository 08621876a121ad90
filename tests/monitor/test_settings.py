"""Settings that are right one by one and impossible together are refused, by line and key."""

from pathlib import Path

import pytest

from monitor import config
from monitor.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("panel:\n  red_pin: 18\n  buzzer_pin: 18\n", "3: panel.buzzer_pin: GPIO 18 is red_pin already"),
        ("panel:\n  red_pin: 23\n", "2: panel.button_pin: GPIO 23 is red_pin already"),
        ("panel:\n  buzzer_pin: 3\n", "2: panel.buzzer_pin: GPIO 3 belongs to I2C bus 1"),
        ("sensor:\n  bus: 0\npanel:\n  red_pin: 1\n", "4: panel.red_pin: GPIO 1 belongs to I2C bus 0"),
        ("direction:\n  sure_score: 0.1\n  keep_score: 0.5\n", "3: direction.keep_score: found 0.5, allowed"),
        ("unsafe_step:\n  red_score: 0.4\n", "2: unsafe_step.red_score: found 0.4, allowed: more than amber"),
        ("mqtt:\n  host: raspberrypi.local:1883\n", "2: mqtt.host: found 'raspberrypi.local:1883': the port"),
        ("mqtt:\n  host: 192.168.1.10:1883\n", "2: mqtt.host: found '192.168.1.10:1883': the port goes into"),
        ("mqtt:\n  host: '[fe80::1]:1883'\n", "2: mqtt.host: found '[fe80::1]:1883': the port goes into"),
        ("mqtt:\n  host: mqtt://pi\n", '2: mqtt.host: found "mqtt://pi", allowed: the name or address'),
        ("mqtt:\n  device: Eva\n", '2: mqtt.device: found "Eva", allowed: 1 to 32 of a-z, 0-9, _ and -'),
        ("mqtt:\n  tls: true\n", "2: mqtt.port: found 1883, which is without TLS, but mqtt.tls is true"),
        ("mqtt:\n  port: 8883\n", "2: mqtt.port: found 8883, which is with TLS, but mqtt.tls is false"),
        ("sensor:\n  rate_hz: 150\n", "2: sensor.rate_hz: found 150, allowed: 100 or 200 Hz, or 0"),
        ("sensor:\n  mounting: x y z\n", '2: sensor.mounting: "x y z": "x" is not an axis'),
        (
            "profile: treadmill\nsensor:\n  rate_hz: 100\n",
            "3: sensor.rate_hz: found 100, allowed with profile treadmill: 0 or 200 Hz",
        ),
        (
            "arming: {at_start: false, by_button: false, by_request: false}\n",
            "1: arming.at_start: nothing can",
        ),
        (
            "panel: {button_pin: -1}\narming:\n  by_request: false\n  at_start: false\n",
            "4: arming.at_start: nothing can arm it",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(config.ConfigError) as refused:
        config.load(path, Settings)
    assert str(refused.value).startswith(f"{path}:{said}")


@pytest.mark.parametrize(
    "text",
    [
        "panel: {red_pin: -1, green_pin: -1, blue_pin: -1}\n",
        "sensor: {bus: 3}\npanel: {red_pin: 2}\n",
        "mqtt: {host: 'fe80::1'}\n",
        "mqtt: {tls: true, port: 8883}\n",
        "mqtt: {tls: true, port: 443}\n",
        "arming: {at_start: false, by_request: false}\n",
    ],
)
def test_what_can_be_meant_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    config.load(path, Settings)


def test_a_profile_brings_its_rate(tmp_path: Path) -> None:
    """One switch: the shipped file with its first setting changed."""
    path = tmp_path / "config.yaml"
    path.write_text((ROOT / "config.yaml").read_text().replace('profile: "belt"', 'profile: "treadmill"'))
    assert config.load(path, Settings).sampled.rate_hz == 200
    assert Settings().sampled.rate_hz == 100
