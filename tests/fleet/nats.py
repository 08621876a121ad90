"""Three NATS servers with JetStream, which speak MQTT 3.1.1. Their routes go through proxies, to be cut."""

import contextlib
import secrets
import shutil
import urllib.request
from pathlib import Path
from typing import Self

from tests.fleet.nats_accounts import configuration, hashed
from tests.fleet.nodes import ADDRESSES, NODES, Ports, Processes, Where
from tests.fleet.people import People
from tests.fleet.wire import Wire

SERVER = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin")

CONFIGURATION = """\
server_name: node-{node}
include "accounts.conf"

# NATS' own protocol, and its figures by HTTP: this machine only.
listen: "127.0.0.1:{client}"
http: "127.0.0.1:{http}"

mqtt {{
  listen: "{address}:{mqtt}"
  # What is retained, what waits in a session, and where a session is in it: on all three nodes.
  stream_replicas: 3
  # What a client has not acknowledged for so long it gets again.
  ack_wait: "5s"
}}
jetstream {{
  store_dir: "{folder}/node-{node}"
  max_memory_store: 256MB
  max_file_store: 1GB
}}


cluster {{
  name: rearguard
  listen: "127.0.0.1:{cluster}"
  # Each finds the others by these lines alone. (Here they lead through proxies, which a test makes silent.)
  advertise: "127.0.0.1:1"
  routes: [{routes}]
}}
"""


class Nats:
    """A cluster in ``folder``, for these people."""

    name = "NATS"

    def __init__(self, folder: Path, people: People) -> None:
        self._folder = folder
        self._ports = Ports()
        self.where = Where(self._ports.new(), people.words)
        self._http = {node: self._ports.new() for node in NODES}
        own = {node: self._ports.new() for node in NODES}
        pairs = [(a, b) for a in NODES for b in NODES if a != b]
        self._proxies = {pair: Wire(own[pair[1]]) for pair in pairs}
        self.processes = Processes(folder)
        kept = {name: hashed(word, secrets.token_bytes(16)) for name, word in people.words.items()}
        (folder / "accounts.conf").write_text(configuration(people.users, kept))
        for node in NODES:
            routes = [f'"nats://127.0.0.1:{self._proxies[node, b].port}"' for b in NODES if b != node]
            self._file(node).write_text(
                CONFIGURATION.format(
                    node=node,
                    client=self._ports.new(),
                    http=self._http[node],
                    address=ADDRESSES[node],
                    mqtt=self.where.port,
                    folder=folder,
                    cluster=own[node],
                    routes=", ".join(routes),
                )
            )

    def _file(self, node: int) -> Path:
        return self._folder / f"node-{node}.conf"

    def start(self, node: int) -> None:
        assert SERVER is not None
        self.processes.start(node, [SERVER, "-c", str(self._file(node))])

    def ready(self, node: int) -> bool:
        """It has caught up with the others."""
        assert self.processes.alive(node), f"node {node} has ended; see {self._folder}/node-{node}.log"
        with contextlib.suppress(OSError):
            address = f"http://127.0.0.1:{self._http[node]}/healthz"
            with urllib.request.urlopen(address, timeout=2.0) as answer:
                return bool(answer.status == 200)
        return False

    def cut_off(self, node: int) -> None:
        for pair, proxy in self._proxies.items():
            if node in pair:
                proxy.silent = True

    def heal(self, node: int) -> None:
        for pair, proxy in self._proxies.items():
            if node in pair:
                proxy.silent = False

    def stored_bytes(self) -> int:
        """On the first node's disk."""
        return sum(path.stat().st_size for path in (self._folder / "node-1").rglob("*") if path.is_file())

    def __enter__(self) -> Self:
        for node in NODES:
            self.start(node)
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.close()
        for proxy in self._proxies.values():
            proxy.close()
        self._ports.close()
