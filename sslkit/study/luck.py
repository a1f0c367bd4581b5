"""Luck: how far single runs scatter, because of what, and how often one is wrong."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from sslkit.study.contrasts import spread
from sslkit.study.single_runs import wrong_order
from sslkit.study.tables import ARM, DRAW, at_fraction

_NORMAL = 1.96  # standard deviations that 95 % of normal values keep to


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


def runs_needed(deviation: float, *, half: float = 0.02) -> int:
    """The least number of runs whose mean has so narrow a 95 % t-interval.

    Args:
        deviation: Standard deviation of a single run.
        half: Half of the interval, in the same unit; two points if not given.
    """
    count = 2
    while stats.t.ppf(0.975, count - 1) * deviation / math.sqrt(count) > half:
        count += 1
    return count


def by_luck(
    frame: pd.DataFrame,
    step: float,
    *,
    method: str,
    fractions: tuple[float, float],
    protocol: str = "finetune",
) -> pd.DataFrame:
    """How often luck alone makes a step of a size between two single runs of an arm.

    The two true means are taken to be equal, and the runs to be independent. As the
    spread is itself from few draws, it is a t distribution that says how often, with
    the fewer draws of the two, less one, as its degrees of freedom.

    Args:
        frame: From ``tables.table``; every data set and variant in it is asked.
        step: Difference of two accuracies, in [-1, 1].
        method: The arm.
        fractions: Share of the labels of the one run and of the other; may be equal.
        protocol: How encoders were judged.

    Returns:
        Columns data, variant, ``draws`` (the fewer of the two), ``deviation`` (standard
        deviation of the difference), ``chance`` (of such a step or a larger one, either
        way), ``low`` and ``high`` (95 % interval around the step), ``pairs`` (draws
        that have both runs) and ``falls`` (in how many of those the second is lower).
        Where there are fewer than two draws, there is no row.
    """
    rows = []
    own = frame[(frame["method"] == method) & (frame["protocol"] == protocol)]
    for names, group in own.groupby(["data", "variant"], sort=False):
        one, other = (
            at_fraction(group, fraction).set_index(DRAW)["accuracy"]
            for fraction in fractions
        )
        fewest = min(len(one), len(other))
        if fewest < 2:
            continue
        deviation = math.hypot(one.std(), other.std())
        chance = 2 * stats.t.sf(abs(step) / deviation, fewest - 1)
        half = stats.t.ppf(0.975, fewest - 1) * deviation
        found = (other - one).dropna()
        seen = len(found), int((found < 0).sum())
        rows.append(
            (*names, fewest, deviation, chance, step - half, step + half, *seen)
        )
    columns = "data variant draws deviation chance low high pairs falls".split()
    return pd.DataFrame(rows, columns=columns)


# ----------------------------------------------------------- two kinds of luck


def half_width(accuracy: float, images: float) -> float:
    """Half of the 95 % interval of an accuracy, by a normal approximation.

    Args:
        accuracy: In [0, 1].
        images: How many independent test images it was counted on.
    """
    return _NORMAL * math.sqrt(accuracy * (1 - accuracy) / images)


def two_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """How far other test images, and how far another run, would move an accuracy.

    Args:
        frame: From ``tables.table``: one variant, share of the labels and protocol.

    Returns:
        A row a data set: columns data, ``images`` (of its test), and half-widths of 95
        % intervals, means over runs or arms: ``bootstrap`` over test images,
        ``formula`` (``half_width``), and ``single``, of a single run around the mean of
        very many.
    """
    rows = []
    for data, group in frame.groupby("data", sort=False):
        ends = (group["high"] - group["low"]).mean() / 2
        known = zip(group["accuracy"], group["n_test"], strict=True)
        formula = np.mean([half_width(*one) for one in known])
        deviation = group.groupby("method")["accuracy"].std().mean()
        rows.append((data, group["n_test"].max(), ends, formula, _NORMAL * deviation))
    return pd.DataFrame(rows, columns="data images bootstrap formula single".split())
