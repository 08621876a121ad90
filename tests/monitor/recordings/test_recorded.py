"""A trial gives back the blocks that it was made of, bit by bit, whatever the sensor said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.samples import SampleBlock, on_the_microsecond
from monitor.recordings.journal.packing import Form
from monitor.recordings.recorded import Fault, recorded
from tests.monitor.recordings.journal import made_session
from tests.monitor.recordings.journal.made_session import same

COUNT = st.integers(-32768, 32767)
FORMS = st.builds(
    Form,
    g_per_count=st.sampled_from([1 / 2048, 0.000488, 0.000976, 1 / 16384]),
    dps_per_count=st.sampled_from([1 / 16.4, 0.07, 1 / 131]),
    mounting=st.sampled_from(["+x +y +z", "-z +y +x", "-x -y +z", "+y +z +x"]),
)


@st.composite
def sensed(draw: st.DrawFn) -> tuple[Form, list[SampleBlock]]:
    form = draw(FORMS)
    end_s = draw(st.floats(0, 1e6))
    made = []
    for _ in range(draw(st.integers(1, 4))):
        rows = draw(st.lists(st.tuples(*[COUNT] * 6), max_size=3))
        body = form.body(np.array(rows, np.int16).reshape(-1, 6))
        time_s = end_s + 0.01 * np.arange(len(rows))
        end_s += 0.05
        lost, fault = draw(st.integers(0, 9)), draw(st.sampled_from(["", "", "no answer", "stuck"]))
        made.append(on_the_microsecond(SampleBlock(time_s, body[:, :3], body[:, 3:], end_s, lost, fault)))
    return form, made


@given(sensed())
def test_any_blocks_of_any_sensor_come_back_bit_by_bit(made: tuple[Form, list[SampleBlock]]) -> None:
    form, blocks = made
    counts, own = recorded(blocks, form, 0.0)
    assert counts.dtype == np.int16
    same(list(own.blocks(counts, form)), blocks)


def test_a_fault_that_goes_on_is_written_once() -> None:
    words = ["", "no answer", "no answer", "stuck", "", "stuck"]
    blocks = [SampleBlock.silent(i * 0.05, fault) for i, fault in enumerate(words)]
    _counts, own = recorded(blocks, Form(), 0.0)
    assert own.faults == (Fault("no answer", 1, 3), Fault("stuck", 3, 4), Fault("stuck", 5, 6))


def test_the_least_count_on_a_turned_axis_fits_int16_but_for_one() -> None:
    form = Form(mounting="-x -y +z")
    body = form.body(np.array([[-32768, 5, -32768, 0, 0, 0]], np.int16))
    counts, own = recorded([SampleBlock(np.zeros(1), body[:, :3], body[:, 3:], 0.05)], form, 0.0)
    assert counts[0, :3].tolist() == [32767, -5, -32768]
    assert own.overs == ((0, 0),)


def test_a_session_comes_out_of_the_journal_as_it_went_in(tmp_path: Path) -> None:
    session = made_session.recorded(tmp_path / "journal.db")
    assert session.utc_offset_s == pytest.approx(made_session.UTC_OFFSET_S)
    assert [form for form, _block in session.formed()] == [form for form, _block in made_session.blocks()]
    same(list(session.blocks()), [block for _form, block in made_session.blocks()])


@pytest.mark.parametrize("by_s", [0.0, 4e-7, -4e-7])
def test_a_whole_session_has_its_first_and_last_block(tmp_path: Path, by_s: float) -> None:
    """Its bounds are as the blocks had them, the blocks on the microsecond."""
    blocks = [(f, replace(b, time_s=b.time_s + by_s, end_s=b.end_s + by_s)) for f, b in made_session.blocks()]
    session = made_session.recorded(tmp_path / "journal.db", blocks)
    assert len(list(session.blocks(session.from_s, session.to_s))) == len(blocks)
