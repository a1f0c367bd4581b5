"""Intervals where every seed of pretraining meets every draw of labels.

An encoder is dear and serves every draw, so the same few encoders stand behind all
values: 3 encoders times 5 draws are 15 values, but nowhere near 15 independent ones.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Verdict = Literal["higher", "lower", "open"]


class Crossed(NamedTuple):
    """A mean with a 95 % interval that holds for other draws and other encoders.

    Attributes:
        mean, low, high: In the unit of the values; NaN ends for a single value.
        draws: How many draws of labels.
        seeds: How many encoders met each of them. With 1 the interval is over draws and
            speaks of that one encoder alone. 0: there are none to cross, as without
            pretraining, or as where each draw has an encoder of its own.
        of_draws, of_seeds, of_rest: Standard deviations: of draws, of encoders, and of
            what is left; 0 where the estimated variance is negative, NaN where it
            cannot be told apart (what is left is then in the one that can).
        error: Standard error of the mean.
        freedom: Its degrees of freedom.
    """

    mean: float
    low: float
    high: float
    draws: int
    seeds: int
    of_draws: float
    of_seeds: float
    of_rest: float
    error: float
    freedom: float

    @property
    def p(self) -> float:
        """Two-sided p-value of a mean of zero, by the t-distribution."""
        if math.isnan(self.error):
            return math.nan
        if self.error == 0:
            return float(self.mean == 0)
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))


class OneEncoder(NamedTuple):
    """What a reader has: one encoder, one draw of labels.

    Attributes:
        deviation: Standard deviation of a single value, over draws and encoders; NaN
            if it takes several encoders, or draws, and there is one.
        loses: Share of the values below zero.
    """

    deviation: float
    loses: float


def crossed(values: ArrayLike) -> Crossed:
    """The mean of draws x seeds of pretraining, with its 95 % interval.

    A two-way analysis of variance of random effects without replication. The variance
    of the mean of ``a`` draws and ``b`` seeds is estimated by (MS_draws + MS_seeds -
    MS_rest) / ab, with Satterthwaite's degrees of freedom; where draws, or seeds,
    differ less than the rest does, their component is zero, and the mean square of the
    others stands alone.

    Args:
        values: Accuracies, or paired differences: (draws, seeds), complete; or (draws,)
            where there are no seeds to cross.

    Raises:
        ValueError: If there is no value, or one is missing.

    Source:
        Searle, Casella and McCulloch, Variance Components (1992), chapter 4;
        Satterthwaite, An Approximate Distribution of Estimates of Variance Components
        (1946).
    """
    x = np.asarray(values, dtype=float)
    if x.ndim not in (1, 2) or x.size == 0 or np.isnan(x).any():
        raise ValueError(f"values are draws x seeds, all there, not\n{x}")
    if x.ndim == 1:
        return _one_way(x, draws=len(x), seeds=0)
    if 1 in x.shape:
        return _one_way(x.ravel(), draws=len(x), seeds=x.shape[1])
    draws, seeds = x.shape
    of_draws, of_seeds, rest = _mean_squares(x)
    free = draws - 1, seeds - 1, (draws - 1) * (seeds - 1)
    square = of_draws + of_seeds - rest
    if square > max(of_draws, of_seeds):
        squares = of_draws, of_seeds, rest
        freedom = square**2 / sum(
            one**2 / n for one, n in zip(squares, free, strict=True)
        )
    else:
        square, freedom = max((of_draws, free[0]), (of_seeds, free[1]))
    return _with_ends(
        float(x.mean()),
        math.sqrt(square / x.size),
        freedom,
        counts=(draws, seeds),
        deviations=(
            math.sqrt(max(of_draws - rest, 0) / seeds),
            math.sqrt(max(of_seeds - rest, 0) / draws),
            math.sqrt(rest),
        ),
    )


def _mean_squares(x: NDArray) -> tuple[float, float, float]:
    """Of rows, of columns, and of what neither explains."""
    rows, columns = x.mean(axis=1, keepdims=True), x.mean(axis=0, keepdims=True)
    left = x - rows - columns + x.mean()
    free = (len(x) - 1) * (x.shape[1] - 1)
    return (
        x.shape[1] * float(rows.var(ddof=1)),
        len(x) * float(columns.var(ddof=1)),
        float((left**2).sum()) / free,
    )


def _one_way(x: NDArray, *, draws: int, seeds: int) -> Crossed:
    """Independent values: of draws, or of seeds with a single draw."""
    several = len(x) > 1
    deviation = float(x.std(ddof=1)) if several else math.nan
    if draws == 1 and seeds > 1:
        deviations = math.nan, deviation, math.nan
    else:
        deviations = deviation, math.nan, math.nan
    error = deviation / math.sqrt(len(x))
    counts = draws, seeds
    return _with_ends(float(x.mean()), error, len(x) - 1, counts, deviations)


def _with_ends(
    mean: float,
    error: float,
    freedom: float,
    counts: tuple[int, int],
    deviations: tuple[float, float, float],
) -> Crossed:
    half = _half(error, freedom)
    return Crossed(mean, mean - half, mean + half, *counts, *deviations, error, freedom)


def _half(error: float, freedom: float) -> float:
    """Half of a 95 % t-interval."""
    return math.nan if math.isnan(error) else error * float(stats.t.ppf(0.975, freedom))


def apart(one: Crossed, other: Crossed) -> tuple[float, float, float]:
    """One mean less another that is independent of it, with its 95 % interval.

    Source:
        Welch, The Generalization of Student's Problem when Several Different Population
        Variances are Involved (1947).
    """
    mean, error = one.mean - other.mean, math.hypot(one.error, other.error)
    if not error > 0:  # none, or unknown
        return mean, mean - error, mean + error
    known = [each for each in (one, other) if each.error > 0]
    freedom = error**4 / sum(each.error**4 / each.freedom for each in known)
    half = _half(error, freedom)
    return mean, mean - half, mean + half


def one_encoder(values: ArrayLike) -> OneEncoder:
    """How far a single encoder with a single draw may lie from the mean, and below 0.

    Args:
        values: As ``crossed`` takes them; differences, for ``loses`` to mean anything.
    """
    x = np.asarray(values, dtype=float)
    found = crossed(x)
    parts = [found.of_draws, found.of_seeds, found.of_rest]
    deviation = parts[0] if x.ndim == 1 else math.hypot(*parts)
    return OneEncoder(deviation, float((x < 0).mean()))


def verdict(low: float, high: float) -> Verdict:
    """The book's one rule: on which side of zero an interval lies, or that it is open.

    It is open, too, if there is no interval (the ends are NaN).
    """
    return "higher" if low > 0 else "lower" if high < 0 else "open"
