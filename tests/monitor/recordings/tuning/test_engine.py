"""Work on a cluster: a real Dask one, of this machine, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.recordings.tuning.engine import EngineError, each

ROOT = Path(__file__).parents[4]

CLUSTER = """
import os
from distributed import LocalCluster
from monitor.recordings.tuning.engine import each
from tests.monitor.recordings.tuning.test_engine import where

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        address = cluster.scheduler_address.removeprefix("tcp://")
        print(os.getpid(), *each(where, [1, 2, 3], cluster=f"dask://{address}"))
"""


def where(number: int) -> str:
    """The task's number and the process that did it."""
    return f"{number}:{os.getpid()}"


def test_a_dask_cluster_does_the_work_in_order() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [sys.executable, "-c", CLUSTER],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked_by, *words = done.stdout.split()
    pairs = [word.split(":") for word in words]
    assert [number for number, _ in pairs] == ["1", "2", "3"]
    assert asked_by not in {process for _, process in pairs}


@pytest.mark.parametrize("cluster", ["spark://host:1", "dask", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_none_is_refused(cluster: str) -> None:
    with pytest.raises(EngineError, match=r"expected dask://HOST:PORT or ray://HOST:PORT"):
        list(each(where, [1, 2], cluster=cluster))
