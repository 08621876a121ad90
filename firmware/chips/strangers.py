"""What else may sit at an address where a sensor is looked for: known by reading, never written to."""

from firmware.bus import Bus

_INVENSENSE = (0x68, 0x69)
_ST = (0x6A, 0x6B)
NAMES: dict[tuple[tuple[int, ...], int, int], str] = {
    # addresses, identity register, its value; by the makers' datasheets and Linux' drivers
    (_ST, 0x0F, 0x68): "an LSM9DS1 (as on the Sense HAT)",
    ((0x1D, 0x1E), 0x0F, 0x49): "an LSM9DS0's accelerometer",
    (_ST, 0x0F, 0xD4): "an LSM9DS0 or L3GD20, a gyroscope",
    (_ST, 0x0F, 0xD7): "an L3GD20H, a gyroscope",
    (_ST, 0x0F, 0x22): "an LSM6DSO16IS or ISM330IS",
    (_ST, 0x0F, 0x70): "an LSM6DSV or LSM6DSV16X",
    (_ST, 0x0F, 0x71): "an LSM6DSV16BX or ISM330BX",
    (_ST, 0x00, 0x05): "a QMI8658",
    (_INVENSENSE, 0x00, 0x24): "a BMI270",
    (_INVENSENSE, 0x00, 0x27): "a BMI260",
    (_INVENSENSE, 0x00, 0x26): "a BMI220",
    (_INVENSENSE, 0x00, 0x43): "a BMI323",
    (_INVENSENSE, 0x00, 0x0F): "a BMI055 or BMI088's gyroscope",
    (_INVENSENSE, 0x00, 0x68): "an ITG-3200 or MPU-3050, a gyroscope",
    (_INVENSENSE, 0x00, 0x69): "an ITG-3200 or MPU-3050, a gyroscope",
    (_INVENSENSE, 0x0F, 0xD3): "an L3G4200D, a gyroscope",
    (_INVENSENSE, 0x72, 0xE5): "an ICM-45605",
    (_INVENSENSE, 0x72, 0xE9): "an ICM-45686",
    (_INVENSENSE, 0x75, 0x60): "an ICM-42607",
    (_INVENSENSE, 0x75, 0x67): "an ICM-42670",
    (_INVENSENSE, 0x75, 0xB5): "an IAM-20380, a gyroscope",
    ((0x28, 0x29), 0x00, 0xA0): "a BNO055",
    ((0x18, 0x19), 0x00, 0x1E): "a BMI088's accelerometer",
    ((0x18, 0x19), 0x0F, 0x33): "an LIS3DH, an accelerometer",
    ((0x18, 0x19), 0x0F, 0x44): "an LIS2DW12, an accelerometer",
    ((0x1C, 0x1D), 0x0D, 0x1A): "an MMA8451, an accelerometer",
    ((0x1C, 0x1D), 0x0D, 0x2A): "an MMA8452, an accelerometer",
    ((0x1D, 0x53), 0x00, 0xE5): "an ADXL345, an accelerometer",
    ((0x76, 0x77), 0xD0, 0x58): "a BMP280, a barometer",
    ((0x76, 0x77), 0xD0, 0x60): "a BME280, a barometer",
}
CLOCK = "a clock (DS1307, DS3231, PCF8523 or its kin)"


def name_of(address: int, identities: dict[int, int]) -> str:
    """What is at ``address``, by what its identity registers read; "" if nobody knows."""
    for (addresses, register, value), name in NAMES.items():
        if address in addresses and identities.get(register) == value:
            return name
    return ""


def is_memory(bus: Bus, address: int, register: int, value: int) -> bool:
    """Whether ``value`` stands 64 bytes from ``register`` too: in a memory of so many bytes all does."""
    return bus.read(address, register ^ 0x40, 1)[0] == value


def registers_at(address: int) -> set[int]:
    """Where strangers have their identities."""
    return {register for addresses, register, _ in NAMES if address in addresses}


def is_clock(data: bytes) -> bool:
    """Whether registers 0 to 9 count the time in decimal digits, as clock chips do at 0x68."""
    second, minute, hour, weekday, day, month, year = data[:7]  # DS1307, DS3231, M41T00, BQ32000
    ds1307 = 1 <= weekday <= 7 and _is_date(second, minute, hour, day, month, year)
    second, minute, hour, day, weekday, month, year = data[3:10]  # PCF8523
    return ds1307 or (weekday <= 6 and _is_date(second, minute, hour, day, month, year))


def _is_date(second: int, minute: int, hour: int, day: int, month: int, year: int) -> bool:
    # Above the digits: oscillator stopped, 12 or 24 hours, a new century.
    return (
        _decimal(second & 0x7F, 0, 59)
        and _decimal(minute & 0x7F, 0, 59)
        and (_decimal(hour & 0x3F, 0, 23) or _decimal(hour & 0x1F, 1, 12))
        and _decimal(day & 0x3F, 1, 31)
        and _decimal(month & 0x1F, 1, 12)
        and _decimal(year, 0, 99)
    )


def _decimal(byte: int, low: int, high: int) -> bool:
    tens, ones = divmod(byte, 16)
    return ones <= 9 and low <= 10 * tens + ones <= high
