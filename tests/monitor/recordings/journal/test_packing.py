"""What the sampler yields comes back from its bytes, bit by bit; other bytes are refused."""

import json
import struct
import zlib
from contextlib import suppress
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from firmware.chips.chip import ACCEL_RANGE_G, GYRO_RANGE_DPS, scaled
from firmware.chips.lsm6ds3 import ACCEL_G, GYRO_DPS
from firmware.mounting import Mounting
from monitor.core.samples import SampleBlock, on_the_microsecond
from monitor.recordings.journal.packing import Form, pack, unpack


def right_handed(axes: str) -> bool:
    try:
        Mounting(axes)
    except ValueError:
        return False
    return True


MOUNTINGS = [
    axes
    for order in permutations("xyz")
    for signs in product("+-", repeat=3)
    if right_handed(axes := " ".join(map("".join, zip(signs, order, strict=True))))
]
SCALES = [
    (ACCEL_RANGE_G / 32768, GYRO_RANGE_DPS / 32768),
    (ACCEL_G, GYRO_DPS),  # the LSM6's: 0.488e-3 g and 0.07 deg/s
    (2 * ACCEL_G, GYRO_DPS),  # the LSM6DSO32's
    (32 / 32768, 4000 / 32768),
    (1 / 2048, 1 / 16.4),
]
FORMS = st.builds(
    lambda scale, mounting: Form("chip", scale[0], scale[1], mounting),
    st.sampled_from(SCALES),
    st.sampled_from(MOUNTINGS),
)
TIMES_US = st.integers(-(10**15), 10**15)  # thirty years either way
COUNTS = st.one_of(st.integers(-32768, 32767), st.sampled_from([-32768, -32767, -1, 0, 1, 32767]))
SHAPES = st.tuples(st.one_of(st.just(0), st.integers(0, 12), st.just(400)), st.just(6))


@st.composite
def blocks_of(draw: st.DrawFn, form: Form) -> SampleBlock:
    """A block as a driver and the mounting make it from counts; in any order, near and far."""
    counts = draw(arrays.arrays(np.int16, SHAPES, elements=COUNTS))
    samples = np.round(counts * np.repeat([form.g_per_count, form.dps_per_count], 3), 6)
    first_us = draw(TIMES_US)
    steps_us = draw(arrays.arrays(np.int64, len(counts), elements=st.integers(0, 10**12)))
    mounting = Mounting(form.mounting)
    return on_the_microsecond(
        SampleBlock(
            (first_us + np.cumsum(steps_us)) / 1e6,
            mounting.to_body(samples[:, :3]),
            mounting.to_body(samples[:, 3:]),
            draw(TIMES_US) / 1e6,
            draw(st.integers(0, 2**32 - 1)),
            draw(st.one_of(st.just(""), st.text(st.characters(), max_size=40), st.just("\ud800\0"))),
        )
    )


def assert_same(found: SampleBlock, expected: SampleBlock) -> None:
    for name in ("time_s", "accel_g", "gyro_dps"):
        one, other = getattr(found, name), getattr(expected, name)
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        assert one.tobytes() == other.tobytes()  # negative zeros too
    assert (found.end_s, found.lost, found.fault) == (expected.end_s, expected.lost, expected.fault)


def test_a_sensor_can_sit_in_24_ways() -> None:
    assert len(MOUNTINGS) == 24


@given(st.data(), FORMS)
def test_blocks_come_back_bit_by_bit(data: st.DataObject, form: Form) -> None:
    blocks = data.draw(st.lists(blocks_of(form), max_size=6))
    found = unpack(pack(blocks, form), form)
    assert len(found) == len(blocks)
    for one, other in zip(found, blocks, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("scale", SCALES)
def test_every_count_comes_back(scale: tuple[float, float]) -> None:
    form = Form("chip", *scale, "-z +y +x")
    counts = np.repeat(np.arange(-32768, 32768, dtype=np.int16)[:, None], 6, axis=1)
    assert np.array_equal(form.counts(form.body(counts)), counts)


def test_what_the_drivers_say_is_what_a_form_says() -> None:
    """They reckon in fractions of full scale, it in counts."""
    counts = np.repeat(np.arange(-32768, 32768, dtype=np.int16)[:, None], 6, axis=1)
    assert np.array_equal(Form("", *SCALES[0]).body(counts), scaled(counts / 32768) + 0.0)


def test_what_is_off_the_grid_comes_back_on_it_and_what_is_out_of_range_at_its_end() -> None:
    block = SampleBlock(np.array([1.0]), np.array([[0.25001, 99.0, -99.0]]), np.zeros((1, 3)), 1.0)
    (found,) = unpack(pack([block], Form()), Form())
    assert found.accel_g.tolist() == [[0.25, round(32767 / 2048, 6), -16.0]]


@pytest.mark.parametrize(
    "block",
    [
        SampleBlock(np.zeros(65536), np.zeros((65536, 3)), np.zeros((65536, 3)), 0.0),
        SampleBlock.silent(0.0, "", lost=2**32),
        SampleBlock.silent(0.0, "", lost=-1),
        SampleBlock.silent(0.0, "x" * 65536),
    ],
)
def test_what_does_not_fit_is_refused_not_cut(block: SampleBlock) -> None:
    with pytest.raises((OverflowError, struct.error)):
        pack([block], Form())


WHOLE = pack(
    [
        SampleBlock(np.arange(5) / 100, np.full((5, 3), 0.5), np.full((5, 3), 8.0), 0.05, 1, "a fault"),
        SampleBlock.silent(0.1, "silent"),
    ],
    Form("chip", 16 / 32768, 2000 / 32768),
)


@given(st.data())
def test_damaged_bytes_are_a_value_error_and_nothing_else(data: st.DataObject) -> None:
    """Cut, changed or lengthened: outside, which zlib's checksum sees, and inside, which it does not."""
    inside = data.draw(st.booleans())
    damaged = bytearray(zlib.decompress(WHOLE) if inside else WHOLE)
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)))
    packed = bytes(damaged[:cut]) + data.draw(st.binary(max_size=8))
    try:
        found = unpack(zlib.compress(packed) if inside else packed, Form())
    except ValueError:
        return
    for block in found:
        assert isinstance(block.fault, str)
        assert len(block.time_s) == len(block.accel_g) == len(block.gyro_dps)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_error_or_blocks(junk: bytes) -> None:
    for packed in (junk, zlib.compress(junk)):
        with suppress(ValueError):
            assert isinstance(unpack(packed, Form()), list)


@pytest.mark.parametrize("faults", ['{"0": ""}', "0", "[0]", '"abc"', "null", "[]", "[" * 60_000, "\xff"])
def test_a_list_of_faults_that_is_none_is_a_value_error(faults: str) -> None:
    data = zlib.decompress(pack([SampleBlock.silent(1.0, "")], Form()))
    head = struct.pack("<HHI", 1, len(faults), 0)
    with pytest.raises(ValueError, match="damaged"):
        unpack(zlib.compress(head + faults.encode("latin-1") + data[8 + len(json.dumps([""])) :]), Form())
