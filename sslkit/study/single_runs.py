"""Single runs: what studies with one run an arm would have printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from sslkit.runs.arms import ordered
from sslkit.study.tables import DRAW, at_fraction


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


def agreement(
    frame: pd.DataFrame,
    *,
    fraction: float = 0.05,
    protocols: Sequence[str] = ("finetune", "linear"),
) -> pd.DataFrame:
    """How often a study with one run an arm prints what all of them together say.

    Args:
        frame: From ``tables.table``: one profile and variant, any data sets.
        fraction: Share of the labels.
        protocols: How encoders were judged; a row each.

    Returns:
        Columns data, protocol, ``draws`` (studies of one run an arm), ``arms``,
        ``orders`` (different ones), ``same`` (studies that print the order of the
        means), ``best`` (the arm with the best mean) and ``best_in`` (studies in which
        it is the best). Fewer than two draws make no row.
    """
    rows = []
    for data, group in frame.groupby("data", sort=False):
        for protocol in protocols:
            single = single_runs(group, fraction=fraction, protocol=protocol)
            if len(single) < 2:
                continue
            counts, means = orders(single), tuple(single.columns)
            first = int((single.idxmax(axis=1) == means[0]).sum())
            found = len(single), len(means), len(counts), counts.get(means, 0)
            rows.append((data, protocol, *found, means[0], first))
    columns = "data protocol draws arms orders same best best_in".split()
    return pd.DataFrame(rows, columns=columns)


def more_labels(
    frame: pd.DataFrame, few: float, many: float, *, method: str = "supervised"
) -> pd.Series:
    """What more labels add to the fine-tuned accuracy of an arm, by draw and seed.

    Args:
        frame: From ``tables.table``: one data set, profile and variant. Of several runs
            of one draw and seed the mean counts.
        few: Share of the labels.
        many: Another one.
        method: The arm.

    Returns:
        A difference for every draw and seed that has both shares, indexed by them.
    """
    own = frame[(frame["method"] == method) & (frame["protocol"] == "finetune")]
    less, more = (
        at_fraction(own, fraction).groupby(DRAW)["accuracy"].mean()
        for fraction in (few, many)
    )
    return (more - less).dropna()


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
