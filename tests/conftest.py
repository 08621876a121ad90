"""What holds for every test."""

import gc
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from monitor.delivery.mqtt import MqttSettings
from tests.brokers import MOSQUITTO, Mosquitto, held_port
from tests.pulse import PATIENCE_S

FONTS = "/mpl-data/fonts/"  # Matplotlib keeps those it has drawn with open
APPRISE_POOL = "ThreadPoolExecutor-"  # Apprise keeps one for the whole process

# No example is too slow: how fast the machine is proves nothing. CI repeats itself, so that a change is not
# blamed for an example that nobody had thought of before; people's runs look for new ones.
settings.register_profile(
    "rearguard",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("rearguard")

resource_tracker.ensure_running()  # one process of the whole run, which no test should be blamed for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that go by the real clock for long come first, so that the others run beside them."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def opened() -> Counter[str]:
    """The files, sockets, pipes, databases and threads of this process, and what of each there is."""
    names = (thread.name for thread in threading.enumerate())
    found = Counter(name for name in names if not name.startswith(APPRISE_POOL))
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            found[os.readlink(f"/proc/self/fd/{descriptor}")] += 1
    return Counter({name: count for name, count in found.items() if FONTS not in name})


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """A test that leaves something open fails itself, not the one that runs when it is collected."""
    before = opened()
    yield
    deadline_s = time.monotonic() + PATIENCE_S
    while opened() - before and time.monotonic() < deadline_s:
        time.sleep(0.01)  # a thread that has been told to end may still be at it
    if opened() - before:
        gc.collect()  # a client whose thread failed may be kept by its own error, and by nothing else
    assert opened() - before == Counter()


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """One Mosquitto for all tests of a worker that do not harm it."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def mqtt(shared_broker: Mosquitto) -> MqttSettings:
    """A device of the test's own at the shared broker."""
    return shared_broker.settings(f"walker-{secrets.token_hex(4)}")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A Mosquitto of the test's own, to be killed and restarted."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def free_port() -> Iterator[int]:
    """A loopback port at which nobody listens, and nobody else will."""
    with held_port() as port:
        yield port
