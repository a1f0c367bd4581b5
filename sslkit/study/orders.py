"""How the study's orders of methods fare in our runs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from sslkit.runs.arms import ARMS
from sslkit.study.cells import Cell, gaps, with_side
from sslkit.study.tables import interval

UNSAID = "unsaid"
# The variants of ``grids.study`` that stand for the study's regimes; a figure whose
# regime is unsaid is compared under the first.
_VARIANTS = {"schedule": "base", "constant 5e-6": "constant"}


def method_pairs(figures: pd.DataFrame) -> pd.DataFrame:
    """Every two printed figures that, as far as is said, differ in the method alone.

    They were judged alike, with one share of the labels, under one regime; a figure
    without a regime stands beside both.

    Args:
        figures: From ``reports.printed``.

    Returns:
        Columns method, other, protocol, fraction, ``variant`` (of ours, that stands for
        the regime) and ``printed``, the first accuracy less the other.
    """
    known = figures[figures["method"].isin([*ARMS]) & (figures["judged"] != UNSAID)]
    rows: list[tuple] = []
    for (judged, share), group in known.groupby(["judged", "fraction"]):
        every: list[Any] = list(group.itertuples())
        for one, other in combinations(every, 2):
            regimes = {one.regime, other.regime} - {UNSAID}
            if one.method == other.method or len(regimes) > 1:
                continue
            variant = _VARIANTS[(*regimes, *_VARIANTS)[0]]
            theirs = one.accuracy - other.accuracy
            rows.append((one.method, other.method, judged, share, variant, theirs))
    columns = ["method", "other", "protocol", "fraction", "variant", "printed"]
    return pd.DataFrame(rows, columns=columns)


def fared(frame: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """How the study's orders of two methods fare in our runs.

    Args:
        frame: From ``tables.table``, of one data set and profile.
        pairs: From ``method_pairs``.

    Returns:
        The pairs for which there are two of our differences or more, with ``pairs``,
        ``mean``, ``low``, ``high`` (95 % t-interval) and ``side`` of ours in the
        study's order, so that ``"higher"`` confirms it; ``deviation``, the standard
        deviation of our single differences; and ``luck``, whether the study's
        difference is smaller than two of those.
    """
    rows = []
    every: list[Any] = list(pairs.itertuples())
    for one in every:
        where = one.protocol, one.fraction, one.variant
        gap = gaps(frame, Cell(one.method, *where), Cell(one.other, *where))
        if len(gap) < 2:
            continue
        deviation = gap.std()
        lucky = abs(one.printed) < 2 * deviation
        ours = interval(gap * np.sign(one.printed))
        rows.append((*one[1:], len(gap), *ours, deviation, lucky))
    names = [*pairs, "pairs", "mean", "low", "high", "deviation", "luck"]
    return with_side(pd.DataFrame(rows, columns=names).astype({"luck": bool}))
