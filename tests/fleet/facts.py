"""What a cluster keeps and what it does not, by trying. Each fact's docstring is its row in the table."""

import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack
from queue import SimpleQueue

from monitor.delivery.link import Link
from monitor.delivery.messages import OFFLINE, ONLINE, Topics
from monitor.delivery.mqtt import MqttSettings, Will, retained
from tests.brokers import Proxy
from tests.fleet.ear import Ear
from tests.fleet.nodes import ADDRESSES, NODES, Cluster, settings, wait_ready
from tests.fleet.people import TESTER, walker
from tests.pulse import Pulse

WAIT_S = 20.0
"""What has not come by then is "never"."""

Fact = Callable[[Cluster], str]


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


def retained_elsewhere(cluster: Cluster) -> str:
    """a retained message, read at another node, all three well"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(topic, b"word", retain=True)
        return f"{_kept(retained(at(cluster, 2), topic, 5.0))}; by `+`: {_kept(_by_wildcard(cluster))}"


def retained_after_a_power_cut(cluster: Cluster) -> str:
    """a retained message, all three nodes killed and started"""
    topic = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(topic, b"word", retain=True)
    for node in NODES:
        cluster.processes.kill(node)
    for node in NODES:
        cluster.start(node)
    wait_ready(cluster)
    return _kept(retained(at(cluster, 1), topic, 15.0))


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
            one.wait(lambda one=one: one.got(b"word"), 3.0)  # type: ignore[misc]
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
            ear.wait(lambda ear=ear: ear.downs, 10.0)  # type: ignore[misc]
            while ear.say("fact/again", b"word", within_s=3.0) is None:
                assert time.monotonic() - began_s < 60.0
            times.append(time.monotonic() - began_s)
        again(cluster, node)
    return ", ".join(f"{seconds:.1f} s" for seconds in sorted(times))


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


def forbidden(cluster: Cluster) -> str:
    """a device that writes for another, a spotter that writes an alert or reads another device, or all"""
    found = []
    one, two = walker(0), walker(1)
    with Ear(at(cluster, 1), name(), {f"rearguard/{two}/alert": 0, f"rearguard/{one}/alert": 0}) as listener:
        joined(listener)
        with Ear(settings(cluster.where, one), name()) as device:
            device.say(f"rearguard/{two}/alert", b"forged", within_s=2.0)
        with Ear(settings(cluster.where, "spotter-0", one), name()) as spotter:
            spotter.say(f"rearguard/{one}/alert", b"forged", within_s=2.0)
        for topic in (f"rearguard/{two}/alert", "rearguard/+/alert", "#", "$MQTT/sub/#", "$SYS/#"):
            with Ear(settings(cluster.where, "spotter-0", one), name(), {topic: 0}) as curious:
                if not curious.wait(lambda curious=curious: curious.downs, 5.0):  # type: ignore[misc]
                    listener.say(f"rearguard/{two}/alert", b"secret")
                    curious.wait(lambda curious=curious: curious.letters, 1.0)  # type: ignore[misc]
                    found += [f"reads {topic}"] if curious.letters else []
        found += ["writes what is not its own"] if listener.got(b"forged") else []
    return ", ".join(found) or "all refused"


FACTS: tuple[Fact, ...] = (
    retained_elsewhere,
    retained_of_a_dead_node,
    retained_after_a_power_cut,
    will_of_a_client,
    will_with_its_node,
    will_on_the_lost_side,
    late_will,
    session_of_a_dead_node,
    subscription_elsewhere,
    kept_waiting_by_a_death,
    kept_waiting_by_a_cut,
    kept_waiting_by_a_freeze,
    written_on_the_lost_side,
    served_again,
    one_name_twice,
    forbidden,
    heartbeats_on_disk,
)


def row(fact: Fact) -> str:
    """What was tried, in words."""
    return (fact.__doc__ or "").strip()


def find(cluster: Cluster, fact: Fact) -> str:
    """What came of it; what goes wrong in the trial itself is said in its place."""
    try:
        return fact(cluster)
    except (AssertionError, TimeoutError) as error:
        for node in NODES:
            if cluster.processes.alive(node):
                cluster.processes.thaw(node)
                cluster.heal(node)
            else:
                cluster.start(node)
        wait_ready(cluster)
        return f"could not be tried: {error}"


def _kept(found: bytes | None) -> str:
    return "lost" if found is None else "kept"


def _by_wildcard(cluster: Cluster) -> bytes | None:
    root = name()
    with Ear(at(cluster, 1), name()) as ear:
        ear.say(f"{root}/a/state", b"word", retain=True)
        return retained(at(cluster, 1), f"{root}/+/state", 5.0)


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
