"""What becomes of last wills, and of two clients of one name."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from queue import SimpleQueue

from monitor.delivery.link import Link
from monitor.delivery.messages import OFFLINE, ONLINE, Topics
from monitor.delivery.mqtt import Will, retained
from tests.brokers import Proxy
from tests.fleet.ear import Ear
from tests.fleet.nodes import ADDRESSES, Cluster, settings, wait_ready
from tests.fleet.people import walker
from tests.fleet.trial import WAIT_S, after, again, at, joined, name
from tests.pulse import Pulse


def will_of_a_client(cluster: Cluster) -> str:
    """the last will of a client that dies, at another node"""
    return _will(cluster, lambda dying: dying.vanish())


def will_with_its_node(cluster: Cluster) -> str:
    """the last will of a client whose node is killed"""
    said = _will(cluster, lambda _: cluster.processes.kill(1))
    again(cluster, 1)
    return said


def will_on_the_lost_side(cluster: Cluster) -> str:
    """the last will of a client that dies at a node cut off; after healing"""
    healed: list[str] = []

    def die(dying: Ear) -> None:
        cluster.cut_off(1)
        time.sleep(1.0)
        dying.vanish()

    def heal(listener: Ear, since_s: float) -> None:
        cluster.heal(1)
        listener.wait(lambda: listener.got(b"gone"), WAIT_S)
        healed.append(after(listener.got(b"gone"), since_s))

    said = _will(cluster, die, heal)
    wait_ready(cluster)
    return f"{said}; then {healed[0]} in all"


def late_will(cluster: Cluster) -> str:
    """a device whose line to its node falls silent, and that has gone to another: its last will comes late"""
    device = walker(0)
    topics = Topics(device)
    with ExitStack() as opened:
        listener = opened.enter_context(Ear(at(cluster, 3), name(), {topics.availability: 1}))
        joined(listener)
        line = opened.enter_context(Proxy(cluster.where.port, cluster.where.port, ADDRESSES[1]))
        link = Link(settings(cluster.where, device, nodes=[2]), SimpleQueue())
        link._client._hosts.insert(0, "127.0.0.1")  # the line
        pulse = opened.enter_context(Pulse(link))
        assert listener.wait(lambda: pulse.linked and listener.got(ONLINE), 30.0)
        line.silent = True
        began_s = time.monotonic()
        listener.wait(lambda: listener.got(OFFLINE), WAIT_S)
        gone = listener.got(OFFLINE)
        time.sleep(5.0)
        back = [at_s for at_s in listener.got(ONLINE) if gone and at_s > gone[-1]]
        stays = retained(at(cluster, 2), topics.availability, 5.0)
    if not gone:
        return f"never; retained: {(stays or b'nothing').decode()}"
    taken_back = f"{back[0] - gone[-1]:.1f} s later" if back else "not"
    times = f"{len(gone)} times, " if len(gone) > 1 else ""
    return (
        f"{times}after {gone[0] - began_s:.1f} s; corrected {taken_back}; retained: {(stays or b'').decode()}"
    )


def one_name_twice(cluster: Cluster) -> str:
    """two clients of one name at two nodes"""
    same = name()
    with Ear(at(cluster, 1), same) as first:
        joined(first)
        with Ear(at(cluster, 2), same) as second:
            second.wait(lambda: second.up, 10.0)
            first.wait(lambda: first.downs, 5.0)
            if not first.downs:
                return "both stay" if second.up else "the second is refused"
            return "the second throws the first out"


def _will(
    cluster: Cluster, die: Callable[[Ear], None], then: Callable[[Ear, float], None] | None = None
) -> str:
    topic = name()
    with Ear(at(cluster, 2), name(), {topic: 1}) as listener:
        dying = joined(Ear(at(cluster, 1), name(), will=Will(topic, b"gone", retain=True)))
        joined(listener)
        began_s = time.monotonic()
        die(dying)
        listener.wait(lambda: listener.got(b"gone"), WAIT_S)
        said = after(listener.got(b"gone"), began_s)
        if then is not None:
            then(listener, began_s)
        dying.close()
    return said
