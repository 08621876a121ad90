"""A read-only system: the services write below their state directory alone; without that, it is said."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from monitor.core.vocabulary import AlertKind, Certainty, FaultCode
from monitor.delivery.mqtt import MqttSettings
from monitor.page_process import HANDED_OVER, Order
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.spotter.page.page_settings import PageSettings
from tests.brokers import held_port
from tests.listener import Listener
from tests.pulse import PATIENCE_S, wait_until
from tests.test_machine import rearguard

pytestmark = pytest.mark.long

FALL, CONFIRMED = AlertKind.FALL, Certainty.CONFIRMED

WATCHED = """
import os, runpy, sys
seen = os.open({seen!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
CHANGES = {{"os." + what for what in "mkdir remove rename rmdir symlink link truncate chmod".split()}}
def look(event, args):
    if event == "open":
        path, _, flags = args
        if not isinstance(path, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            os.write(seen, f"{{os.fspath(path)}}\\n".encode())
    elif (event in CHANGES or event == "sqlite3.connect") and not isinstance(args[0], int):
        os.write(seen, f"{{os.fspath(args[0])}}\\n".encode())
sys.addaudithook(look)
sys.argv = ["rearguard", *{words!r}]
if sys.argv[1:]:
    from monitor.cli import main
    sys.exit(main())
runpy.run_module("monitor.page_process", run_name="__main__")
"""
"""Python's own account of what is opened for writing, made or removed; SQLite's files lie beside its own."""


def fall(folder: Path) -> Path:
    script = [(2.5, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]
    corpus.save(folder / "fall.npz", [simulated_walker.walk(script, 100.0, seed=1).trial("fall")])
    return folder / "fall.npz"


def config(mqtt: MqttSettings, folder: Path, more: str = "") -> Path:
    file = folder / "config.yaml"
    file.write_text(f"mqtt: {{device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}}}\n{more}")
    return file


@pytest.mark.parametrize("name", ["run", "page", "notify"])
def test_a_service_writes_below_its_state_directory_and_tmp_alone(
    name: str, mqtt: MqttSettings, tmp_path: Path
) -> None:
    state, tmp, seen = (tmp_path / part for part in ("state", "tmp", "seen"))
    state.mkdir()
    tmp.mkdir()
    urls = tmp_path / "urls"
    urls.touch(mode=0o600)
    urls.write_text("json://127.0.0.1:1/x\n")
    with ExitStack() as at_end:
        port = at_end.enter_context(held_port())
        settings = config(
            mqtt, tmp_path, f"page: {{port: {port}, folder: {state}}}\nnotify: {{urls_file: {urls}}}\n"
        )
        words = [name, "--config", str(settings)]
        if name == "run":
            words += ["--simulate", str(fall(tmp_path))]
        environment = {**os.environ, "STATE_DIRECTORY": str(state), "TMPDIR": str(tmp)}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "XDG_RUNTIME_DIR": ""}
        if name == "page":  # what `rearguard page` becomes
            environment[HANDED_OVER] = order(mqtt, state, port)
            words = []
        spotter = at_end.enter_context(Listener(mqtt))
        process = subprocess.Popen(
            [sys.executable, "-c", WATCHED.format(seen=str(seen), words=words)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        at_end.enter_context(process)
        at_end.callback(process.kill)
        assert process.stdout is not None
        assert process.stdout.readline()
        if name == "run":
            wait_until(lambda: any((x.kind, x.certainty) == (FALL, CONFIRMED) for x in spotter.alerts()))
        process.send_signal(signal.SIGTERM)  # as systemd does; a shell's background job has Ctrl-C ignored
        assert process.wait(PATIENCE_S) in (0, 130)
    written = {Path(line) for line in seen.read_text().splitlines()}
    allowed = (state, tmp, Path("/dev/null"))
    assert [path for path in written if not any(path.is_relative_to(place) for place in allowed)] == []
    assert written != set()


def order(mqtt: MqttSettings, folder: Path, port: int) -> str:
    """What the page's process is handed over."""
    return msgspec.json.encode(Order(mqtt, PageSettings(), str(folder), "test", port)).decode()


def test_where_nothing_can_be_written_both_ends_say_so_in_words_and_falls_are_reported(
    mqtt: MqttSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/proc")  # root too can make no file there
    words = ("--config", str(config(mqtt, tmp_path)))
    with Listener(mqtt) as spotter, rearguard("run", "--simulate", str(fall(tmp_path)), *words) as machine:
        machine.until("ALERT fall confirmed")
        wait_until(lambda: any((x.kind, x.certainty) == (FALL, CONFIRMED) for x in spotter.alerts()))
        faults = {x.fault: x.reason for x in spotter.alerts() if x.kind is AlertKind.FAULT}
        assert machine.end() == 0
    assert faults[FaultCode.OUTBOX].startswith(
        "alerts waiting to be sent are kept in memory only: its folder"
    )
    assert faults[FaultCode.JOURNAL].startswith("this session is not recorded: its folder")
