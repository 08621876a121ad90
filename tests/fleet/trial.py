"""What all trials of a cluster share."""

import secrets
import time

from monitor.delivery.mqtt import MqttSettings
from tests.fleet.ear import Ear
from tests.fleet.nodes import NODES, Cluster, settings, wait_ready
from tests.fleet.people import TESTER

WAIT_S = 20.0
"""What has not come by then is "never"."""


def at(cluster: Cluster, *nodes: int) -> MqttSettings:
    """For the account that may do anything."""
    return settings(cluster.where, TESTER, "fact", nodes or NODES)


def name(what: str = "fact") -> str:
    return f"{what}-{secrets.token_hex(3)}"


def again(cluster: Cluster, node: int) -> None:
    """A killed node is started, and all are well."""
    cluster.start(node)
    wait_ready(cluster)


def after(seconds: list[float], since_s: float) -> str:
    return f"after {seconds[0] - since_s:.1f} s" if seconds else "never"


def joined(ear: Ear) -> Ear:
    assert ear.wait(lambda: ear.up, 30.0), "cannot connect"
    time.sleep(1.5)  # until it has its subscriptions
    return ear
