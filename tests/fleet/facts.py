"""What a cluster keeps and what it does not, by trying: each fact's docstring is its row in the table."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tests.fleet import bridge, retained, rights, waiting, wills
from tests.fleet.nodes import Cluster, wait_ready

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
    waiting.subscribed_again,
    bridge.bridged,
    wills.one_name_twice,
    rights.forbidden,
    retained.heartbeats_on_disk,
)


def row(fact: Fact) -> str:
    """What was tried, in words."""
    return (fact.__doc__ or "").strip()


def find(start: Callable[[], AbstractContextManager[Cluster]]) -> Iterator[str]:
    """What came of each, in order; where a trial goes wrong that is said, and a new cluster started."""
    due = list(FACTS)
    while due:
        with start() as cluster:
            wait_ready(cluster)
            while due:
                try:
                    yield due.pop(0)(cluster)
                except (AssertionError, TimeoutError) as error:
                    yield f"could not be tried: {error}"
                    break
