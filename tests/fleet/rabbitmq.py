"""Three RabbitMQ nodes with the MQTT plugin. One is cut off by taking the others' key from it."""

import json
import os
import secrets
import shutil
import subprocess
from glob import glob
from pathlib import Path
from typing import Self

from monitor.delivery import rabbitmq_nodes
from monitor.delivery.rabbitmq_accounts import definitions, hashed_word
from tests.fleet.nodes import ADDRESSES, NODES, Ports, Processes, Where, wait_ready
from tests.fleet.packets import serves
from tests.fleet.people import TESTER, People

# Not Debian's wrapper in /usr/sbin, which serves the system's own node only.
PROGRAMS = next(iter(sorted(glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"))), "")
EPMD = shutil.which("epmd")

CONFIGURATION = """\
listeners.tcp = none
mqtt.listeners.tcp.1 = {address}:{mqtt}
load_definitions = {folder}/definitions.json
log.console = true
log.console.level = warning
log.file = false
"""


class RabbitMq:
    """A cluster in ``folder``, for these people."""

    name = "RabbitMQ"

    def __init__(self, folder: Path, people: People) -> None:
        self._folder = folder
        self._ports = Ports()
        self.where = Where(self._ports.new(), people.words)
        self.processes = Processes(folder)
        self._cookie = secrets.token_hex(16)
        (folder / ".erlang.cookie").write_text(self._cookie)
        (folder / ".erlang.cookie").chmod(0o400)
        (folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        kept = {name: hashed_word(word, secrets.token_bytes(4)) for name, word in people.words.items()}
        (folder / "definitions.json").write_text(json.dumps(definitions(people.users, kept)))
        self._epmd = str(self._ports.new())
        self._distribution = {node: str(self._ports.new()) for node in NODES}
        for node in NODES:
            own = CONFIGURATION.format(address=ADDRESSES[node], mqtt=self.where.port, folder=folder)
            words = own + rabbitmq_nodes.settings([f"node{node}@localhost" for node in NODES])
            (folder / f"node-{node}.conf").write_text(words)

    def _environment(self, node: int) -> dict[str, str]:
        own = self._folder / f"node-{node}"
        return {
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"node{node}@localhost",
            "RABBITMQ_DIST_PORT": self._distribution[node],
            "RABBITMQ_CONFIG_FILE": str(self._folder / f"node-{node}.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(own),
            "RABBITMQ_LOG_BASE": str(own),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_PORT": self._epmd,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def start(self, node: int) -> None:
        self.processes.start(node, [f"{PROGRAMS}/rabbitmq-server"], self._environment(node))

    def ready(self, node: int) -> bool:
        assert self.processes.alive(node), f"node {node} has ended; see {self._folder}/node-{node}.log"
        return serves(ADDRESSES[node], self.where.port, TESTER, self.where.words[TESTER])

    def cut_off(self, node: int) -> None:
        self._at(node, "erlang:set_cookie(P, cut), erlang:disconnect_node(P)")

    def heal(self, node: int) -> None:
        self._at(node, f"erlang:set_cookie(P, '{self._cookie}'), net_kernel:connect_node(P)")

    def _at(self, node: int, words: str) -> None:
        """Said of each other node, at this one."""
        others = ", ".join(f"'node{other}@localhost'" for other in NODES if other != node)
        subprocess.run(
            [f"{PROGRAMS}/rabbitmqctl", "eval", f"[begin {words} end || P <- [{others}]]."],
            env={**os.environ, **self._environment(node)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60.0,
            check=False,
        )

    def stored_bytes(self) -> int:
        """On the first node's disk."""
        return sum(path.stat().st_size for path in (self._folder / "node-1").rglob("*") if path.is_file())

    def __enter__(self) -> Self:
        assert EPMD is not None
        self.processes.start(0, [EPMD, "-port", self._epmd, "-address", "127.0.0.1"])
        for node in NODES:  # one by one: of two that begin together each may found a cluster of its own
            self.start(node)
            wait_ready(self, [node])
        return self

    def __exit__(self, *_: object) -> None:
        self.processes.close()
        self._ports.close()
