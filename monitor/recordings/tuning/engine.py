"""Who does the work of many recordings: all cores of this machine, or a cluster that is there.

A cluster is reached by joblib (the extra `tune`), which knows Dask and Ray.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

from monitor.core.vocabulary import RearguardError
from monitor.recordings import evaluate

Task = TypeVar("Task")
Result = TypeVar("Result")


class EngineError(RearguardError, ValueError):
    """A cluster that cannot be used: what was expected, what was found, what to do."""


def each(
    work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int | None = None, cluster: str = ""
) -> Iterator[Result]:
    """The result of each task, in order, by ``jobs`` processes (None: one per core) or by a ``cluster``.

    ``cluster`` is dask://HOST:PORT, or ray://HOST:PORT.
    """
    if not cluster:
        yield from evaluate.each(work, tasks, jobs)
        return
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise EngineError(
            f"--cluster needs joblib: {sys.executable} -m pip install 'rearguard[tune]'"
        ) from error
    call: Any = delayed(work)
    try:
        with _on(cluster):
            yield from Parallel(n_jobs=-1)(call(task) for task in tasks)
    except OSError as error:
        raise EngineError(f"--cluster {cluster}: cannot be reached: {error}") from error


@contextmanager
def _on(cluster: str) -> Iterator[None]:
    """joblib's way to the cluster, as long as it is open."""
    from joblib import parallel_config

    name, _, address = cluster.partition("://")
    is_address = re.fullmatch(r"\S+:\d+", address)
    if name == "dask" and is_address and find_spec("distributed"):
        from distributed import Client

        with Client(address), parallel_config(backend="dask"):  # type: ignore[no-untyped-call]  # Dask has no types
            yield
    elif name == "ray" and is_address and find_spec("ray"):
        import ray
        from ray.util.joblib import register_ray

        with ray.init(address=f"ray://{address}"):
            register_ray()
            with parallel_config(backend="ray"):
                yield
    else:
        cure = "expected dask://HOST:PORT or ray://HOST:PORT, with `distributed` or `ray` installed"
        raise EngineError(f"--cluster {cluster}: {cure}")
