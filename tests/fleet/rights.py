"""What a broker refuses."""

from functools import partial

from tests.fleet.ear import Ear
from tests.fleet.nodes import Cluster, settings
from tests.fleet.people import spotter, walker
from tests.fleet.trial import at, joined, name


def forbidden(cluster: Cluster) -> str:
    """a device that writes for another, a spotter that writes an alert or reads another device, or all"""
    found = []
    one, two = walker(0), walker(1)
    with Ear(at(cluster, 1), name(), {f"rearguard/{two}/alert": 0, f"rearguard/{one}/alert": 0}) as listener:
        joined(listener)
        with Ear(settings(cluster.where, one), name()) as device:
            device.say(f"rearguard/{two}/alert", b"forged", within_s=2.0)
        with Ear(settings(cluster.where, spotter(0), one), name()) as program:
            program.say(f"rearguard/{one}/alert", b"forged", within_s=2.0)
        for topic in (f"rearguard/{two}/alert", "rearguard/+/alert", "#", "$MQTT/sub/#", "$SYS/#"):
            with Ear(settings(cluster.where, spotter(0), one), name(), {topic: 0}) as curious:
                if not curious.wait(partial(getattr, curious, "downs"), 5.0):
                    listener.say(f"rearguard/{two}/alert", b"secret")
                    curious.wait(partial(getattr, curious, "letters"), 1.0)
                    found += [f"reads {topic}"] if curious.letters else []
        found += ["writes what is not its own"] if listener.got(b"forged") else []
    return ", ".join(found) or "all refused"
