import os
import socket
from pathlib import Path

import pytest

from firmware.watchdog import Vouch, notify
from monitor.core.samples import SampleBlock
from monitor.core.vocabulary import Event, EventKind, Status


def heard(address: str, monkeypatch: pytest.MonkeyPatch, shown: str) -> bytes:
    """What a service manager at ``address`` hears of a state."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", shown)
        notify("WATCHDOG=1\nSTATUS=armed")
        manager.settimeout(1)
        return manager.recv(100)


def test_systemd_receives_the_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    assert heard(address, monkeypatch, address) == b"WATCHDOG=1\nSTATUS=armed"


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"rearguard-test-{os.getpid()}"
    assert heard("\0" + name, monkeypatch, "@" + name) == b"WATCHDOG=1\nSTATUS=armed"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


def test_a_manager_that_reads_nothing_does_not_stop_the_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(2000):  # far more than its queue holds
            notify("WATCHDOG=1")


def test_a_vanished_listener_does_not_stop_the_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("WATCHDOG=1")


def test_whoever_steps_counts_as_walking_for_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By this an upgrade waits for the end of a walk."""
    vouch = Vouch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(1)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def said(end_s: float, *events: Event) -> str:
            status = Status(armed=False, sound_paused=False, incidents=(), time_s=end_s)
            vouch(SampleBlock.silent(end_s, ""), events, (), status)
            return manager.recv(1000).decode()

        assert "STATUS=disarmed; all is well" in said(0.0)
        assert "STATUS=disarmed, walking; all is well" in said(5.0, Event(EventKind.STEP, 5.0))
        assert "STATUS=disarmed, walking; all is well" in said(14.0)
        assert "STATUS=disarmed; all is well" in said(16.0)
