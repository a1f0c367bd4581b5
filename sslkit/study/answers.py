"""Answers from records: what a page shows or says beside ``questions``.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from sslkit.study import contrasts
from sslkit.study.cells import Cell, gaps, with_side
from sslkit.study.questions import AMOUNTS, EVERY
from sslkit.study.tables import ARM, DRAW, differences

_SEEN = {"budget": ("base", "base"), "all": ("all", "budget, many steps")}


def amounts(
    frame: pd.DataFrame, *, protocols: Sequence[str] = ("linear", "finetune")
) -> pd.DataFrame:
    """Single differences of each of ``AMOUNTS`` to the budget alone, with 5 %.

    Args:
        frame: As the module describes.
        protocols: How encoders were judged.

    Returns:
        A row a pair: columns protocol, variant, method, draw, seed, ``difference``,
        data and profile, in the order of ``protocols``, ``AMOUNTS`` and arms.
    """
    found = [
        gaps(frame, Cell(method, protocol, variant=variant), Cell(method, protocol))
        .rename("difference")
        .reset_index()
        .assign(protocol=protocol, variant=variant, method=method)
        for protocol in protocols
        for variant in AMOUNTS
        for method in EVERY
    ]
    rows = pd.concat([one for one in found if len(one)] or found[:1])
    names = ["protocol", "variant", "method", *DRAW, "difference"]
    source = {name: frame[name].iloc[0] for name in ("data", "profile")}
    return rows[names].reset_index(drop=True).assign(**source)


def over_supervised(
    frame: pd.DataFrame,
    *,
    seen: Literal["budget", "all"] = "budget",
    protocol: str = "finetune",
) -> pd.DataFrame:
    """Each arm less supervised training with the same labels, by share of labels.

    Args:
        frame: As the module describes; it may be empty.
        seen: Which images pretraining saw, those of the budget alone or all of the
            pool; the latter is compared with supervised training of as many steps.
        protocol: How encoders were judged.

    Returns:
        As ``tables.differences``, with ``side``; no row where records lack.
    """
    variant, against = _SEEN[seen]
    if frame.empty or not {variant, against} <= set(frame["variant"]):
        return with_side(pd.DataFrame(columns=[*ARM, "pairs", "mean", "low", "high"]))
    arms = (frame["variant"] == variant) & (frame["protocol"] == protocol)
    base = (frame["variant"] == against) & (frame["method"] == "supervised")
    return with_side(differences(frame[arms | base].assign(variant=variant)))


def named_before(frame: pd.DataFrame, *, level: float = 0.05) -> pd.DataFrame:
    """The contrasts that were named beforehand, and what is left of them corrected.

    Args:
        frame: As the module describes; its base is taken.
        level: Below which a p-value by Holm counts.

    Returns:
        As ``contrasts.contrasts``, with ``side``: that of the mean where the corrected
        p-value is below the level, and else as of an interval that holds zero.
    """
    rows = contrasts.contrasts(frame[frame["variant"] == "base"])
    counts = rows["holm"] < level
    ends = {
        "low": rows["mean"].where(counts, -np.inf),
        "high": rows["mean"].where(counts, np.inf),
    }
    return rows.assign(side=with_side(rows.assign(**ends))["side"])
