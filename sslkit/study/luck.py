"""Luck: how far single runs scatter, because of what, and how often one is wrong."""

from __future__ import annotations

import math

import pandas as pd

from sslkit.study.contrasts import spread
from sslkit.study.single_runs import wrong_order
from sslkit.study.tables import ARM, at_fraction

# ------------------------------------------------------------- draws and seeds


def nested(frame: pd.DataFrame, *, fraction: float) -> pd.DataFrame:
    """The runs of one share of the labels that tell draws from seeds.

    Args:
        frame: From ``tables.table``, of the grid ``grids.study``.
        fraction: Share of the labels.
    """
    return at_fraction(frame[frame["variant"].isin(["base", "seeds"])], fraction)


def labels_part(frame: pd.DataFrame) -> pd.DataFrame:
    """What part of the variance of a single run the draw of labels makes, by arm.

    Args:
        frame: Arms run with several seeds a draw, as from ``nested``; of one data set
            or several.

    Returns:
        Column data, those of ``contrasts.spread``, and ``part``, in [0, 1]; NaN where
        all runs are alike.
    """
    found = [
        spread(group).assign(data=data)
        for data, group in frame.groupby("data", sort=False)
    ]
    table = pd.concat(found or [spread(frame).assign(data="")])
    draws, seeds = table["of_draws"] ** 2, table["of_seeds"] ** 2
    return table.assign(part=draws / (draws + seeds)).reset_index(drop=True)


# ------------------------------------------------------------- the wrong order


def chances(pairs: pd.DataFrame) -> pd.DataFrame:
    """How often single runs of two arms come in the wrong order, estimated and seen.

    Args:
        pairs: From ``tables.pairs``.

    Returns:
        Columns of ``tables.ARM``, then ``pairs``; ``mean``, of the differences;
        standard deviations: ``alone``, of a single run of the arm, ``unrelated``, of
        the difference of two runs that share nothing, and ``paired``, of that of two
        runs that share draw and seed; ``wrong_unrelated`` and ``wrong_paired``, the
        probability that such two contradict the mean (``single_runs.wrong_order``); and
        ``contrary``, how many pairs do. An arm with a single pair is left out.
    """
    rows = []
    for names, group in pairs.groupby(ARM, sort=False):
        gap = group["difference"]
        if len(gap) < 2:
            continue
        mean, paired = gap.mean(), gap.std()
        alone = group["accuracy"].std()
        unrelated = math.hypot(alone, group["accuracy_base"].std())
        wrong = wrong_order(mean, unrelated), wrong_order(mean, paired)
        contrary = int((gap * mean < 0).sum())
        values = len(gap), mean, alone, unrelated, paired, *wrong, contrary
        rows.append((*names, *values))
    measured = ["pairs", "mean", "alone", "unrelated", "paired"]
    chance = ["wrong_unrelated", "wrong_paired", "contrary"]
    return pd.DataFrame(rows, columns=[*ARM, *measured, *chance])
