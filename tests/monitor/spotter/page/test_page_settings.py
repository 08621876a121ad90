"""What of the page's settings cannot be meant, and the address that follows from them."""

import socket
from pathlib import Path

import pytest

from monitor import config
from monitor.core.setting import SettingError
from monitor.settings import Settings
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import address


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("page: {port: 0}", "page.port: found 0, allowed: a whole number"),
        ("page: {port: 65536}", "page.port: found 65536, allowed: a whole number"),
        ("page: {host: ''}", 'page.host: found "", allowed: a host name or an address'),
        ("page: {host: 'my pi'}", 'page.host: found "my pi", allowed: a host name or an address'),
        ("page: {host: 'http://pi'}", "page.host: "),
        ("page: {push_contact: eva@example.org}", "page.push_contact: "),
        ("page: {push_contact: 'http://example.org'}", "page.push_contact: "),
        (
            "page: {certificate_file: page.crt}",
            "page.key_file: certificate_file and key_file belong together",
        ),
        ("page: {key_file: page.key}", "page.key_file: certificate_file and key_file belong together"),
        ("page: {devices: 'walker Eva'}", "page.devices: found 'Eva', allowed: 1 to 32 of a-z, 0-9, _ and -"),
        ("page: {devices: 'walker,anna'}", "page.devices: found 'walker,anna', allowed"),
        ("page: {colour: red}", "page.colour"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(config.ConfigError) as refused:
        config.load(path, Settings)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "page: {host: 0.0.0.0, port: 443, devices: 'walker anna'}",
        "page: {host: '::', push_contact: 'mailto:eva@example.org'}",
        "page: {host: pi-2.local, push_contact: 'https://example.org/eva'}",
        "page: {certificate_file: page.crt, key_file: page.key}",
        "page: {devices: '', push_contact: ''}",
    ],
)
def test_what_can_be_meant_is_taken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    assert config.load(path, Settings).page != PageSettings() or "''" in text


@pytest.mark.parametrize(
    ("host", "is_open"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("192.168.1.10", True),
        ("pi.local", True),
        ("localhost.example.org", True),
        ("127.0.0.1.example.org", True),
    ],
)
def test_only_a_loopback_address_is_closed_to_other_machines(host: str, is_open: bool) -> None:
    assert PageSettings(host=host).open == is_open


def test_the_page_is_closed_to_other_machines_and_without_push_until_somebody_says_otherwise() -> None:
    settings = PageSettings()
    assert (settings.open, settings.tls, settings.push_contact) == (False, False, "")


def test_tls_is_on_with_a_certificate() -> None:
    assert PageSettings(certificate_file="page.crt", key_file="page.key").tls
    with pytest.raises(SettingError):
        PageSettings(certificate_file="page.crt")


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (PageSettings(), "http://127.0.0.1:8180/"),
        (PageSettings(host="localhost"), "http://localhost:8180/"),
        (PageSettings(host="::1"), "http://[::1]:8180/"),
        (PageSettings(host="0.0.0.0"), "http://{name}.local:8180/"),
        (PageSettings(host="::"), "http://{name}.local:8180/"),
        (PageSettings(host="0.0.0.0", certificate_file="c", key_file="k"), "https://{name}.local:8180/"),
    ],
)
def test_the_address_is_one_at_which_a_browser_finds_it(settings: PageSettings, where: str) -> None:
    assert address(settings, 8180) == where.format(name=socket.gethostname())
