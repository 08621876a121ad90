"""Keys from the terminal, one by one, and a terminal that is put right again however we end."""

import os
import re
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Besides Ctrl-C: the service manager, a closed window, Ctrl-backslash."""

_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|[^[O])")
_BEGUN = re.compile(r"\x1b(\[[0-9;?]*|O)?$")


@contextmanager
def pressed() -> Iterator[Callable[[], str]]:
    """A function that returns the keys pressed since, "" if none. Needs a terminal as standard input."""
    if not sys.stdin.isatty():
        yield lambda: ""
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    begun = ""

    def read() -> str:
        nonlocal begun
        ready, _, _ = select.select([terminal], [], [], 0)
        if not ready:
            lonely, begun = begun, ""
            return "?" if lonely else ""
        keys, begun = letters(begun + os.read(terminal, 64).decode("utf-8", "replace"))
        return keys

    try:
        tty.setcbreak(terminal)
        if _in_main_thread():  # back from Ctrl-Z the shell has put its own modes in place
            signal.signal(signal.SIGCONT, lambda *_: tty.setcbreak(terminal))
        yield read
    finally:
        if _in_main_thread():
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def letters(typed: str) -> tuple[str, str]:
    """What was typed in small letters, and the beginning of a sequence that is still to end.

    An arrow key sends ESC [ A: one unknown key, not the wish to arm.
    """
    begun = _BEGUN.search(typed)
    whole = typed[: begun.start()] if begun else typed
    return _SEQUENCE.sub("?", whole).lower(), begun.group() if begun else ""


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Every way to end a program from outside is as orderly as Ctrl-C: raises KeyboardInterrupt."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in ENDS} if _in_main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
