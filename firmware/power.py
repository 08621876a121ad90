"""Does the Pi get the voltage it needs: what its firmware tells the kernel."""

from contextlib import suppress
from pathlib import Path

HWMON = Path("/sys/class/hwmon")


def undervoltage(root: Path = HWMON) -> bool | None:
    """Whether the Pi's supply dipped below its limit in the last 2 s; None where that cannot be read.

    Linux asks the Pi's firmware every 2 s and keeps the answer as ``in0_lcrit_alarm`` of the monitor
    named rpi_volt (kernel documentation, raspberrypi-hwmon); reading it touches no disk.
    """
    monitors: list[Path] = []
    with suppress(OSError):  # no descriptors left
        monitors = sorted(root.glob("hwmon*"))
    for monitor in monitors:
        with suppress(OSError, UnicodeDecodeError):  # what cannot be read is not what is sought
            if (monitor / "name").read_text().strip() == "rpi_volt":
                return (monitor / "in0_lcrit_alarm").read_text().strip() != "0"
    return None
