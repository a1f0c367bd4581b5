"""How the study's orders of methods fare in our runs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from sslkit.runs.arms import ARMS
from sslkit.study.cells import SHARES, Cell, gaps, with_side
from sslkit.study.tables import DRAW, at_fraction, interval

Judged = tuple[str, str]
"""An arm and how it was judged: method and protocol."""

STUDIED: tuple[Judged, ...] = (
    ("supervised", "finetune"),
    ("rotnet", "finetune"),
    ("rotnet-jitter", "finetune"),
    ("simclr", "linear"),
)
"""The arms of the study, each as its reports judged it, or are presumed to have."""

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


def printed_order(
    figures: pd.DataFrame, arms: Sequence[Judged], *, fraction: float
) -> tuple[str, ...]:
    """The order of arms, best first, by the figure of each that was printed first.

    Of two regimes the schedule counts, under which most of the figures were printed.

    Args:
        figures: From ``reports.printed``.
        arms: Which; one that was not printed is left out.
        fraction: Share of the labels.
    """
    here = at_fraction(figures, fraction)
    here = here[here["regime"].isin([UNSAID, "schedule"])]
    first = here.drop_duplicates(["method", "judged"])
    known = first.set_index(["method", "judged"])["accuracy"]
    ours = known[[arm for arm in arms if arm in known.index]]
    ordered = ours.sort_values(ascending=False, kind="stable")
    return tuple(ordered.index.get_level_values("method"))


def studies(
    frame: pd.DataFrame,
    figures: pd.DataFrame,
    *,
    arms: Sequence[Judged] = STUDIED,
    fractions: Sequence[float] = SHARES[:-1],
) -> pd.DataFrame:
    """What studies with one run an arm would have printed, a row each.

    Args:
        frame: From ``tables.table``, of one data set, profile and variant.
        figures: From ``reports.printed``.
        arms: Which, and how each is judged.
        fractions: Shares of the labels.

    Returns:
        Columns data, profile, draw, seed, fraction, a column an arm with its accuracy,
        ``best``, the arm that has the highest, ``order``, all arms from best to worst,
        and ``as_printed``, whether those that the study printed come in its order. A
        draw that lacks an arm has no row.

    Raises:
        ValueError: If an arm was run twice for one draw and seed.
    """
    methods = [method for method, _ in arms]
    where = ["data", "profile", *DRAW]
    judged = pd.MultiIndex.from_frame(frame[["method", "protocol"]])
    asked = frame[judged.isin([*arms])]
    rows = []
    for fraction in fractions:
        here = at_fraction(asked, fraction)
        wide = here.pivot(index=where, columns="method", values="accuracy")
        theirs = printed_order(figures, arms, fraction=fraction)
        whole: Any = wide.reindex(columns=methods).dropna()
        for place, own in whole.iterrows():
            order = tuple(own.sort_values(ascending=False, kind="stable").index)
            same = tuple(name for name in order if name in theirs) == theirs
            rows.append((*place, fraction, *own, order[0], order, same))
    columns = [*where, "fraction", *methods, "best", "order", "as_printed"]
    return pd.DataFrame(rows, columns=columns).astype({"as_printed": bool})
