"""The services in the journal: whatever they are told of people, nothing of it is said above debug."""

import sys
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest

from monitor.core.vocabulary import AlertKind, InputKind
from monitor.delivery import messages
from monitor.delivery.messages import Topics
from monitor.recordings import corpus, simulated_walker
from monitor.recordings.simulated_walker import Move
from monitor.spotter.page.door import Door
from monitor.spotter.page.places import DOOR, PUSH_KEY
from monitor.spotter.page.push import make_keys
from monitor.spotter.page.pushes import Pushes
from tests.brokers import Mosquitto, held_port
from tests.journal_reader import DEBUG, Logged
from tests.listener import Listener
from tests.monitor.spotter.page.test_push import Phone
from tests.pulse import wait_until

pytestmark = pytest.mark.long

CANARY = "canary"


def secret(path: Path, words: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(words)
    return path


def told(broker: Mosquitto, port: int, folder: Path) -> dict[str, Path]:
    """Settings of the three services, with a canary wherever a person's word or a secret may stand."""
    password = secret(folder / "password", f"{CANARY}-password")
    urls = secret(
        folder / "urls",
        f"ntfy://{CANARY}:{CANARY}@127.0.0.1:1/{CANARY}-topic\njson://127.0.0.1:1/{CANARY}?to={CANARY}@x.org\n",
    )
    mqtt = f"mqtt: {{host: 127.0.0.1, port: {broker.port}, username: walker, password_file: {password}}}\n"
    own = {
        "run": "",
        "page": f"page: {{port: {port}, folder: {folder}, push_contact: 'mailto:{CANARY}@example.org'}}\n",
        "notify": f"notify: {{urls_file: {urls}, least_priority: 1}}\n",
    }
    files = {name: folder / f"{name}.yaml" for name in own}
    for name, words in own.items():
        files[name].write_text(mqtt + words)
    return files


def subscribe(folder: Path) -> str:
    """A phone of a spotter, with a push service that nobody reaches; a link for a second one."""
    with closing(Door(folder / DOOR)) as door:
        inside = door.enter(door.invite(f"{CANARY} Eva", time.time()).link, "", time.time())
        assert inside is not None
        stored = Pushes.stored(Phone().subscription(f"http://127.0.0.1:1/{CANARY}-push"))
        door.subscribe(inside, f"http://{CANARY}.example", stored)
        return door.invite(f"{CANARY} Tom", time.time()).link


def ask(port: int, method: str, path: str, body: bytes = b"") -> int:
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        headers = {"Origin": f"http://127.0.0.1:{port}", "Cookie": f"session={CANARY}"}
        connection.request(method, path, body, {**headers, "Content-Type": "application/json"})
        return connection.getresponse().status


def say_all(spotter: Listener, topics: Topics, fall: str) -> None:
    """Right and wrong words of a spotter, each with his name or words of his own."""
    who = f"{CANARY} Eva"
    wrong = {"act": CANARY, CANARY: CANARY, "who": who}
    for topic, payload in (
        (topics.request, messages.encode_request(InputKind.SPOTTER_HERE, who)),
        (topics.request, messages.encode_phones_failed(f"{CANARY}-phone")),
        (topics.request, messages.encode_label(f"{CANARY}-1", "false", who, 0.0)),
        (topics.request, messages.encode_missed("fall", who)),
        (topics.request, msgspec.json.encode(wrong)),
        (topics.answer_of(who), msgspec.json.encode({**wrong, "act": "clear"})),
        (topics.answer_of(who), messages.encode_answer(fall, InputKind.COMING, who)),
    ):
        spotter.say(topic, payload)


def test_no_name_secret_or_address_of_a_person_is_logged_above_debug(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    script = [(4.0, Move.STAND), (3.0, Move.BACKWARD), (2.5, Move.FALL_BACKWARD), (600.0, Move.LIE)]
    recording = tmp_path / f"{CANARY}.npz"
    corpus.save(recording, [simulated_walker.walk(script, 100.0, seed=1).trial(CANARY)])
    make_keys(tmp_path / PUSH_KEY)
    link = subscribe(tmp_path)
    state = tmp_path / "state"
    state.mkdir()
    with ExitStack() as at_end:
        port = at_end.enter_context(held_port())
        files = told(mosquitto, port, tmp_path)

        def service(name: str, *words: str) -> Logged:
            command = [sys.executable, "-m", "monitor.cli", name, *words, "--config", str(files[name])]
            logged = Logged(command, tmp_path / f"{name}.log", STATE_DIRECTORY=str(state))
            at_end.callback(logged.end)
            return logged

        run = service("run", "--simulate", str(recording))
        page, notify = service("page"), service("notify")
        services = {"run": run, "page": page, "notify": notify}
        spotter = at_end.enter_context(Listener(mosquitto.settings()))
        topics = Topics("walker")

        page.until("the page: ")
        assert ask(port, "POST", "/enter", msgspec.json.encode({"word": CANARY})) == 403
        assert ask(port, "POST", "/enter", msgspec.json.encode({"word": link})) == 200
        assert ask(port, "GET", f"/{CANARY}?{CANARY}") == 404
        wait_until(lambda: [x for x in spotter.alerts() if x.kind is AlertKind.FALL])
        fall = next(x.id for x in spotter.alerts() if x.kind is AlertKind.FALL)
        say_all(spotter, topics, fall)
        run.until("ALERT fall confirmed, acknowledged")
        run.until("a notifier reaches no phone")
        run.until("a message on rearguard/walker/request is ignored")
        run.until("a message on rearguard/walker/answer is ignored")
        run.until("a label is ignored")
        page.until("push through 127.0.0.1:1 failed")
        notify.until("did not take a message")
        spotter.say(topics.answer_of(f"{CANARY} Eva"), messages.encode_answer(fall, InputKind.CLEAR))
        run.until("ALERT fall cleared (high)")
        mosquitto.kill()
        run.until("ALERT link confirmed")
        notify.until("no contact: ")
        for logged in services.values():
            logged.end()
    assert {name: found for name, log in services.items() if (found := leaks(log.shown()))} == {}
    # It has come to where it can be said: at debug, which the units do not keep.
    assert len(leaks(run.shown(DEBUG))) >= 3
    assert "session: " in run.shown(DEBUG)
    assert "session: " not in run.shown()  # how somebody walks
    warnings = run.shown(4)
    assert "ALERT link confirmed" in warnings
    assert "ALERT fall" not in warnings


def leaks(words: str) -> list[str]:
    return [line for line in words.splitlines() if CANARY in line.lower()]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("page", f"page: {{push_contact: {CANARY}@example.org}}"),
        ("page", f"page: {{host: 0.0.0.0, push_contact: 'mailto:{CANARY}@example.org'}}"),
        ("run", f"mqtt: {{host: '{CANARY}:{CANARY}@example.org'}}"),
        ("run", f"mqtt: {{username: a, username: {CANARY}}}"),
        ("notify", "notify: {urls_file: urls}"),
    ],
)
def test_settings_that_are_refused_are_an_error_in_the_journal_and_quote_no_address(
    name: str, settings: str, tmp_path: Path
) -> None:
    secret(tmp_path / "urls", f"nothing {CANARY}\n")
    file = tmp_path / "config.yaml"
    file.write_text(settings.replace("urls}", f"{tmp_path / 'urls'}}}"))
    command = [sys.executable, "-m", "monitor.cli", name, "--config", str(file)]
    logged = Logged(command, tmp_path / "log", STATE_DIRECTORY=str(tmp_path))
    assert logged.process.wait() == 2
    assert leaks(logged.shown(DEBUG)) == []
    assert logged.shown(3) != ""


@pytest.mark.parametrize("unit", ["rearguard", "rearguard-page", "rearguard-notify"])
def test_the_units_keep_no_debug_cut_floods_off_and_let_lines_be_written_whole(unit: str) -> None:
    text = (Path(__file__).parents[1] / f"systemd/{unit}.service").read_text()
    for line in ("LogLevelMax=info", "LogRateLimitIntervalSec=10min", "LogRateLimitBurst=500"):
        assert f"\n{line}\n" in text
    # Unbuffered, print() writes a line and its end apart: another thread's line between them has no priority.
    assert "PYTHONUNBUFFERED" not in text
