"""One program at a time for one part of the Pi: a lock on the part's own device file.

No file and no folder is needed for it, so none can be missing, read-only or another user's; the kernel takes
the lock back when its program ends, however it ends. A part with several places (an I2C bus with its
addresses) has a lock for each: the byte of that number.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from firmware.errors import InUseError

LOCKS = Path("/proc/locks")
PROCESSES = Path("/proc")


def take(device: int, place: int) -> None:
    """Lock ``place`` of the open file ``device`` until it is closed. Raises `InUseError`.

    A device that cannot be locked at all is used without.
    """
    try:
        fcntl.lockf(device, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except (BlockingIOError, PermissionError) as error:  # POSIX allows either for "somebody has it"
        raise InUseError(words(_holder(device, place))) from error
    except OSError:
        pass


def words(who: str) -> str:
    """What to say where ``who`` has the part."""
    return f"another program is using it ({who}): if that is the service, sudo systemctl stop rearguard first"


def program(process: int) -> str:
    """A process by its command, as far as we may see it: "rearguard run, process 812"."""
    line = ""
    with suppress(OSError):
        line = (PROCESSES / str(process) / "cmdline").read_text(errors="replace")
    said = [word for word in line.split("\0") if word and word.isprintable() and not word.startswith("-")]
    names = [Path(word).name for word in said]
    if names and names[0].startswith("python"):
        del names[0]
    return ", ".join([*([" ".join(names[:2])] if names else []), f"process {process}"])


def _holder(device: int, place: int) -> str:
    """By /proc/locks: number, kind, mode, access, process, device:inode, first and last byte."""
    with suppress(OSError, ValueError):
        status = os.fstat(device)
        node = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        for line in LOCKS.read_text().splitlines():
            fields = line.split()
            if fields[5:8] == [node, str(place), str(place)]:
                return program(int(fields[4]))
    return "it cannot be seen which"
