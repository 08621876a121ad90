"""``rearguard page`` as a person types it: who is let in and put out, keys, and the page as a process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import msgspec
import pytest

from monitor.cli import main
from monitor.commands.page import ACTIONS
from monitor.core.vocabulary import InputKind
from monitor.delivery.link import Link
from monitor.delivery.mqtt import MqttSettings
from monitor.page_process import COMMAND, HANDED_OVER, Order
from monitor.page_process import main as process_main
from monitor.spotter.page.door import INVITATION_S, Door
from monitor.spotter.page.page_settings import PageSettings
from monitor.spotter.page.places import DOOR, PUSH_KEY
from tests.page_site import NOBODY
from tests.pulse import PATIENCE_S, Pulse, wait_until
from tests.test_machine import rearguard

Output = pytest.CaptureFixture[str]


def page(folder: Path, *words: str, config: str = "/dev/null") -> int:
    return main(["page", *words, "--config", config, "--folder", str(folder)])


def entered(folder: Path, *words: str, now_s: float | None = None) -> list[str | None]:
    """The names of the sessions that come of these words, one after the other."""
    now_s = time.time() if now_s is None else now_s
    with closing(Door(folder / DOOR)) as door:
        secrets = [door.enter(word, "", now_s) for word in words]
        return [secret and door.name_of(secret, now_s) for secret in secrets]


def invitation(said: str) -> tuple[str, str]:
    """The link's word and the code of what was printed."""
    link = re.search(r"^https?://\S+/#enter=([\w-]+)$", said, re.MULTILINE)
    code = re.search(r"enter (\d{3}) (\d{3})$", said, re.MULTILINE)
    assert link is not None
    assert code is not None
    return link[1], code[1] + code[2]


def test_pair_prints_a_link_and_a_code_that_let_that_person_in_once(tmp_path: Path, capsys: Output) -> None:
    assert page(tmp_path, "pair", "Eva") == 0
    said = capsys.readouterr().out
    assert said.endswith("for Eva, once, within 10 minutes\n")
    link, code = invitation(said)
    assert entered(tmp_path, code, link) == ["Eva", None]
    assert page(tmp_path, "pair", " Søren ") == 0
    link, code = invitation(capsys.readouterr().out)
    assert entered(tmp_path, link, code) == ["Søren", None]
    assert page(tmp_path, "pair", "Tom") == 0
    assert (
        entered(tmp_path, *invitation(capsys.readouterr().out), now_s=time.time() + INVITATION_S)
        == [None] * 2
    )


@pytest.mark.parametrize(
    ("config", "words", "where"),
    [
        ("", [], "http://127.0.0.1:8180/#enter="),
        ("page: {port: 8000}", [], "http://127.0.0.1:8000/#enter="),
        ("page: {port: 8000}", ["--listen", "9000"], "http://127.0.0.1:9000/#enter="),
        ("page: {host: 0.0.0.0}", [], "http://{name}.local:8180/#enter="),
        (
            "page: {host: 0.0.0.0, certificate_file: c, key_file: k}",
            [],
            "https://{name}.local:8180/#enter=",
        ),
    ],
)
def test_the_link_leads_to_the_page_of_the_settings(
    config: str, words: list[str], where: str, tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config)
    assert page(tmp_path, "pair", "Eva", *words, config=str(file)) == 0
    assert where.format(name=socket.gethostname()) in capsys.readouterr().out


def test_spotters_lists_who_is_let_in_and_unpair_puts_out(tmp_path: Path, capsys: Output) -> None:
    def says(*words: str) -> tuple[int, str]:
        return page(tmp_path, *words), capsys.readouterr().out

    assert says("spotters") == (0, "nobody is paired: rearguard page pair NAME\n")
    assert says("unpair", "Eva") == (1, "nobody called Eva is paired: nobody is\n")
    for name in ("Tom", "Eva", "Eva", "Max"):
        link, _ = invitation(says("pair", name)[1])
        if name != "Max":
            assert entered(tmp_path, link) == [name]
    assert says("spotters") == (0, "Eva\nMax\nTom\n")
    assert says("unpair", "eva") == (1, "nobody called eva is paired: Eva, Max, Tom\n")
    assert says("unpair", "Eva") == (0, "Eva is out, on 2 phones\n")
    assert says("unpair", "Tom") == (0, "Tom is out, on 1 phone\n")
    assert says("spotters") == (0, "Max\n")
    assert says("unpair", "Max") == (0, "Max is out, on 0 phones\n")  # his invitation
    assert says("spotters") == (0, "nobody is paired: rearguard page pair NAME\n")


