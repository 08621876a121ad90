"""Fences round the stages and sinks of the loop: what raises costs itself only, and is a fault meanwhile."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue

from monitor.core.vocabulary import (
    Alert,
    AlertKind,
    Certainty,
    FaultCode,
    Input,
    InputKind,
    Priority,
    Stage,
    Status,
)

HEALED_S = 5.0
"""So long without raising, and its fault is over: what fails now and then is one fault, not many."""

_log = logging.getLogger(__name__)


class Fences:
    """``with fences.around("panel", now_s):`` nothing raised inside gets out.

    A failure is logged when it begins, and is a fault in ``inbox``. ``now_s`` is the block's time.
    """

    def __init__(self, inbox: "SimpleQueue[Input]") -> None:
        self._inbox = inbox
        self._failed_s: dict[str, float] = {}  # by part: when it last did

    @contextmanager
    def around(self, part: str, now_s: float, restart: Callable[[], None] | None = None) -> Iterator[None]:
        """``restart`` gives a part that raised another start."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever it is, the others must go on
            if part not in self._failed_s:
                _log.exception("the %s failed; repeats are not logged", part)
                reason = f"{type(error).__name__}: {error}"[:200]
                self._inbox.put(Input(InputKind.FAULT, fault=FaultCode.DEFECT, part=part, reason=reason))
            self._failed_s[part] = now_s
            if restart is not None:
                restart()
            return
        if now_s - self._failed_s.get(part, now_s) >= HEALED_S:
            del self._failed_s[part]
            self._inbox.put(Input(InputKind.FAULT_GONE, fault=FaultCode.DEFECT, part=part))

    def marked(self, status: Status, part: str) -> Status:
        """``status``, with a fault if ``part``, which reports faults, fails itself."""
        if part not in self._failed_s:
            return status
        fault = Alert(
            part,
            0,
            AlertKind.FAULT,
            Priority.MEDIUM,
            Certainty.CONFIRMED,
            Stage.ACTIVE,
            status.time_s,
            fault=FaultCode.DEFECT,
            part=part,
        )
        return replace(status, incidents=(*status.incidents, fault))
