"""What a cluster keeps of retained messages."""

import time

from monitor.delivery.mqtt import retained
from tests.fleet.ear import Ear
from tests.fleet.nodes import NODES, Cluster, wait_ready
from tests.fleet.trial import again, at, joined, name


def retained_elsewhere(cluster: Cluster) -> str:
    """a retained message, read at another node, all three well"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(topic, b"word", retain=True)
        return f"{_kept(retained(at(cluster, 2), topic, 5.0))}; by `+`: {_kept(_by_wildcard(cluster))}"


def retained_of_a_dead_node(cluster: Cluster) -> str:
    """a retained message, its node killed, read at another"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(topic, b"word", retain=True)
    cluster.processes.kill(1)
    found = retained(at(cluster, 2), topic, 15.0)
    again(cluster, 1)
    back = retained(at(cluster, 1), topic, 5.0)
    return f"{_kept(found)}; at the node itself, when it is back: {_kept(back)}"


def retained_after_a_power_cut(cluster: Cluster) -> str:
    """a retained message, all three nodes killed and started"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(topic, b"word", retain=True)
    for node in NODES:
        cluster.processes.kill(node)
    began_s = time.monotonic()
    for node in NODES:
        cluster.start(node)
    wait_ready(cluster)
    serves_s = time.monotonic() - began_s
    return f"{_kept(retained(at(cluster, 1), topic, 15.0))}; all serve again after {serves_s:.0f} s"


def heartbeats_on_disk(cluster: Cluster) -> str:
    """2,000 retained heartbeats of 1 kB to one topic: more on a node's disk"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        joined(ear)
        before = cluster.stored_bytes()
        for number in range(2000):
            ear.say(topic, b"%1000d" % number, retain=True)
        time.sleep(5.0)
        return f"{(cluster.stored_bytes() - before) / 1024:.0f} kB"


def _kept(found: bytes | None) -> str:
    return "lost" if found is None else "kept"


def _by_wildcard(cluster: Cluster) -> bytes | None:
    root = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(f"{root}/a/state", b"word", retain=True)
        return retained(at(cluster, 1), f"{root}/+/state", 5.0)
