"""Learning-rate regimes compared: what schedule, start and phase were worth.

A regime is a variant of ``grids.study``: a schedule, a start, and the phase that it
governs. A ``frame`` is from ``tables.table`` (or ``published.scores``); image sets
stand in the order in which it has them first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sslkit.runs.arms import ordered
from sslkit.study.crossed import verdict
from sslkit.study.tables import DRAW, at_fraction, interval

STARTS = {
    "random start": {
        "base": "cosine",
        "lr/3": "cosine from a third",
        "field": "SGD as in the field",
        "long": "SGD for 1000 epochs",
        "constant, random start": "constant",
    },
    "warm start": {
        "warm": "cosine",
        "constant pretext": "constant pretext",
        "constant downstream": "constant with labels",
        "constant": "constant throughout",
        "constant 5e-6": "constant 5e-6",
    },
}
"""Regimes by where training begins: the variant of a recipe, and how it is called."""

NAMES = {
    variant: f"{start}: {name}"
    for start, regimes in STARTS.items()
    for variant, name in regimes.items()
}
DRAWS = range(5)  # those that every regime was run with
LISTED = (
    *((variant, "warm") for variant in STARTS["warm start"] if variant != "warm"),
    *((variant, "base") for variant in STARTS["random start"] if variant != "base"),
    ("warm", "base"),
)
"""A regime less the cosine from the same start, and one start less the other."""

ASKED = (*LISTED, ("constant", "constant, random start"), ("constant", "base"))
_SIDES = ["higher", "lower", "open"]


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of regimes by image set, then by regime; what is equal stays as it was.

    Args:
        frame: Columns data and variant, among others.
    """
    rows = frame[frame["variant"].isin(NAMES)]
    sets, variants = list(rows["data"].unique()), list(NAMES)
    ranks = rows["data"].map(sets.index) * len(variants)
    ranks += rows["variant"].map(variants.index)
    return rows.loc[ranks.sort_values(kind="stable").index].reset_index(drop=True)


def scores(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of regimes, fine-tuned and frozen, in order of image set and regime.

    An encoder that was not pretrained, and frozen, has one name whatever its start:
    ``random``.

    Args:
        frame: Any variants.

    Returns:
        The rows, with columns ``start`` and ``regime`` as in ``STARTS``.
    """
    rows = in_order(frame[frame["protocol"].isin(["finetune", "linear"])])
    names = [NAMES[variant].split(": ") for variant in rows["variant"]]
    return rows.replace({"method": {"start": "random"}}).assign(
        start=[start for start, _ in names], regime=[name for _, name in names]
    )


def shown(frame: pd.DataFrame, *, fraction: float) -> pd.DataFrame:
    """The scores of the draws that every regime was run with.

    Args:
        frame: From ``scores``.
        fraction: Share of the labels.
    """
    return at_fraction(frame[frame["draw"].isin(DRAWS)], fraction)


def differences(
    frame: pd.DataFrame, asked: Sequence[tuple[str, str]] = ASKED
) -> pd.DataFrame:
    """One regime less another for each method: same labels, seed and test images.

    Args:
        frame: From ``scores``.
        asked: A regime, and the one that is subtracted.

    Returns:
        Columns variant, ``less``, fraction, data, protocol, method, ``pairs``,
        ``mean``, ``low``, ``high`` (95 % t-interval) and ``side`` (a category, see
        ``crossed.verdict``), in the order of ``asked``, then of the others.

    Raises:
        ValueError: If an arm was run twice for one draw and seed.
    """
    by = ["fraction", "data", "protocol", "method"]
    keys = [*by, "test", "profile", *DRAW]
    methods, sets = ordered(map(str, frame["method"])), frame["data"].unique()
    frame = frame.assign(  # so that they sort in the book's order
        method=pd.Categorical(frame["method"], methods),
        data=pd.Categorical(frame["data"], sets),
    )
    wide = frame.pivot(index=keys, columns="variant", values="accuracy")
    rows = []
    for variant, less in asked:
        if {variant, less} <= {*wide.columns}:
            gap = (wide[variant] - wide[less]).dropna().sort_index()
            for names, values in gap.groupby(by, observed=True):
                ends = interval(values)
                where = verdict(*ends[1:])
                rows.append((variant, less, *names, len(values), *ends, where))
    columns = ["variant", "less", *by, "pairs", "mean", "low", "high", "side"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype({"side": pd.CategoricalDtype(_SIDES)})
