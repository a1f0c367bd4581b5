"""What an arm is worth in labels: its label equivalent.

A ``frame`` is as ``gains`` describes; budgets are given as there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sslkit.study.crossed import Crossed, crossed
from sslkit.study.gains import Table, accuracies, by_budget, complete, scores

RESAMPLES = 2000


class Worth(NamedTuple):
    """With how many labels supervised training does as well as an arm.

    Attributes:
        labels, low, high: Images, with a 95 % interval; inf beyond the end of the
            supervised curve, -inf before its start; NaN ends for a single run.
        had: How many labels the arm had.
        start, end: Of the supervised curve.
        flat: A part of the curve that does not rise and meets the interval, from and to
            how many labels; within it no number is better than another, and the
            interval holds all of it. None if there is none.
        draws, seeds: Of the arm, as in ``crossed``.
    """

    labels: float
    low: float
    high: float
    had: int
    start: int
    end: int
    flat: tuple[int, int] | None
    draws: int
    seeds: int


def worth(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    labels: float | None = None,
    fraction: float | None = None,
    variant: str = "base",
    against: str = "supervised",
    seed: int = 0,
) -> Worth:
    """The label equivalent of an arm with one budget.

    The curve of supervised training is the monotone fit to its mean accuracies,
    straight in log labels between its budgets. The interval is of percentiles of a
    bootstrap in which draws are resampled at each budget (the same for the arm and for
    supervised training with as many labels, which keeps the pairs) and seeds of
    pretraining, crossed with the draws. Each resampled mean is spread as wide as its
    t-interval by ``crossed``: a plain bootstrap of so few values held the truth in 77
    to 89 of 100 made-up tables.

    Args:
        frame: As the module describes.
        method: The arm.
        protocol: How it was judged.
        labels: Its budget in images; or
        fraction: its share.
        variant: Of the arm.
        against: The supervised recipe, of the base.
        seed: Of the resampling.

    Raises:
        ValueError: As ``gains.accuracies``; or if the curve has one budget alone.

    Source:
        Owen, The Pigeonhole Bootstrap (2007), for crossed factors; Robertson, Wright
        and Dykstra, Order Restricted Statistical Inference (1988), section 1.2, for the
        fit.
    """
    budget: Any = {"labels": labels, "fraction": fraction}
    arm = complete(accuracies(frame, method, protocol, **budget, variant=variant))
    had = int(
        scores(frame, method, protocol, **budget, variant=variant)["labels"].max()
    )
    rows = scores(frame, against)
    curve = {
        n: complete(accuracies(group, against, labels=n))
        for n, _, group in by_budget(rows)
    }
    if len(curve) < 2:
        raise ValueError(f"a curve takes '{against}' with two budgets or more")
    if had in curve:
        both = arm.index.intersection(curve[had].index)
        if len(both):
            arm, curve[had] = arm.loc[both], curve[had].loc[both]
    rng = np.random.default_rng(seed)
    chosen = {n: _resample(rng, len(values)) for n, values in curve.items()}
    means = [
        _stretched(values.to_numpy()[chosen[n]].mean(axis=1), crossed(values))
        for n, values in curve.items()
    ]
    fits = monotone(np.stack(means, axis=1)).round(9)  # what was pooled is equal
    of_arm = crossed(arm)
    levels = _stretched(_levels(rng, arm, chosen.get(had)), of_arm)
    known = np.array([*curve])
    found = [
        _labels(known, fit, level) for fit, level in zip(fits, levels, strict=True)
    ]
    low = high = math.nan
    if arm.size > 1:
        ends = np.quantile(found[1:], [0.025, 0.975], method="nearest")
        low, high = map(float, ends)
    low, high, flat = _widened(known, fits[0], low, high)
    curve_ends = int(known[0]), int(known[-1])
    counts = of_arm.draws, of_arm.seeds
    return Worth(found[0], low, high, had, *curve_ends, flat, *counts)


def _resample(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Places of (resamples, values); the first resample is the sample itself."""
    chosen = rng.integers(count, size=(RESAMPLES + 1, count))
    chosen[0] = np.arange(count)
    return chosen


def _levels(rng: np.random.Generator, arm: Table, draws: NDArray | None) -> NDArray:
    """The mean of an arm in each resample, by the draws chosen or by its own."""
    if draws is None or draws.shape[1] != len(arm):
        draws = _resample(rng, len(arm))
    if arm.ndim == 1:
        return arm.to_numpy()[draws].mean(axis=1)
    seeds = _resample(rng, arm.shape[1])
    return arm.to_numpy()[draws[:, :, None], seeds[:, None, :]].mean(axis=(1, 2))


def _stretched(means: NDArray, found: Crossed) -> NDArray:
    """Resampled means, spread as wide as the t-interval of the sample is.

    For a bootstrap of three or five values is far too narrow: it knows neither that
    their spread is an estimate, nor that values lie nearer to their own mean.
    """
    deviation, half = means[1:].std(), found.high - found.mean
    if not (deviation > 0 and half > 0):
        return means
    wanted = half / stats.norm.ppf(0.975)
    return means[0] + (means - means[0]) * wanted / deviation


def monotone(rows: NDArray) -> NDArray:
    """The monotone least-squares fit to each of many rows, by the max-min formula.

    Of the means from a start to an end it takes, at a place, the least over all ends
    from there on, and of these the greatest over all starts up to there.

    Args:
        rows: (curves, places).

    Source:
        Robertson, Wright and Dykstra, Order Restricted Statistical Inference (1988),
        section 1.4.
    """
    sums = np.pad(rows, ((0, 0), (1, 0))).cumsum(axis=1)
    place = np.arange(rows.shape[1])
    long = place - place[:, None] + 1  # from a start to an end, or to a place
    means = (sums[:, None, 1:] - sums[:, :-1, None]) / np.where(long > 0, long, 1)
    ends = np.where(long > 0, means, np.inf)[..., ::-1]
    least = np.minimum.accumulate(ends, axis=2)[..., ::-1]
    return np.where(long > 0, least, -np.inf).max(axis=1)


def _labels(known: NDArray, fit: NDArray, level: float) -> float:
    """With how many labels a curve, straight in their logarithm, reaches a level."""
    level = round(level, 9)
    reached = np.flatnonzero(fit >= level)
    if not len(reached):
        return math.inf
    i = reached[0]
    if i == 0:
        return float(known[0]) if fit[0] == level else -math.inf
    ends = np.log(known[i - 1 : i + 1])
    return math.exp(np.interp(level, fit[i - 1 : i + 1], ends))


def _widened(
    known: NDArray, fit: NDArray, low: float, high: float
) -> tuple[float, float, tuple[int, int] | None]:
    """An interval with all of the flat part that it meets, and that part."""
    flat = None
    for value in np.unique(fit):
        start, *_, end = [*known[fit == value]] * 2
        if start < end and low <= end and start <= high:
            first = int(start) if flat is None else flat[0]
            flat = first, int(end)
            low, high = min(low, float(start)), max(high, float(end))
    return low, high, flat
