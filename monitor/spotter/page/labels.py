"""What people say of alerts afterwards: true or false. A line each; of one alert the last one counts."""

import logging
from pathlib import Path
from typing import Literal

import msgspec

LARGEST_BYTES = 4_000_000

_log = logging.getLogger(__name__)


class Label(msgspec.Struct, frozen=True):
    """``label`` of the incident, as ``who`` gave it at the wall time ``wall_s``."""

    device: str
    incident: str
    label: Literal["true", "false"]
    who: str
    wall_s: float
    text: str = ""


class Labels:
    """Reads what is there; a broken line, as of a power cut, is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[tuple[str, str], Label] = {}
        try:
            lines = path.read_bytes().splitlines() if path.exists() else []
        except OSError as error:
            _log.warning("labels cannot be read: %s", error)
            lines = []
        for line in lines:
            try:
                label = msgspec.json.decode(line, type=Label)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue
            self._known[label.device, label.incident] = label

    def put(self, label: Label) -> None:
        """Keep it. Raises OSError where it cannot be written, or the file is full."""
        if self._path.exists() and self._path.stat().st_size > LARGEST_BYTES:
            raise OSError(f"{self._path} holds more than {LARGEST_BYTES} bytes: move it away")
        with self._path.open("ab") as file:
            file.write(b"\n" * (file.tell() > 0 and not _ends_well(self._path)) + msgspec.json.encode(label))
            file.write(b"\n")
        self._known[label.device, label.incident] = label

    def of(self, device: str, incident: str) -> str:
        """ "true", "false", or "" where nobody has said."""
        label = self._known.get((device, incident))
        return label.label if label else ""

    def since(self, device: str, wall_s: float) -> list[Label]:
        """Those of a device's incidents that were given since then; from any thread."""
        return [x for x in list(self._known.values()) if x.device == device and x.wall_s >= wall_s]


def _ends_well(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
