"""The verdict: does pretraining pay on these images? If that is open, what would tell?

The two ways that are compared are chosen by validation images, inside the label budget;
the test images then decide, all draws together. A verdict speaks of the one encoder
that was pretrained, which is the one that its reader gets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sslkit.figures.plots import signed
from sslkit.runs.arms import arm_of
from sslkit.runs.recipes import arm_name
from sslkit.runs.records import Run
from sslkit.study.crossed import Crossed, Verdict, crossed, verdict

LEAST_DRAWS, LEAST_UNITS = 3, 20  # of fewer draws, or test images or groups: open
_MANY = 100_000  # test images: a difference that takes more is none in practice


@dataclass(frozen=True)
class Option:
    """A way to a classifier, over several draws.

    Attributes:
        method: The arm.
        protocol: How labels trained it.
        validation: Mean accuracy on validation images, in per cent, by which it may be
            chosen; NaN where the budget was too small to have any.
        accuracy: Mean accuracy on the test images, in per cent, of all classes alike.
        right: Whether each test image (a column) was classified correctly in each draw
            (a row).
    """

    method: str
    protocol: str
    validation: float
    accuracy: float
    right: pd.DataFrame

    @property
    def pretrained(self) -> bool:
        """Whether it learnt from images without labels before."""
        return arm_of(self.method).pretrained


@dataclass(frozen=True)
class Decision:
    """Whether the best way with pretraining beats the best without.

    Attributes:
        side: ``"higher"``, ``"lower"`` or ``"open"``.
        mean, low, high: The difference in points, with its 95 % interval.
        option: With pretraining.
        against: Without.
        draws: How many both had.
        units: How many test images there are, or groups of them.
        unit: ``"images"`` or ``"groups"``.
        reasons: Why it is open, where the interval alone would not say so.
        settles: What would settle an open one.
    """

    side: Verdict
    mean: float
    low: float
    high: float
    option: Option
    against: Option
    draws: int
    units: int
    unit: Literal["images", "groups"]
    reasons: tuple[str, ...]
    settles: tuple[str, ...]


def options(runs: Iterable[Run], labels: NDArray[np.int64]) -> list[Option]:
    """Every way that was tried, the best by validation first; equals in their order.

    Args:
        runs: Of one data set and budget, each arm with several draws.
        labels: ``(N,)`` classes of the test images, in the order of ``split.test``.

    Raises:
        ValueError: If a score has predictions of another test set, or none.
    """
    found: dict[tuple[str, str], dict[int, tuple[float, NDArray[np.bool_]]]] = {}
    for run in runs:
        for protocol, score in run.scores.items():
            predicted = np.array(score.predicted)
            if len(predicted) != len(labels):
                raise ValueError(
                    f"run {run.key} has {len(predicted)} predictions, and there are "
                    f"{len(labels)} test images"
                )
            promised = score.val_accuracy
            draws = found.setdefault((arm_name(run.recipe, protocol), protocol), {})
            draws[run.recipe.draw] = (
                math.nan if promised is None else 100 * promised,
                predicted == labels,
            )
    weights = _weights(labels)
    ways = []
    for (method, protocol), draws in found.items():
        right = pd.DataFrame({draw: own for draw, (_, own) in draws.items()}).T
        validation = float(np.mean([promised for promised, _ in draws.values()]))
        accuracy = 100 * float((right.to_numpy() * weights).mean())
        ways.append(Option(method, protocol, validation, accuracy, right))
    return sorted(ways, key=lambda way: -np.nan_to_num(way.validation))


def decide(
    ways: Sequence[Option],
    labels: NDArray[np.int64],
    *,
    groups: NDArray | None = None,
    doubts: Sequence[str] = (),
    more: Sequence[str] = (),
) -> Decision:
    """Compare the best way with pretraining to the best without, on the test images.

    Accuracies are means over classes, so that a rare class counts as much as a common
    one. Draws of labels are crossed with the test images (or, where they are known,
    their groups), and both enter the interval.

    Args:
        ways: From ``options``.
        labels: ``(N,)`` classes of the test images, in the order of ``split.test``.
        groups: ``(N,)`` what each belongs to, or none.
        doubts: Sentences, why the test images may flatter an arm; with one the verdict
            is open.
        more: What else would settle an open verdict, beside draws and test images.

    Raises:
        ValueError: If there is no way with pretraining, none without, or they have no
            draw in common.
    """
    one = next((way for way in ways if way.pretrained), None)
    other = next((way for way in ways if not way.pretrained), None)
    if one is None or other is None:
        missing = "with" if one is None else "without"
        raise ValueError(f"there is no run {missing} pretraining to compare")
    both = one.right.index.intersection(other.right.index)
    if both.empty:
        raise ValueError("the two ways to compare have no draw in common")
    gaps: Any = one.right.loc[both].astype(float) - other.right.loc[both].astype(float)
    by_unit = _by_unit(100 * gaps.to_numpy() * _weights(labels), groups)
    found = crossed(by_unit)
    unit: Literal["images", "groups"] = "images" if groups is None else "groups"
    units = by_unit.shape[1]
    reasons = [*doubts]
    if len(both) < LEAST_DRAWS:
        reasons.append(
            f"a verdict takes {LEAST_DRAWS} draws of labels; so far: {len(both)}"
        )
    if units < LEAST_UNITS:
        reasons.append(f"a verdict takes {LEAST_UNITS} test {unit}; here: {units}")
    side: Verdict = "open" if reasons else verdict(found.low, found.high)
    return Decision(
        side=side,
        mean=found.mean,
        low=found.low,
        high=found.high,
        option=one,
        against=other,
        draws=len(both),
        units=units,
        unit=unit,
        reasons=tuple(reasons),
        settles=(*settles(found, unit), *more) if side == "open" else (),
    )


def _weights(labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of test images, so that all classes count alike; their mean is 1."""
    counts = np.bincount(labels)
    return len(labels) / ((counts > 0).sum() * counts[labels])


