"""``rearguard watch URL``: which of an account's devices it watches."""

from typing import Any

import pytest

from monitor.cli import main
from monitor.commands import watch
from monitor.delivery.invitation import address
from monitor.delivery.mqtt import Invitation

URL = address("eva", "word", "gym.local", 8883, "anna", "bert")


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Invitation]:
    """What would be watched."""
    found: list[Invitation] = []

    def notes(settings: Invitation, *_: Any, **__: Any) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(watch, "watch", notes)
    return found


@pytest.mark.parametrize(
    ("words", "device", "said"),
    [
        ([URL], "anna", "watching anna; --device for another: bert\n"),
        ([URL, "--device", "bert"], "bert", ""),
        ([URL.split("&")[0]], "anna", ""),
    ],
)
def test_of_several_devices_the_first_is_watched_or_the_one_that_is_named(
    words: list[str], device: str, said: str, watched: list[Invitation], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", *words, "--config", "/dev/null"]) == 0
    assert [settings.device for settings in watched] == [device]
    assert "".join(capsys.readouterr().err.splitlines(keepends=True)[1:]) == said  # after the settings


def test_a_device_that_is_not_the_account_s_is_refused(
    watched: list[Invitation], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", URL, "--device", "carl", "--config", "/dev/null"]) == 2
    said = capsys.readouterr().err
    assert "this account does not watch 'carl': it watches anna, bert" in said
    assert "word" not in said
    assert watched == []
