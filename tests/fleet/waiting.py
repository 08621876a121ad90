"""What becomes of messages at QoS 1, and how long they wait, when a node is lost."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from tests.fleet.ear import Ear
from tests.fleet.nodes import ADDRESSES, NODES, Cluster, wait_ready
from tests.fleet.trial import WAIT_S, again, at, joined, name


def session_of_a_dead_node(cluster: Cluster) -> str:
    """QoS 1 messages for a session that is away: before its node is killed, and after"""
    topic, client = name(), name()
    joined(Ear(at(cluster, 1), client, {topic: 1}, session=True)).close()
    with Ear(at(cluster, 2, 3), name()) as ear:
        ear.say(topic, b"before")
        cluster.processes.kill(1)
        ear.say(topic, b"after", within_s=WAIT_S)
        with Ear(at(cluster, 2, 3), client, {topic: 1}, session=True) as back:
            back.wait(lambda: back.got(b"before") and back.got(b"after"), WAIT_S)
            early, late = back.got(b"before"), back.got(b"after")
    again(cluster, 1)
    with Ear(at(cluster), client, {topic: 1}, session=True) as back:
        back.wait(lambda: back.got(b"before") and back.got(b"after"), 5.0)
        more = len(back.got(b"before")) + len(back.got(b"after"))
    return (
        f"{'kept' if early else 'lost'}, {'kept' if late else 'lost'}; {more} more when the node is back, "
        f"{max(len(early), len(late))} times at most"
    )


def subscription_elsewhere(cluster: Cluster) -> str:
    """QoS 1 messages to ten clients at a node that is well, another killed"""
    topics = [name() for _ in range(10)]
    with ExitStack() as opened:
        ears = [opened.enter_context(Ear(at(cluster, 2), name(), {topic: 1})) for topic in topics]
        ear = opened.enter_context(Ear(at(cluster, 2), name()))
        for one in ears:
            joined(one)
        cluster.processes.kill(1)
        began_s = time.monotonic()
        for topic in topics:
            ear.say(topic, b"word", within_s=WAIT_S)
        for one in ears:
            one.wait(partial(one.got, b"word"), 3.0)
        came = [one.got(b"word")[0] - began_s for one in ears if one.got(b"word")]
        ended = sum(one.downs for one in ears)
    again(cluster, 1)
    return f"{len(came)} of 10, the last after {max(came, default=0):.1f} s; {ended} connections ended"


def written_on_the_lost_side(cluster: Cluster) -> str:
    """a QoS 1 message to a node cut off: acknowledged there; received at the others after healing"""
    topic = name()
    with Ear(at(cluster, 2), name(), {topic: 1}) as listener, Ear(at(cluster, 1), name()) as ear:
        joined(listener)
        cluster.cut_off(1)
        time.sleep(2.0)
        acked = ear.say(topic, b"lost side", within_s=10.0)
        cluster.heal(1)
        listener.wait(lambda: listener.got(b"lost side"), WAIT_S)
        came = listener.got(b"lost side")
    wait_ready(cluster)
    said = "not acknowledged" if acked is None else "acknowledged"
    return f"{said}; {f'received {len(came)} times' if came else 'lost'}"


def kept_waiting_by_a_death(cluster: Cluster) -> str:
    """a QoS 1 message on the other two, sent as a node is killed: acknowledged after (three deaths)"""
    return _interrupted(cluster, cluster.processes.kill, lambda node: again(cluster, node))


def kept_waiting_by_a_cut(cluster: Cluster) -> str:
    """the same as a node is cut off (three times)"""

    def heal(node: int) -> None:
        cluster.heal(node)
        wait_ready(cluster)

    return _interrupted(cluster, cluster.cut_off, heal)


def kept_waiting_by_a_freeze(cluster: Cluster) -> str:
    """the same as a node freezes (three times)"""

    def thaw(node: int) -> None:
        cluster.processes.thaw(node)
        time.sleep(5.0)
        wait_ready(cluster)

    return _interrupted(cluster, cluster.processes.freeze, thaw)


def served_again(cluster: Cluster) -> str:
    """a client whose node is killed, until another has acknowledged a message of it (three deaths)"""
    times = []
    for node in NODES:
        with Ear(at(cluster), name(), first=ADDRESSES[node]) as ear:
            joined(ear)
            cluster.processes.kill(node)
            began_s = time.monotonic()
            ear.wait(partial(getattr, ear, "downs"), 10.0)
            while ear.say("fact/again", b"word", within_s=3.0) is None:
                assert time.monotonic() - began_s < 60.0
            times.append(time.monotonic() - began_s)
        again(cluster, node)
    return ", ".join(f"{seconds:.1f} s" for seconds in sorted(times))


def subscribed_again(cluster: Cluster) -> str:
    """a client without a session whose node is killed: subscribed at another, at QoS 0; at QoS 1"""
    said = []
    for qos in (0, 1):
        with Ear(at(cluster), name(), {name(): qos}, first=ADDRESSES[1]) as ear:
            joined(ear)
            cluster.processes.kill(1)
            began_s = time.monotonic()
            ear.wait(partial(getattr, ear, "downs"), 10.0)
            came = ear.wait(lambda: ear.up, WAIT_S)
            said.append(f"after {time.monotonic() - began_s:.1f} s" if came else "not while the node is dead")
            again(cluster, 1)
    return "; ".join(said)


def _interrupted(cluster: Cluster, harm: Callable[[int], None], heal: Callable[[int], None]) -> str:
    times = []
    for node in NODES:
        others = [one for one in NODES if one != node]
        with Ear(at(cluster, *others), name()) as ear:
            joined(ear)
            harm(node)
            began_s = time.monotonic()
            while ear.say("fact/death", b"word", within_s=3.0) is None:
                assert time.monotonic() - began_s < 60.0
            times.append(time.monotonic() - began_s)
        heal(node)
    return ", ".join(f"{seconds:.1f} s" for seconds in sorted(times))
