"""What holds for every test."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import resource_tracker

import pytest

from tests.pulse import PATIENCE_S

APPRISE_POOL = "ThreadPoolExecutor-"  # Apprise keeps one for the whole process

resource_tracker.ensure_running()  # one process of the whole run, which no test should be blamed for


def opened() -> Counter[str]:
    """The files, sockets, pipes, databases and threads of this process, and what of each there is."""
    names = (thread.name for thread in threading.enumerate())
    found = Counter(name for name in names if not name.startswith(APPRISE_POOL))
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            found[os.readlink(f"/proc/self/fd/{descriptor}")] += 1
    return found


@pytest.fixture(autouse=True)
def nothing_stays_open() -> Iterator[None]:
    """A test that leaves something open fails itself, not the one that runs when it is collected."""
    before = opened()
    yield
    deadline_s = time.monotonic() + PATIENCE_S
    while opened() - before and time.monotonic() < deadline_s:
        time.sleep(0.01)  # a thread that has been told to end may still be at it
    assert opened() - before == Counter()
