"""A client of docs/examples/clients as a process; and what its person does."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import pytest

from monitor.delivery.invitation import address
from tests.brokers import held_port
from tests.contract.document import ROOT

CLIENTS = ROOT / "docs/examples/clients"
NODE_RED = ROOT / "build/node/node_modules/node-red/red.js"

SETTINGS = {
    "uiHost": "127.0.0.1",
    "flowFile": "flows.json",
    "credentialSecret": False,
    "disableEditor": True,
    "httpNodeRoot": False,
    "telemetry": {"enabled": False, "updateNotification": False},
    "externalModules": {"autoInstall": False, "palette": {"allowInstall": False}},
}
"""Node-RED's: on loopback, and nothing is fetched or reported."""


class Account(NamedTuple):
    """At a broker on loopback: plain on ``port``, encrypted on ``tls_port`` by a certificate of ``ca``."""

    name: str
    word: str
    port: int
    tls_port: int
    ca: Path


class Program(NamedTuple):
    """``says`` is all that it has shown; ``answer`` says "I'm coming" to an incident, as a person would."""

    says: Callable[[], str]
    answer: Callable[[str], None]


@contextmanager
def running(
    command: list[str], folder: Path, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    shown = folder / "shown"
    with shown.open("w") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            text=True,
            env={**os.environ, **environment},
            cwd=folder,
            start_new_session=True,
        )
    try:
        yield process, shown
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def typed(command: list[str], folder: Path, **environment: str) -> Iterator[Program]:
    """A program that is answered in its terminal."""
    with running(command, folder, **environment) as (process, shown):

        def answer(incident: str) -> None:
            assert process.stdin is not None
            process.stdin.write(f"{incident}\n")
            process.stdin.flush()

        yield Program(shown.read_text, answer)


@contextmanager
def python(account: Account, folder: Path) -> Iterator[Program]:
    url = address(account.name, account.word, "localhost", account.tls_port, "walker")
    command = [sys.executable, str(CLIENTS / "alerts.py")]
    with typed(command, folder, REARGUARD=url, CA=str(account.ca)) as program:
        yield program


@contextmanager
def shell(account: Account, folder: Path) -> Iterator[Program]:
    for command in ("mosquitto_sub", "mosquitto_pub", "jq"):
        if shutil.which(command) is None:
            pytest.skip(f"{command} is not installed")
    where = f"-h localhost\n-p {account.tls_port}\n--cafile {account.ca}\n"
    for name in ("mosquitto_sub", "mosquitto_pub"):
        (folder / name).write_text(f"{where}-u {account.name}\n-P {account.word}\n")
    command = ["sh", str(CLIENTS / "alerts.sh"), account.name]
    with typed(command, folder, XDG_CONFIG_HOME=str(folder)) as program:
        yield program


@contextmanager
def node_red(account: Account, folder: Path) -> Iterator[Program]:
    """The flow as it is in the docs, with this broker's port, and its account as the editor keeps it."""
    node = shutil.which("node")
    if node is None or not NODE_RED.exists():
        pytest.skip("Node-RED is not in build/node: make test installs it where npm is")
    flow = json.loads((CLIENTS / "node-red-flow.json").read_text())
    (broker,) = (part for part in flow if part["type"] == "mqtt-broker")
    broker |= {"broker": "127.0.0.1", "port": str(account.port)}
    (folder / "flows.json").write_text(json.dumps(flow))
    secret = {broker["id"]: {"user": account.name, "password": account.word}}
    (folder / "flows_cred.json").write_text(json.dumps(secret))
    with held_port() as port:
        settings = folder / "settings.js"
        settings.write_text(f"module.exports = {json.dumps({**SETTINGS, 'uiPort': port})}\n")
        command = [node, str(NODE_RED), "--userDir", str(folder), "--settings", str(settings)]
        with running(command, folder) as (_, shown):

            def press(_incident: str) -> None:
                """The button of the flow, as the editor does."""
                editor = HTTPConnection("127.0.0.1", port)
                editor.request("POST", "/inject/coming")
                assert editor.getresponse().status == 200
                editor.close()

            yield Program(shown.read_text, press)