def _by_unit(values: NDArray, groups: NDArray | None) -> NDArray:
    """Values (draws, images) as (draws, groups), with the same means over a row."""
    if groups is None:
        return values
    _, member = np.unique(groups, return_inverse=True)
    sums = np.stack([np.bincount(member, weights=row) for row in values])
    return sums * sums.shape[1] / values.shape[1]


def settles(found: Crossed, unit: str) -> tuple[str, ...]:
    """What would bring an interval off zero, if the difference is what it seems.

    The standard error must fall below half of the mean. It is made of what varies from
    draw to draw, from image to image and of the rest; more draws shrink the first and
    the last of these, more test images the second and the last.

    Args:
        found: Of draws and test images (or groups), as ``crossed`` gives it.
        unit: ``"images"`` or ``"groups"``.
    """
    target = (found.mean / 2) ** 2
    parts = [found.of_draws, found.of_seeds, found.of_rest]
    if any(map(math.isnan, parts)):
        return (f"at least {LEAST_DRAWS} draws, and {LEAST_UNITS} test {unit}",)
    of_draws, of_units, rest = (deviation**2 for deviation in parts)
    draws, units = found.draws, found.seeds
    ways = []
    left = target - of_units / units
    if left > 0 and (needed := (of_draws + rest / units) / left) > draws:
        ways.append(f"about {math.ceil(needed)} draws of labels in place of {draws}")
    left = target - of_draws / draws
    if left > 0 and (needed := (of_units + rest / draws) / left) > units:
        if needed < _MANY:
            about = float(f"{needed:.1g}")
            ways.append(f"about {about:,.0f} test {unit} in place of {units:,}")
    return tuple(ways)


def in_words(found: Decision) -> str:
    """The verdict in a sentence, with its interval."""
    one, other = named(found.option), named(found.against)
    reached = f"{one} gets {found.option.accuracy:.1f} % right"
    ends = f"95 % interval {signed(found.low)} to {signed(found.high)}"
    if found.side == "open":
        if found.reasons:
            because = f"because {'; '.join(found.reasons)}"
        else:
            because = "because the interval holds zero"
        return (
            f"It is open whether pretraining pays here, {because}: {reached}, "
            f"{signed(found.mean)} points on the best without it, {other} ({ends})."
        )
    pays, more = {
        "higher": ("pays", "more"),
        "lower": ("does not pay", "less"),
    }[found.side]
    return (
        f"Pretraining {pays} here: {reached}, {abs(found.mean):.1f} points {more} than "
        f"the best without it, {other} ({ends})."
    )


def first_run(runs: Iterable[Run], way: Option) -> Run:
    """The first of some runs that tried a way.

    Args:
        runs: The trials.
        way: From ``options`` of them.
    """
    return next(
        run
        for run in runs
        if way.protocol in run.scores
        and arm_name(run.recipe, way.protocol) == way.method
    )


def named(option: Option) -> str:
    """A way in words: ``"SimCLR, then a linear probe"``."""
    label = arm_of(option.method).label
    if option.pretrained:
        then = {"linear": "a linear probe", "finetune": "fine-tuning"}
        return f"{label}, then {then.get(option.protocol, option.protocol)}"
    return f"{label} with a linear probe" if option.protocol == "linear" else label
