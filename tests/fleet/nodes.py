"""What is common to both clusters: nodes that are processes, at addresses of the loopback network."""

import contextlib
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from monitor.delivery.mqtt import Invitation, MqttSettings
from tests.brokers import held_port

NODES = (1, 2, 3)
ADDRESSES = {node: f"127.0.1.{node}" for node in NODES}
READY_S = 120.0


@dataclass(frozen=True)
class Where:
    """What a client needs: the port of all nodes, and the accounts' passwords."""

    port: int
    words: dict[str, str]


class Cluster(Protocol):
    """Three nodes of one broker. A node that is cut off runs, and its clients reach it; the others do not."""

    name: str
    where: Where
    processes: "Processes"

    def start(self, node: int) -> None: ...
    def ready(self, node: int) -> bool: ...
    def cut_off(self, node: int) -> None: ...
    def heal(self, node: int) -> None: ...
    def stored_bytes(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


def settings(where: Where, account: str, device: str = "", nodes: Sequence[int] = NODES) -> MqttSettings:
    """For a client of these nodes."""
    return Invitation(
        device=device or account,
        host=",".join(ADDRESSES[node] for node in nodes),
        port=where.port,
        protocol=4,
        keepalive_s=5,
        username=account,
        word=where.words[account],
    )


def wait_ready(cluster: Cluster, nodes: Sequence[int] = NODES) -> None:
    """Until each of them serves."""
    deadline_s = time.monotonic() + READY_S
    for node in nodes:
        while not cluster.ready(node):
            if time.monotonic() > deadline_s:
                raise TimeoutError(f"{cluster.name}: node {node} is not ready after {READY_S:.0f} s")
            time.sleep(0.2)


class Ports:
    """Loopback ports that nobody else is given while these are held."""

    def __init__(self) -> None:
        self._held = contextlib.ExitStack()

    def new(self) -> int:
        return self._held.enter_context(held_port())

    def close(self) -> None:
        self._held.close()


class Processes:
    """The nodes' processes, by number; each leads its own group, so that its children end with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, node: int, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        with (self._folder / f"node-{node}.log").open("ab") as log:
            self._running[node] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def alive(self, node: int) -> bool:
        return node in self._running and self._running[node].poll() is None

    def kill(self, node: int) -> None:
        """As a power cut: no goodbye."""
        process = self._running.pop(node, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def freeze(self, node: int) -> None:
        """It says nothing more, and closes nothing, as a machine that hangs or whose network is gone."""
        os.killpg(self._running[node].pid, signal.SIGSTOP)

    def thaw(self, node: int) -> None:
        os.killpg(self._running[node].pid, signal.SIGCONT)

    def close(self) -> None:
        for node in list(self._running):
            self.kill(node)

    def memory_mb(self) -> float:
        """Of all nodes together."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._pids())
        return pages * resource.getpagesize() / 1e6

    def cpu_s(self) -> float:
        """Of all nodes together, since each began."""
        ticks = 0
        for pid in self._pids():
            stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(stat[11]) + int(stat[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> list[int]:
        groups = {process.pid for process in self._running.values() if process.poll() is None}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[2]) in groups:
                    found.append(int(folder.name))
        return found
