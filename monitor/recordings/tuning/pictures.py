"""Pictures of what the journal holds: why it rang, what other settings would do, what tuning trades."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monitor.core.fall_network import Head
from monitor.core.samples import SampleBlock
from monitor.recordings.reports.drawing import INK, PALE, plots
from monitor.recordings.tuning.comparison import Difference
from monitor.recordings.tuning.explanation import AFTER_S, BEFORE_S, Explanation
from monitor.recordings.tuning.tune import Outcome, best, floor, lasted

LEGEND: dict[str, Any] = {"loc": "upper left", "framealpha": 0.9, "edgecolor": "none", "fontsize": 8}
RED, BLUE, GREEN, AMBER = "#b3261e", "#1f5fa8", "#2e7d32", "#b26a00"


def explained(found: Explanation, path: Path) -> None:
    """The seconds around a moment: acceleration and rotation, the scores against their limits, the steps."""
    plt = plots()
    figure, axes = plt.subplots(4, 1, figsize=(8.0, 8.4), sharex=True, height_ratios=(2, 2, 3, 2))
    start_s = found.time_s
    times = np.concatenate([np.empty(0), *(block.time_s for block in found.blocks)]) - start_s
    accel = np.concatenate([np.empty((0, 3)), *(block.accel_g for block in found.blocks)])
    rates = np.concatenate([np.empty((0, 3)), *(block.gyro_dps for block in found.blocks)])
    breaks = np.flatnonzero(np.diff(times) > 0.2) + 1
    times, norm = np.insert(times, breaks, np.nan), np.insert(np.linalg.norm(accel, axis=1), breaks, np.nan)
    axes[0].plot(times, norm, color=INK, lw=0.9)
    axes[0].set_ylabel("acceleration\n(g)")
    for i, (name, colour) in enumerate((("roll", BLUE), ("pitch", GREEN), ("yaw", PALE))):
        axes[1].plot(times, np.insert(rates[:, i], breaks, np.nan), color=colour, lw=0.9, label=name)
    axes[1].set_ylabel("rotation\n(deg/s)")
    axes[1].legend(ncols=3, **LEGEND)
    _draw_scores(axes[2], found, start_s)
    _draw_steps(axes[3], found, start_s)
    for axis in axes:
        axis.axvline(0.0, color=PALE, lw=0.8, ls=":")
        for alert in found.alerts:
            if alert.stage.value == "active" and found.around(alert.time_s):
                axis.axvline(alert.time_s - start_s, color=RED, lw=1.0, alpha=0.7)
    axes[0].set_title(
        f"Session {found.session.number}, {found.session.local(found.time_s):%Y-%m-%d %H:%M:%S}"
        " (red lines: alerts)",
        loc="left",
    )
    axes[-1].set_xlabel("seconds from the moment")
    axes[-1].set_xlim(-BEFORE_S, AFTER_S)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _draw_scores(axis: Any, found: Explanation, start_s: float) -> None:
    axis.set_ylabel("scores\n(log-odds)")
    if found.hops is None:
        axis.text(0.5, 0.5, "no samples are left", transform=axis.transAxes, ha="center")
        return
    limits = {score.name: score.limit for score in found.scores}
    for head, name, colour in (
        (Head.FALLING, "falling", RED),
        (Head.FALLEN, "fallen", AMBER),
        (Head.STUMBLE, "stumble", BLUE),
    ):
        values = found.hops.score[:, head]
        limit = limits[f"{name} score"]
        axis.plot(
            found.hops.time_s - start_s, values, color=colour, lw=1.2, label=f"{name} (limit {limit:g})"
        )
        axis.axhline(limit, color=colour, lw=0.8, ls="--")
    axis.set_ylim(bottom=-12)
    axis.legend(ncols=3, **LEGEND)


def _draw_steps(axis: Any, found: Explanation, start_s: float) -> None:
    axis.set_ylabel("steps\n(% of limit)")
    steps = found.steps
    at = [step.contact_s - start_s for step in steps]
    axis.plot(at, [step.sway_percent for step in steps], "o-", color=GREEN, ms=4, lw=0.8, label="sway")
    axis.plot(at, [step.rhythm_percent for step in steps], "s-", color=AMBER, ms=4, lw=0.8, label="rhythm")
    axis.axhline(100, color=RED, lw=0.8, ls="--")
    words = {-1: "B", 0: "?", 1: "F"}
    for x, step in zip(at, steps, strict=True):
        axis.annotate(
            words[int(step.direction)], (x, 0), ha="center", va="bottom", xycoords=("data", "axes fraction")
        )
    axis.set_ylim(bottom=0)
    if steps:
        axis.legend(ncols=2, **LEGEND)


def side_by_side(
    blocks: Sequence[SampleBlock], rows: Sequence[Difference], from_s: float, path: Path
) -> None:
    """The acceleration and under it the alerts with both settings, a row each; times from ``from_s`` on."""
    plt = plots()
    figure, (above, below) = plt.subplots(2, 1, figsize=(9.0, 4.2), sharex=True, height_ratios=(2, 1.4))
    some = [block for block in blocks if len(block.time_s)]
    times = [float(block.time_s[0]) - from_s for block in some]
    above.plot(
        times, [float(np.linalg.norm(block.accel_g, axis=1).max()) for block in some], color=INK, lw=0.7
    )
    above.set_ylabel("acceleration\n(g, highest of 50 ms)")
    kinds = sorted({row.kind for row in rows})
    lines = [(kind, side) for kind in kinds for side in ("before", "after")]
    for height, (kind, side) in enumerate(reversed(lines)):
        below.axhline(height, color=PALE, lw=0.4, zorder=0)
        for row in rows:
            alert = getattr(row, side)
            if row.kind is kind and alert is not None:
                only = row.before is None or row.after is None
                below.plot(
                    alert.time_s - from_s, height, "o", color=RED if only else INK, ms=8 if only else 5
                )
    below.set_yticks(range(len(lines)), [f"{k.replace('_', ' ')}, {side}" for k, side in reversed(lines)])
    below.set_ylim(-0.6, len(lines) - 0.4)
    below.set_xlabel("seconds (red: with one of the two only)")
    figure.savefig(path, dpi=90)
    plt.close(figure)


def trade_offs(found: Sequence[Outcome], path: Path) -> None:
    """For each kind of alarm what raising or lowering its threshold does to this person, with the floor."""
    plt = plots()
    figure, axes = plt.subplots(1, len(found), figsize=(11.0, 3.6), squeeze=False)
    for axis, one in zip(axes[0], found, strict=True):
        _draw_trade(axis, one)
    figure.savefig(path, dpi=90)
    plt.close(figure)


def _draw_trade(axis: Any, found: Outcome) -> None:
    """Along the group's last setting but with the others as recommended."""
    made, chosen = found.grid, best(found)
    along = len(made.names) - 1 if made.kind == "unsafe_step" else 0
    same = [
        i
        for i, choice in enumerate(made.choices)
        if all(
            v == w for k, (v, w) in enumerate(zip(choice, made.choices[chosen], strict=True)) if k != along
        )
    ]
    x = [made.choices[i][along] for i in same]
    axis.step(x, found.misses[same], where="mid", color=RED, label="missed")
    axis.step(x, (found.false + found.new)[same], where="mid", color=BLUE, label="false alarms")
    limit = floor(made.keys[along])
    if limit < max(x):
        axis.axvspan(limit, max(x), color=RED, alpha=0.12, lw=0)
        axis.annotate("floor", (limit, 0.98), xycoords=("data", "axes fraction"), va="top", color=RED)
    now, then = made.choices[made.present][along], made.choices[chosen][along]
    axis.axvline(now, color=PALE, ls=":", label=f"now {now:g}")
    if then != now:
        axis.axvline(then, color=GREEN, label=f"recommended {then:g}")
    axis.set_title(made.kind.replace("_", " "), loc="left")
    axis.set_xlabel(f"{made.keys[along]}  (higher: less keen)")
    axis.set_ylabel(f"count, in {lasted(found.hours)}")
    axis.set_ylim(
        0, max(1.0, float(found.misses[same].max()), float((found.false + found.new)[same].max())) * 1.1
    )
    axis.yaxis.get_major_locator().set_params(integer=True)
    axis.legend(**LEGEND | {"loc": "best"})
