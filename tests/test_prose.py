"""Figures that stand in sentences: each sentence, made again from docs/results, is on its page."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from training.results import RESULTS, ROOT
from training.unsafe_steps import SEVERE

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    found: list[Row] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    return found


def scores(name: str) -> Row:
    """Of people or laboratories left out: by data set what `rearguard evaluate` says."""
    found: Row = rows(name)[0]["scores"]
    return found


def row(name: str, first: str) -> Row:
    return next(row for row in rows(name) if next(iter(row.values())) == first)


def per_hour(name: str, dataset: str) -> str:
    return f"{scores(name)[dataset]['fall']['false_alarms_per_hour_daily']:.1f}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0")


def spread(shares: Iterable[float]) -> str:
    """From the least to the largest."""
    found = list(shares)
    return f"{percent(min(found))} to {percent(max(found))} %"


def direction(way: str, key: str, slow: str = "", *begin: str) -> list[float]:
    """Shares of time of the rows that begin so; of the walks that are played slower, or of none of them."""
    counts = [
        row[f"{way}: counts"]
        for row in rows("direction")
        if row["recordings"].startswith(begin)
        and "jogging" not in row["recordings"]
        and (row["recordings"].endswith(slow) if slow else "slower" not in row["recordings"])
    ]
    return [count[f"{key}_s"] / count["of_s"] for count in counts if count]


def real_forward() -> str:
    shares = direction("forward", "right", "", "SisFall", "ipol", "HAPT", "DSADS")
    return f"right in {spread(shares)} of real forward walking ({len(shares)} laboratories)"


CAPTURED = ("Bandai", "BONES", "LAFAN1")


def captured_backward() -> str:
    slow = "twice slower"
    right = [direction("backward", "right", when, *CAPTURED) for when in ("", slow)]
    wrong = [max(direction("backward", "wrong", when, *CAPTURED)) for when in ("", slow)]
    return (
        f"in {spread(right[0])} of synthesised backward walking and, played twice slower, in "
        f"{spread(right[1])}; "
        f"wrong in at most {percent(wrong[0])} and {percent(wrong[1])} %"
    )


def taken_off() -> str:
    people, laboratories = (rows(name)[0]["taken off"] for name in ("people", "laboratories"))
    return (
        f"Of the {people['recordings']} recordings of a phone that is taken off, {people['taken off']} are "
        f"recognised as that with the person left out and {laboratories['taken off']} with the laboratory"
    )


def gym() -> str:
    return (
        f"(DSADS) raise {per_hour('laboratories', 'dsads')} false fall alarms per hour where nothing was "
        f"learned from them (11 before), and {per_hour('people', 'dsads')} where other people's were"
    )


def kfall_alone() -> str:
    kfall = scores("laboratories")["kfall"]["fall"]
    (quiet, trials), (right, _) = kfall["specificity_n"], kfall["down"]["specificity_n"]
    alarms = f"At KFall, {trials - quiet} of {trials} trials have a false fall alarm"
    return f"{alarms}, {trials - right} a confirmed one"


def sisfall_unseen() -> str:
    sisfall = scores("laboratories")["sisfall"]
    before, down = sisfall["falling"]["before_impact"], sisfall["fall"]["down"]["sensitivity"]
    detected = f"learned from KFall alone, {percent(before)} % are detected before the impact"
    return f"{detected} and {percent(down)} % are confirmed"


def recorded(name: str) -> str:
    score = scores("people")[name]
    trials, lasts = score["trials"], score["hours"]
    events = f"{trials['fall']} falls, {trials['stumble']} stumbles"
    return f"{events}, {lasts['walk']:.2g} h walking, {lasts['daily']:.1f} h"


def longest_hole() -> str:
    quiet = [
        float(row["hole"].removesuffix(" s"))
        for row in rows("holes")[1:]
        if float(row["other trials in which it made a fall alarm"].split()[0]) <= 0.2
    ]
    return f"The goal, one in 500, is reached up to {max(quiet):g} s only"


def hurried() -> str:
    found, of = row("unsafe_steps", "a step at twice the pace")["counts"]
    return f"**A hurried step** is missed in {of - found} stretches"


def steps() -> str:
    return f"Steps: F1 {rows('contacts')[0]['laboratory left out: score']['f1']:.3f} in a laboratory left out"


def severe() -> str:
    counts = [row("unsafe_steps", kind)["counts"] for kind in SEVERE]
    found, of = [found for found, _ in counts], {of for _, of in counts}
    return f"from such captures, {min(found)} to {max(found)} of {of.pop()} are flagged, by kind"


def angry() -> str:
    found = row("direction_styles", "Bandai, angry")
    counts = [found[f"forward, {mount}: counts"] for mount in ("buckle", "small of the back")]
    unknown = [1 - (count["right_s"] + count["wrong_s"]) / count["of_s"] for count in counts]
    return f'("angry": long steps, a bouncing trunk) for {max(unknown) * 100:.0f} % of the time'


def hours() -> str:
    score = scores("people")["all"]
    alarms, walked_h = score["fall"]["false_alarms_per_hour_walk_n"]
    most = score["fall"]["false_alarms_per_hour_walk_ci95"][1]
    assert alarms == 0
    return (
        f"all daily activity here is {score['hours']['daily']:.1f} h, chosen to be difficult, so rates per "
        f"hour are worse than a day's, and zero alarms in {walked_h:.1f} h of unseen people's walking only "
        f"say fewer than {most:.1f} per hour"
    )


SENTENCES: dict[str, tuple[Callable[[], str], ...]] = {
    "README.md": (real_forward, captured_backward, severe, steps),
    "docs/accuracy.md": (
        taken_off,
        gym,
        kfall_alone,
        sisfall_unseen,
        lambda: recorded("sisfall"),
        lambda: recorded("kfall"),
        longest_hole,
        hurried,
        angry,
        hours,
    ),
}


@pytest.mark.parametrize(
    ("page", "sentence"), [(page, make()) for page, made in SENTENCES.items() for make in made]
)
def test_figures_in_a_sentence_are_those_of_the_results(page: str, sentence: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    assert sentence in text
