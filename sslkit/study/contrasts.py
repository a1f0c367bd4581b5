"""What may be claimed from a table: named contrasts, spread, label equivalents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from sslkit.study.cells import Cell, gaps
from sslkit.study.tables import interval

RESAMPLES = 2000


@dataclass(frozen=True)
class Contrast:
    """One arm less another, with the same labels and seed.

    Attributes:
        method, protocol: The arm.
        against, against_protocol: What is subtracted.
        fraction: Share of the labels.
    """

    method: str
    protocol: str
    against: str
    against_protocol: str
    fraction: float = 0.05


# Named before the runs were made, so that the correction counts them all.
NAMED = (
    Contrast("simclr", "finetune", "supervised", "finetune"),
    Contrast("rotnet", "finetune", "supervised", "finetune"),
    Contrast("rotnet-jitter", "finetune", "supervised", "finetune"),
    Contrast("rotnet-jitter", "finetune", "rotnet", "finetune"),
    Contrast("simclr", "linear", "random", "linear"),
)


def contrasts(
    frame: pd.DataFrame,
    named: tuple[Contrast, ...] = NAMED,
    *,
    value: str = "accuracy",
) -> pd.DataFrame:
    """Paired differences with t-tests, corrected for their number.

    Args:
        frame: From ``tables.table``: one data set, profile and variant.
        named: Which differences; each counts for the correction if it can be made.
        value: The column to compare.

    Returns:
        Columns method, protocol, against, against_protocol, fraction, ``pairs``,
        ``mean``, ``low``, ``high`` (95 % t-interval, not corrected), ``p`` and
        ``holm``, the p-value by Holm's step-down correction; NaN for fewer than two
        pairs.

    Source:
        Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).
    """
    rows = []
    for one in named:
        arm = Cell(one.method, one.protocol, one.fraction, None)
        against = Cell(one.against, one.against_protocol, one.fraction, None)
        difference = gaps(frame, arm, against, value=value)
        if len(difference):
            p = stats.ttest_1samp(difference, 0).pvalue if len(difference) > 1 else None
            rows.append(
                (*vars(one).values(), len(difference), *interval(difference), p)
            )
    columns = [*Contrast.__dataclass_fields__, "pairs", "mean", "low", "high", "p"]
    table = pd.DataFrame(rows, columns=columns).astype({"p": float})
    return table.assign(holm=holm(table["p"].to_numpy()))


def holm(p: NDArray) -> NDArray:
    """Correct p-values for their number, by Holm's step-down.

    Each is multiplied by the number of those not smaller, never falls below a smaller
    one's, and is 1 at most; NaN stays NaN and does not count.
    """
    order = np.argsort(p)
    known = np.count_nonzero(~np.isnan(p))
    corrected = np.full(len(p), np.nan)
    steps = p[order[:known]] * np.arange(known, 0, -1)
    corrected[order[:known]] = np.maximum.accumulate(steps).clip(max=1)
    return corrected


def spread(frame: pd.DataFrame, *, value: str = "accuracy") -> pd.DataFrame:
    """How much of the spread is the draws of labels, how much the seeds.

    Args:
        frame: From ``tables.table``: one data set and profile, arms run with several
            seeds a draw (variants ``"base"`` and ``"seeds"`` of ``grids.study``).
        value: The column.

    Returns:
        Columns method, protocol, fraction, ``draws``, ``seeds`` (a draw), and the
        standard deviations ``of_draws`` (0 where the estimated variance is negative)
        and ``of_seeds`` (which includes the order of the images). There is a row for
        each arm that has two draws or more with two seeds or more, equally many.

    Source:
        Searle, Casella and McCulloch, Variance Components (1992), section 3.5: the
        analysis of variance of nested, balanced data.
    """
    rows = []
    by = ["method", "protocol", "fraction"]
    for names, group in frame.groupby(by, sort=False):
        counts = group.groupby("draw")["seed"].nunique()
        several = group[group["draw"].isin(counts[counts == counts.max()].index)]
        values = several.groupby("draw")[value]
        draws, seeds = values.ngroups, int(counts.max())
        if draws < 2 or seeds < 2:
            continue
        within = float(values.var().mean())
        between = float(values.mean().var()) - within / seeds
        rows.append((*names, draws, seeds, max(between, 0.0) ** 0.5, within**0.5))
    return pd.DataFrame(rows, columns=[*by, "draws", "seeds", "of_draws", "of_seeds"])


def label_equivalents(
    frame: pd.DataFrame, *, against: str = "supervised", seed: int = 0
) -> pd.DataFrame:
    """The share of labels with which supervised training does as well as each arm.

    Supervised training's curve is the monotone fit to its mean accuracies, straight
    between its shares. The intervals are 95 % percentiles of a bootstrap over draws;
    at each share of the labels all arms are resampled alike, which keeps the pairs.

    Args:
        frame: From ``tables.table``: one data set, profile and variant.
        against: The supervised recipe; take the best.
        seed: Of the resampling.

    Returns:
        Columns method, protocol, fraction, ``draws``, ``share``, ``low``, ``high``, a
        row an arm and fraction. A share beyond the end of the curve is inf, and one
        before its start -inf: censored. The ends are NaN for a single draw.

    Raises:
        ValueError: If the curve has fewer than two shares.

    Source:
        Robertson, Wright and Dykstra, Order Restricted Statistical Inference (1988),
        section 1.2, for the fit; Efron and Tibshirani, An Introduction to the Bootstrap
        (1993), chapter 13.
    """
    from sklearn.isotonic import isotonic_regression

    rng = np.random.default_rng(seed)
    # By fraction; of the means a row a resample, a column an arm.
    means: dict[Any, pd.DataFrame] = {}
    draws: dict[Any, pd.Series] = {}
    for fraction, group in frame.groupby("fraction"):
        wide = group.pivot_table(
            index="draw", columns=["method", "protocol"], values="accuracy"
        )
        chosen = rng.integers(len(wide), size=(RESAMPLES + 1, len(wide)))
        chosen[0] = np.arange(len(wide))  # the first is the sample itself
        values = wide.to_numpy()[chosen]
        known = ~np.isnan(values)
        sums = np.where(known, values, 0).sum(axis=1)
        with np.errstate(invalid="ignore"):  # 0 / 0: none of the arm's draws
            averages = sums / known.sum(axis=1)
        means[fraction] = pd.DataFrame(averages, columns=wide.columns)
        draws[fraction] = wide.count()
    shares = [f for f in means if (against, "finetune") in means[f]]
    if len(shares) < 2:
        raise ValueError(f"a curve takes '{against}' at two fractions or more")
    curve = np.stack([means[f][against, "finetune"] for f in shares], axis=1)
    # A resample without any of an arm's draws says nothing of it.
    whole = ~np.isnan(curve).any(axis=1)
    fitted = [
        isotonic_regression(row) if ok else None
        for row, ok in zip(curve, whole, strict=True)
    ]
    rows = []
    for fraction, table in means.items():
        arms: Any = table.columns  # pairs
        for method, protocol in arms:
            if method.startswith("supervised"):
                continue
            levels = table[method, protocol]
            worth = [
                equivalent(shares, fit, level)
                for fit, level in zip(fitted, levels, strict=True)
                if fit is not None and not math.isnan(level)
            ]
            count = draws[fraction][method, protocol]
            low = high = math.nan
            if count > 1:
                low, high = np.quantile(worth[1:], [0.025, 0.975], method="nearest")
            rows.append((method, protocol, fraction, count, worth[0], low, high))
    columns = ["method", "protocol", "fraction", "draws", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def equivalent(shares: ArrayLike, values: ArrayLike, level: float) -> float:
    """Give the share at which a curve, straight between points, first reaches a level.

    Returns:
        The share; inf if the curve stays below the level, -inf if it starts above it.
    """
    x, y = np.asarray(shares, dtype=float), np.asarray(values, dtype=float)
    reached = np.flatnonzero(y >= level)
    if not len(reached):
        return math.inf
    i = reached[0]
    if i == 0:
        return float(x[0]) if y[0] == level else -math.inf
    return float(np.interp(level, y[i - 1 : i + 1], x[i - 1 : i + 1]))
