"""What phones are sent when a page of several walkers has lost the broker: a story as a table."""

from typing import Any

import msgspec
import pytest

from monitor.delivery.messages import NO_CONTACT
from monitor.spotter.escalation import MINUTE_S, PATIENCE_S, Push
from monitor.spotter.page.outage import Outage
from monitor.spotter.page.tile import Tile
from tests.monitor.spotter.page.test_tile import Device

LOST = "the page has lost the broker, and nobody knows how they are"


def walker(device: str, *, cut: bool = True, armed: bool = True, by: str = "") -> Tile:
    tile = Device().seen(armed).wait(4).tile(cut=cut)
    signal: Any = msgspec.structs.replace(tile.signal, looked_after_by=by)
    return msgspec.structs.replace(tile, device=device, signal=signal)


class Play:
    def __init__(self) -> None:
        self.outage = Outage()
        self.time_s = 1000.0

    def wait(self, seconds: float, *tiles: Tile) -> list[tuple[float, Push]]:
        """What is sent meanwhile, and after how long."""
        sent, begin_s = [], self.time_s
        for _ in range(round(seconds * 5)):
            self.time_s += 0.2
            sent += [(round(self.time_s - begin_s, 1), push) for push in self.outage.step(tiles, self.time_s)]
        return sent


BOTH = (walker("bert"), walker("anna"))


def test_it_is_one_message_by_name_that_comes_again_less_and_less_often() -> None:
    sent = Play().wait(200, *BOTH, walker("carla", armed=False))
    assert {push for _, push in sent} == {
        Push(NO_CONTACT, "NO CONTACT: 2 walkers", f"{LOST}\nanna, bert", urgent=True)
    }
    times_s = [at_s for at_s, _ in sent]
    pauses_s = [round(after - before, 1) for before, after in zip(times_s, times_s[1:], strict=False)]
    assert times_s[0] == pytest.approx(PATIENCE_S, abs=0.5)
    assert 5 <= len(times_s) <= 10
    assert pauses_s == sorted(pauses_s)


@pytest.mark.parametrize(
    ("tiles", "sent"),
    [
        ((walker("anna"), walker("bert", armed=False)), ["NO CONTACT: anna"]),
        ((walker("anna", armed=False), walker("bert", armed=False)), []),
        ((walker("anna", cut=False), walker("bert", cut=False)), []),
        ((walker("anna", by="Eva"), walker("bert", by="Eva")), []),
        ((walker("anna", by="Eva"), walker("bert")), ["NO CONTACT: 2 walkers"]),
        ((), []),
    ],
)
def test_it_speaks_of_those_who_were_watched_until_somebody_looks_after_all(
    tiles: tuple[Tile, ...], sent: list[str]
) -> None:
    assert [push.title for _, push in Play().wait(5, *tiles)] == sent


def test_its_end_and_who_looks_after_it_are_said_quietly_and_once() -> None:
    play = Play()
    play.wait(5, *BOTH)
    by_eva = [walker("anna", by="Eva"), walker("bert", by="Eva")]
    ((_, looked),) = play.wait(60, *by_eva)
    ((_, ended),) = play.wait(60, walker("anna", cut=False), walker("bert", cut=False))
    assert (looked.body, looked.urgent) == ("Eva is looking after it\nanna, bert", False)
    assert (ended.body, ended.urgent) == (
        "CONTACT RESTORED: the page has the broker again\nanna, bert",
        False,
    )
    assert looked.thread == ended.thread == NO_CONTACT


def test_a_broker_that_comes_and_goes_rings_once_a_minute_and_a_moment_without_it_not_at_all() -> None:
    play, urgent = Play(), 0
    for _ in range(12):
        urgent += len([push for _, push in play.wait(4, *BOTH) if push.urgent])
        play.wait(1, *[walker("anna", cut=False)])
    assert urgent == 60 / MINUTE_S
    assert Play().wait(PATIENCE_S - 0.5, *BOTH) == []


def test_a_tile_that_is_cut_is_so_only_without_contact() -> None:
    assert not Device().seen().tile(cut=True).signal.cut
