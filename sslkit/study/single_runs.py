"""Single runs: what studies with one run an arm would have printed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from scipy import stats

from sslkit.runs.arms import ARMS, ordered
from sslkit.study import published
from sslkit.study.tables import at_fraction


def single_runs(
    frame: pd.DataFrame, *, fraction: float = 0.05, protocol: str = "finetune"
) -> pd.DataFrame:
    """The accuracies that studies with one run an arm would have printed.

    Args:
        frame: One data set, profile and variant.
        fraction: Share of the labels.
        protocol: How encoders were judged; supervised training stands beside them.

    Returns:
        A row a draw and seed that has every method, a column a method, the best mean
        first.

    Raises:
        ValueError: If an arm was run twice for one draw and seed.
    """
    own = frame["protocol"] == protocol
    own |= frame["method"] == "supervised"
    here = at_fraction(frame[own], fraction)
    wide = here.pivot(index=["draw", "seed"], columns="method", values="accuracy")
    whole = wide[ordered(map(str, wide))].dropna()
    return whole[whole.mean().sort_values(ascending=False, kind="stable").index]


def printed() -> pd.DataFrame:
    """What the study printed of the arms of this book, each cell of a single run.

    Returns:
        Columns report, method, regime, protocol (a presumed one as if it had been
        said), init, fraction, loss, accuracy (in per cent, as printed) and ``mean``,
        the accuracy as a share of one.

    Raises:
        ValueError: If the file ``study.csv`` is not among the published results.
    """
    file = published.file("study.csv")
    if file is None:
        raise ValueError("no study.csv among the published results")
    table = pd.read_csv(file)
    said = table["protocol"].str.rstrip("?")  # ?: presumably
    table = table.assign(protocol=said, mean=table["accuracy"] / 100)
    return table[table["method"].isin([*ARMS])]


def orders(single: pd.DataFrame) -> dict[tuple[str, ...], int]:
    """How many runs order the methods in which way, the most frequent first.

    Args:
        single: From ``single_runs``.

    Returns:
        Number of rows by order, methods from best to worst; equal ones stand as in the
        columns.
    """
    names = np.array(single.columns)
    ranks = np.argsort(-single.to_numpy(), axis=1, kind="stable")
    return dict(Counter(map(tuple, names[ranks].tolist())).most_common())


def wrong_order(difference: float, deviation: float) -> float:
    """How probably a single pair of runs prints the wrong order of two arms.

    Args:
        difference: Between the true means.
        deviation: Standard deviation of the difference between two single runs: for
            independent runs √2 times that of one.

    Returns:
        The probability, if differences are normal.
    """
    return float(stats.norm.cdf(-abs(difference) / deviation))
