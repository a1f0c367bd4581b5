"""What pretraining replaces: labels, and for how many hours of computing.

A ``frame`` is as ``gains`` describes; budgets are given as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sslkit.study.contrasts import RESAMPLES, equivalent
from sslkit.study.crossed import Crossed, apart, crossed, verdict
from sslkit.study.gains import Table, accuracies, by_budget, complete, scores


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


class Reached(NamedTuple):
    """With how few labels pretraining does as well as all labels do without it.

    Attributes:
        labels, fraction: The smallest budget that is ``"within"``; NaN if none is.
        by_budget: A row a budget: labels, fraction, the difference to supervised
            training with all labels (mean, low, high, in points) and ``verdict``:
            ``"within"`` if the interval lies within the bounds, ``"lower"`` or
            ``"higher"`` if outside, else ``"open"``.
    """

    labels: float
    fraction: float
    by_budget: pd.DataFrame


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
    found = equivalent(np.log(known), fit, round(level, 9))
    return math.exp(found) if math.isfinite(found) else found


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


def share_of_full(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    within: float = 1.0,
    against: str = "supervised",
) -> Reached:
    """With how few labels an arm does as well as supervised training with all.

    The two are not paired: with all labels, a draw decides little.

    Args:
        frame: As the module describes.
        method: The arm.
        protocol: How it was judged.
        within: Points that count as equal.
        against: The supervised recipe.

    Raises:
        ValueError: As ``gains.accuracies``.
    """
    full = crossed(accuracies(frame, against, fraction=1.0))
    rows = []
    for labels, fraction, group in by_budget(scores(frame, method, protocol)):
        own = crossed(complete(accuracies(group, method, protocol, labels=labels)))
        difference = apart(own, full)
        said = _within(*difference[1:], within)
        rows.append((labels, fraction, *difference, said))
    columns = ["labels", "fraction", "mean", "low", "high", "verdict"]
    table = pd.DataFrame(rows, columns=columns)
    first = table[table["verdict"] == "within"].head(1)
    if first.empty:
        return Reached(math.nan, math.nan, table)
    return Reached(first["labels"].item(), first["fraction"].item(), table)


def _within(low: float, high: float, bound: float) -> str:
    if -bound <= low and high <= bound:
        return "within"
    if verdict(low - bound, high - bound) == "higher":
        return "higher"
    return "lower" if verdict(low + bound, high + bound) == "lower" else "open"


def bill(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    variants: Sequence[str] = ("base",),
    labels: Sequence[int] | None = None,
    against: str = "supervised",
) -> pd.DataFrame:
    """What an arm costs in hours, and what it saves in labels, budget by budget.

    Args:
        frame: As the module describes.
        method: The arm.
        protocol: How it was judged.
        variants: Of the arm: say, with fewer steps of pretraining.
        labels: The budgets in images; all if not given.
        against: The supervised recipe.

    Returns:
        A row a variant and budget: data, profile, method, protocol, variant, labels,
        fraction, ``pretraining`` (hours of it), ``hours`` (with training on the labels
        and testing), ``alone`` (those of supervised training with as many labels, NaN
        if there is none), each the least of its runs, ``worth``, ``low``, ``high``,
        ``start`` and ``end`` (from ``worth``) and ``saved``, the labels that it is
        worth less those that it had.

    Raises:
        ValueError: As ``worth``.
    """
    base = scores(frame, against)
    rows = []
    for variant in variants:
        own = scores(frame, method, protocol, variant=variant)
        for had, fraction, group in by_budget(own):
            if labels is not None and had not in labels:
                continue
            options: Any = {"labels": had, "variant": variant, "against": against}
            found = worth(frame, method, protocol, **options)
            # Other work can only make a time longer, so the least says most.
            alone = base.loc[base["labels"] == had, "seconds"].min()
            seconds = group[["pretraining_seconds", "seconds"]].min()
            times = [one / 3600 for one in (*seconds, alone)]
            ends = *found[:3], found.start, found.end, found.labels - had
            rows.append((variant, had, fraction, *times, *ends))
    names = ["variant", "labels", "fraction", "pretraining", "hours", "alone"]
    names += ["worth", "low", "high", "start", "end", "saved"]
    same = {"method": method, "protocol": protocol}
    source = {name: frame[name].iloc[0] for name in ("data", "profile")}
    table = pd.DataFrame(rows, columns=names).assign(**source, **same)
    return table[[*source, *same, *names]]
