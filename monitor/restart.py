"""What outlives the process: where its files lie, and the mark that it was armed when it died."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from monitor.core.vocabulary import Alert, Event, SampleBlock, Status


def store_path() -> Path:
    """Where alerts wait for the broker: in systemd's state directory, else in the user's."""
    directory = os.environ.get("STATE_DIRECTORY")
    return Path(directory or Path.home() / ".local/state/rearguard") / "outbox.db"


class ArmedFile:
    """A sink that keeps a file while it is armed: after a crash it comes back armed.

    It lies where systemd keeps it over a restart of the service but not of the machine.
    """

    def __init__(self) -> None:
        directory = os.environ.get("RUNTIME_DIRECTORY")
        self._path = Path(directory) / "armed" if directory else None
        self._armed = self.exists

    @property
    def exists(self) -> bool:
        return self._path is not None and self._path.exists()

    def __call__(self, _b: SampleBlock, _e: Sequence[Event], _a: Sequence[Alert], status: Status) -> None:
        if status.armed == self._armed or self._path is None:
            return
        self._armed = status.armed
        with suppress(OSError):  # it is memory; without it we only ask for stillness again
            self._path.touch() if status.armed else self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        """A clean shutdown is not a crash."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
