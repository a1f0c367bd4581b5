"""What may be claimed from a table: named contrasts, and spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sslkit.study.cells import Cell, gaps
from sslkit.study.tables import interval


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
