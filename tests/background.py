"""What runs beside a test: a thread or a process of its own, ended with the ``with`` block."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any


@contextmanager
def threaded(program: Callable[[Callable[[], bool]], object]) -> Iterator[None]:
    """``program(done)`` in a thread; ``done()`` is true when it shall end."""
    over = threading.Event()
    thread = threading.Thread(target=program, args=(over.is_set,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def spawned(target: Callable[..., None], *args: Any) -> Iterator[BaseProcess]:
    """``target(*args)`` in a process, killed at the end; both must be picklable."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=args, daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()
