"""What a cluster keeps and what it does not, by trying: each fact's docstring is its row in the table."""

from collections.abc import Callable

from tests.fleet import bridge, retained, rights, waiting, wills
from tests.fleet.nodes import NODES, Cluster, wait_ready

Fact = Callable[[Cluster], str]

FACTS: tuple[Fact, ...] = (
    retained.retained_elsewhere,
    retained.retained_of_a_dead_node,
    retained.retained_after_a_power_cut,
    wills.will_of_a_client,
    wills.will_with_its_node,
    wills.will_on_the_lost_side,
    wills.late_will,
    waiting.session_of_a_dead_node,
    waiting.subscription_elsewhere,
    waiting.kept_waiting_by_a_death,
    waiting.kept_waiting_by_a_cut,
    waiting.kept_waiting_by_a_freeze,
    waiting.written_on_the_lost_side,
    waiting.served_again,
    bridge.bridged,
    wills.one_name_twice,
    rights.forbidden,
    retained.heartbeats_on_disk,
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
