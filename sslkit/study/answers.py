"""Answers from records: what a page shows or says beside ``questions``.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.runs.recipes import arm_name
from sslkit.runs.records import Run
from sslkit.study import contrasts
from sslkit.study.cells import FEW, SHARES, Cell, gaps, with_side
from sslkit.study.questions import AMOUNTS, EVERY, PRETRAINED
from sslkit.study.tables import ARM, DRAW, at_fraction, differences, pairs

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


def by_amount(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of ``AMOUNTS``: of supervised training and of what was pretrained."""
    own = frame["variant"].isin([*AMOUNTS]) & frame["method"].isin(EVERY)
    return frame[own]


def to_supervised(frame: pd.DataFrame) -> pd.DataFrame:
    """Single differences to supervised training with the same part of the labels.

    Returns:
        As ``tables.pairs``, frozen with a linear probe and fine-tuned; no row where
        supervised training, or all else, is missing.
    """
    rows = frame[frame["variant"] == "base"]
    rows = rows[
        rows["fraction"].isin(SHARES[:-1])
        & rows["protocol"].isin(["linear", "finetune"])
    ]
    if not {"supervised"} < set(rows["method"]):
        return rows.iloc[:0]
    return pairs(rows)


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


def unpaid(differences: pd.DataFrame) -> list[str]:
    """The arms whose interval does not lie above zero, each with how it was judged.

    Args:
        differences: As ``tables.differences`` gives them, of one budget.
    """
    found = with_side(differences)
    return [
        f"{arm_of(str(row.method)).label} ({row.protocol})"
        for row in found[found["side"] != "higher"].itertuples()
    ]


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


def spread(frame: pd.DataFrame, *, fraction: float = FEW) -> pd.DataFrame:
    """Draws against seeds, fine-tuned: ``contrasts.spread`` of base and seeds.

    Args:
        frame: As the module describes.
        fraction: Share of the labels.
    """
    rows = frame[frame["variant"].isin(["base", "seeds"])]
    rows = at_fraction(rows[rows["protocol"] == "finetune"], fraction)
    return contrasts.spread(rows)


def another_test_set(frame: pd.DataFrame) -> tuple[float, float]:
    """How far another test set would move one network, and what recall would change.

    Returns:
        Mean over all scores of half of the bootstrap interval over test images, and the
        largest distance of accuracy and macro-recall, as shares.
    """
    half = (frame["high"] - frame["low"]).mean() / 2
    apart = (frame["accuracy"] - frame["macro_recall"]).abs().max()
    return float(half), float(apart)


def learning(
    runs: Iterable[Run], *, fraction: float = FEW
) -> dict[tuple[str, str], list[Run]]:
    """The runs whose curves show how each arm of the base learnt, by arm and phase.

    Args:
        runs: Records with their histories.
        fraction: Share of the labels.

    Returns:
        By method and phase (``"pretrain"``, ``"finetune"``), supervised training first,
        the fine-tuned runs that kept curves of it.
    """
    kept: dict[tuple[str, str], list[Run]] = {
        (method, phase): []
        for method in ("supervised", "supervised-plain", *PRETRAINED)
        for phase in ("pretrain", "finetune")
    }
    for run in runs:
        recipe = run.recipe
        if (recipe.variant, recipe.fraction) != ("base", fraction):
            continue
        if "finetune" not in run.scores:
            continue
        for phase in run.history["phase"].unique():
            arm = arm_name(recipe, "finetune"), phase
            if arm in kept:
                kept[arm].append(run)
    return {arm: found for arm, found in kept.items() if found}