def test_a_spotter_is_rung_for_the_walkers_that_pair_names_until_it_names_others(
    tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("page: {devices: anna bert carla}")

    def says(*words: str) -> str:
        status = page(tmp_path, *words, config=str(file))
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    assert says("pair", "Tom").endswith("for Tom, once, within 10 minutes\n")
    watching = "Eva, who watches anna, bert"
    assert says("pair", "Eva", "--watches", "bert,anna").endswith(
        f"for {watching}, once, within 10 minutes\n"
    )
    assert says("spotters") == f"{watching}\nTom\n"
    assert f"for {watching}" in says("pair", "Eva")  # a second phone
    for wrong in ("dora", "anna bert", ""):
        assert f"the page shows no {wrong!r}" in says("pair", "Eva", "--watches", wrong)
    said = says("pair", "Eva", "--watches", "anna,dora")
    assert "the page shows no 'dora', but anna, bert, carla: name some of these" in said
    assert says("spotters") == f"{watching}\nTom\n"
    says("pair", "Eva", "--watches", "all")
    assert says("spotters") == "Eva\nTom\n"
    assert says("spotters", "--watches", "anna") == "rearguard page spotters: --watches is for pair alone\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pair"], "rearguard page pair: whom? give a NAME"),
        (["unpair"], "rearguard page unpair: whom? give a NAME"),
        (["spotters", "Eva"], "rearguard page spotters: spotters takes no NAME"),
        (["push-keys", "Eva"], "rearguard page push-keys: push-keys takes no NAME"),
        (["serve", "Eva"], "rearguard page serve: serve takes no NAME"),
        (["pair", ""], "a spotter's name has 1 to 32 letters, found 0"),
        (["pair", "\x1b\n"], "a spotter's name has 1 to 32 letters, found 0"),
        (["pair", "x" * 33], "a spotter's name has 1 to 32 letters, found 33"),
        (["spotters", "--config", "none.yaml"], "none.yaml: cannot be read"),
        (["spotters", "--device", "A B"], "device"),
    ],
)
def test_wrong_words_are_answered_with_what_is_right(
    words: list[str], said: str, tmp_path: Path, capsys: Output
) -> None:
    config = [] if "--config" in words else ["--config", "/dev/null"]
    assert main(["page", *words, *config, "--folder", str(tmp_path / "page")]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("port", ["x", "-1", "65536", "", "8180.0"])
def test_an_impossible_port_is_refused(port: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as left:
        main(["page", f"--listen={port}"])
    assert left.value.code == 2
    assert f"{port!r}: a port is a whole number 0 to 65535" in capsys.readouterr().err


def test_an_action_that_there_is_not_is_answered_with_those_there_are(capsys: Output) -> None:
    with pytest.raises(SystemExit) as left:
        main(["page", "Eva"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    for action in ACTIONS:
        assert action in said


def test_help_names_every_action_and_what_it_does(capsys: Output) -> None:
    with pytest.raises(SystemExit) as left:
        main(["page", "--help"])
    assert left.value.code == 0
    said = re.sub(r"\s+", " ", capsys.readouterr().out)
    for action, words in ACTIONS.items():
        assert f"{action} {words}" in said


@pytest.mark.parametrize("action", [["spotters"], ["pair", "Eva"], ["push-keys"]])
def test_a_folder_that_cannot_be_made_is_said(action: list[str], tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert page(tmp_path / "file" / "folder", *action) == 2
    said = capsys.readouterr().err
    assert "ot a directory" in said
    assert "Traceback" not in said


def test_the_folder_is_the_option_s_the_settings_or_the_outbox_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    file = tmp_path / "config.yaml"
    file.write_text(f"page: {{folder: {tmp_path / 'set'}}}")
    for name, words in (
        ("state", ["--config", "/dev/null"]),
        ("set", ["--config", str(file)]),
        ("option", ["--config", str(file), "--folder", str(tmp_path / "option")]),
    ):
        assert not (tmp_path / name).exists()
        assert main(["page", "pair", "Eva", *words]) == 0
        assert (tmp_path / name / DOOR).exists()


def test_push_keys_are_made_once_for_their_owner_alone(tmp_path: Path, capsys: Output) -> None:
    folder = tmp_path / "folder"
    assert page(folder, "push-keys") == 0
    key = folder / PUSH_KEY
    said = capsys.readouterr().out
    assert f"made {key}" in said
    assert "page.push_contact" in said
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_bytes()
    assert page(folder, "push-keys") == 2
    assert "remove it first" in capsys.readouterr().err
    assert key.read_bytes() == kept


def test_with_a_contact_the_keys_are_all_that_was_missing(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("page: {push_contact: 'mailto:eva@example.org'}")
    assert page(tmp_path, "push-keys", config=str(file)) == 0
    assert "push_contact" not in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["cryptography", "uvicorn"])
def test_what_is_not_installed_is_said(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    for name in ("serve", "push"):
        monkeypatch.delitem(sys.modules, f"monitor.spotter.page.{name}", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # as Python's own word for missing
    monkeypatch.setitem(sys.modules, missing, None)  # type: ignore[arg-type]  # as above
    order = Order(NOBODY, PageSettings(), str(tmp_path), "test", 0)
    monkeypatch.setenv(HANDED_OVER, msgspec.json.encode(order).decode())
    assert (page(tmp_path, "push-keys") if missing == "cryptography" else process_main()) == 2
    part = {"cryptography": "push", "uvicorn": "page"}[missing]
    assert f"-m pip install 'rearguard[{part}]'" in capsys.readouterr().err


def served(said: str) -> str:
    """The address of the page that was printed."""
    return re.fullmatch(r"the page: (http://127\.0\.0\.1:\d+/)", said)[1]  # type: ignore[index]  # or it fails


def enter(where: str, link: str) -> dict[str, str]:
    """The headers of a browser that has come in."""
    headers = {"Origin": where.rstrip("/"), "Content-Type": "application/json"}
    body = msgspec.json.encode({"word": link})
    with urllib.request.urlopen(
        urllib.request.Request(f"{where}enter", body, headers), timeout=PATIENCE_S
    ) as response:
        return headers | {"Cookie": response.headers["set-cookie"].partition(";")[0]}


def kinds_of(who: str, pulse: Pulse) -> list[InputKind]:
    return [word.kind for word in pulse.heard if word.who == who]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_serve_becomes_a_small_process_that_serves_and_ends_in_order(
    end: signal.Signals, mqtt: MqttSettings, tmp_path: Path, capsys: Output
) -> None:
    secret = "correct horse battery staple"
    password = tmp_path / "password"
    password.write_text(secret)
    password.chmod(0o600)
    config = tmp_path / "config.yaml"
    about = f"device: {mqtt.device}, host: {mqtt.host}, port: {mqtt.port}, username: page"
    config.write_text(f"mqtt: {{{about}, password_file: {password}}}")
    assert page(tmp_path, "pair", "Eva", config=str(config)) == 0
    link, _ = invitation(capsys.readouterr().out)
    with Pulse(Link(mqtt, SimpleQueue())) as pulse:
        with rearguard(
            "page", "--config", str(config), "--folder", str(tmp_path), "--listen", "0"
        ) as process:
            where = served(process.until("the page: "))
            about_process = Path(f"/proc/{process.handle.pid}")
            assert about_process.joinpath("cmdline").read_bytes().split(b"\0")[2:4] == [
                b"-m",
                b"monitor.page_process",
            ]
            assert "numpy" not in about_process.joinpath("maps").read_text()
            assert HANDED_OVER.encode() in about_process.joinpath("environ").read_bytes()
            assert secret.encode() not in about_process.joinpath("environ").read_bytes()
            headers = enter(where, link)
            body = msgspec.json.encode({"page": "12345678", "can_ring": True})
            live = urllib.request.Request(f"{where}live", headers=headers)
            with urllib.request.urlopen(live, timeout=PATIENCE_S) as stream:
                assert mqtt.device.encode() in b"".join(stream.readline() for _ in range(4))

                def listened() -> bool:
                    pulsed = urllib.request.Request(f"{where}pulse", body, headers)
                    urllib.request.urlopen(pulsed, timeout=PATIENCE_S).close()
                    return ("Eva (page)", InputKind.SPOTTER_HERE) in [
                        (word.who, word.kind) for word in pulse.heard
                    ]

                wait_until(listened)
                assert process.end(end) == 0
            assert process.everything[1:] == [f"the page: {where}"]  # nothing went wrong on the way out
        wait_until(
            lambda: ("Eva (page)", InputKind.SPOTTER_GONE) in [(word.who, word.kind) for word in pulse.heard]
        )


def test_a_page_that_nohup_started_outlives_its_terminal(tmp_path: Path) -> None:
    order = Order(NOBODY, PageSettings(), str(tmp_path), "test", 0)
    with subprocess.Popen(
        ["nohup", *COMMAND],
        env={**os.environ, HANDED_OVER: msgspec.json.encode(order).decode()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            where = served(process.stdout.readline().strip())
            process.send_signal(signal.SIGHUP)
            with urllib.request.urlopen(where, timeout=PATIENCE_S) as response:
                assert response.status == 200
            status = Path(f"/proc/{process.pid}/status").read_text()
            ignored = re.search(r"^SigIgn:\t([0-9a-f]+)$", status, re.MULTILINE)
            assert ignored is not None
            assert int(ignored[1], 16) >> (signal.SIGHUP - 1) & 1
            process.terminate()
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("config", "words", "said"),
    [
        ("page: {host: 127.0.0.2}", [], "nobody is paired: first run rearguard page pair NAME"),
        ("page: {certificate_file: none.crt, key_file: none.key}", [], "none.key"),
        ("page: {push_contact: 'mailto:eva@example.org'}", [], "no key for push"),
        ("page: {colour: red}", [], "page.colour"),
        ("", ["--listen", "{taken}"], "Address already in use; set page.host or page.port"),
        ("mqtt: {username: page, password_file: none}", [], "cannot read a secret"),
    ],
)
def test_what_keeps_the_page_from_being_served_is_said_in_words(
    config: str, words: list[str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(config)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        listen = [word.format(taken=port) for word in words] or ["--listen", "0"]
        with rearguard("page", "--config", str(file), "--folder", str(tmp_path), *listen) as process:
            assert process.ended() == 2
            text = "\n".join(process.everything)
    assert said in text
    assert "Traceback" not in text
    assert "the page: " not in text
