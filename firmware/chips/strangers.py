"""What else lives at an IMU's addresses: clocks that must not be written to, and chips without a driver.

All of it by reading. A clock chip keeps the time as binary-coded decimals (DS1307 datasheet, table 2;
PCF8523, table 4); one with fewer address bits answers at several register numbers alike.
"""

from firmware.bus import Bus

ALIAS = 0x40  # a chip with six address bits or fewer reads the same here as 0x40 away
CLOCKS = "a clock chip (DS1307, DS3231, PCF8523 or one like them)"
NAMES = {
    # (register, value) at 0x68 and 0x69: chips whose registers are others
    (0x00, 0x0F): "a BMI088 or BMX055 gyroscope",
    (0x00, 0x24): "a BMI270",
    (0x00, 0x27): "a BMI260",
    (0x00, 0x43): "a BMI323",
    (0x00, 0xE1): "an ICM-20649",
    (0x75, 0x20): "an ICM-20690",
    (0x75, 0x44): "an ICM-42686-P",
    (0x75, 0x60): "an ICM-42607",
    (0x75, 0x67): "an ICM-42670-P",
}
ST_NAMES = {
    # in register 0x0F at 0x6A and 0x6B
    0x22: "an LSM6DSO16IS or ISM330IS",
    0x68: "an LSM9DS1 (Sense HAT)",
    0x70: "an LSM6DSV",
    0xD3: "an L3G4200D gyroscope",
    0xD4: "an L3GD20 gyroscope or LSM9DS0",
    0xD7: "an L3GD20H gyroscope",
}


def is_clock(bus: Bus, address: int) -> bool:
    """Whether the first registers tell a date and time of day. No IMU's do: a month is never 0."""
    first = bus.read(address, 0x00, 10)
    seconds, minutes, hours, weekday, day, month, year = first[:7]  # DS1307, DS3231, DS3232
    of_dallas = (seconds, minutes, hours, day, month, year), weekday in range(1, 8)
    seconds, minutes, hours, day, weekday, month, year = first[3:10]  # PCF8523
    of_nxp = (seconds, minutes, hours, day, month, year), weekday in range(7)
    return any(is_weekday and _tells_time(*time) for time, is_weekday in (of_dallas, of_nxp))


def _tells_time(seconds: int, minutes: int, hours: int, day: int, month: int, year: int) -> bool:
    """Registers as they come; the highest bits are flags (oscillator stopped, 12-hour clock, century)."""
    fields = (
        (seconds & 0x7F, 0, 59),
        (minutes & 0x7F, 0, 59),
        (hours & 0x1F if hours & 0x40 else hours & 0x3F, 0, 23),
        (day & 0x3F, 1, 31),
        (month & 0x1F, 1, 12),
        (year, 0, 99),
    )
    return all(
        _is_decimal(value) and low <= 10 * (value >> 4) + (value & 15) <= high for value, low, high in fields
    )


def _is_decimal(value: int) -> bool:
    return value >> 4 <= 9 and value & 15 <= 9


def repeats(bus: Bus, address: int, register: int, value: int) -> bool:
    """Whether ``register`` reads the same 0x40 away: fewer registers than an IMU has."""
    return bus.read(address, register ^ ALIAS, 1)[0] == value


def name_of(address: int, seen: dict[int, int]) -> str:
    """What a chip without a driver is, "" if that is not known."""
    if address in (0x6A, 0x6B):
        return ST_NAMES.get(seen.get(0x0F, 0), "")
    return next((NAMES[found] for found in seen.items() if found in NAMES), "")
