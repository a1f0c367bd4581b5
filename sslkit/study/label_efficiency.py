"""Label efficiency: how few labels suffice to a pretrained arm, and for what hours.

A ``frame`` is as ``gains`` describes; budgets are given as there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from sslkit.study.crossed import apart, crossed, verdict
from sslkit.study.exchange import worth
from sslkit.study.gains import accuracies, by_budget, complete, scores


class Reached(NamedTuple):
    """With how few labels pretraining does as well as all labels do without it.

    Attributes:
        labels, fraction: The smallest budget that is ``"within"``; NaN if none is.
        by_budget: A row a budget: labels, fraction, the difference to supervised
            training with all labels (mean, low, high, in points) and ``verdict``:
            ``"within"`` if the interval lies within the bounds, ``"lower"`` or
            ``"higher"`` if outside, else ``"open"``.
    """

    labels: float
    fraction: float
    by_budget: pd.DataFrame


def share_of_full(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    within: float = 1.0,
    against: str = "supervised",
) -> Reached:
    """With how few labels an arm does as well as supervised training with all.

    The two are not paired: with all labels, a draw decides little.

    Args:
        frame: As the module describes.
        method: The arm.
        protocol: How it was judged.
        within: Points that count as equal.
        against: The supervised recipe.

    Raises:
        ValueError: As ``gains.accuracies``.
    """
    full = crossed(accuracies(frame, against, fraction=1.0))
    rows = []
    for labels, fraction, group in by_budget(scores(frame, method, protocol)):
        own = crossed(complete(accuracies(group, method, protocol, labels=labels)))
        difference = apart(own, full)
        said = _within(*difference[1:], within)
        rows.append((labels, fraction, *difference, said))
    columns = ["labels", "fraction", "mean", "low", "high", "verdict"]
    table = pd.DataFrame(rows, columns=columns)
    first = table[table["verdict"] == "within"].head(1)
    if first.empty:
        return Reached(math.nan, math.nan, table)
    return Reached(first["labels"].item(), first["fraction"].item(), table)


def _within(low: float, high: float, bound: float) -> str:
    if -bound <= low and high <= bound:
        return "within"
    if verdict(low - bound, high - bound) == "higher":
        return "higher"
    return "lower" if verdict(low + bound, high + bound) == "lower" else "open"


def bill(
    frame: pd.DataFrame,
    method: str,
    protocol: str = "linear",
    *,
    variants: Sequence[str] = ("base",),
    labels: Sequence[int] | None = None,
    against: str = "supervised",
) -> pd.DataFrame:
    """What an arm costs in hours, and what it saves in labels, budget by budget.

    Args:
        frame: As the module describes.
        method: The arm.
        protocol: How it was judged.
        variants: Of the arm: say, with fewer steps of pretraining.
        labels: The budgets in images; all if not given.
        against: The supervised recipe.

    Returns:
        A row a variant and budget: data, profile, method, protocol, variant, labels,
        fraction, ``pretraining`` (hours of it), ``hours`` (with training on the labels
        and testing), ``alone`` (those of supervised training with as many labels, NaN
        if there is none), each the least of its runs, ``worth``, ``low``, ``high``,
        ``start`` and ``end`` (from ``exchange.worth``) and ``saved``, the labels that
        it is worth less those that it had.

    Raises:
        ValueError: As ``exchange.worth``.
    """
    base = scores(frame, against)
    rows = []
    for variant in variants:
        own = scores(frame, method, protocol, variant=variant)
        for had, fraction, group in by_budget(own):
            if labels is not None and had not in labels:
                continue
            options: Any = {"labels": had, "variant": variant, "against": against}
            found = worth(frame, method, protocol, **options)
            # Other work can only make a time longer, so the least says most.
            alone = base.loc[base["labels"] == had, "seconds"].min()
            seconds = group[["pretraining_seconds", "seconds"]].min()
            times = [one / 3600 for one in (*seconds, alone)]
            ends = *found[:3], found.start, found.end, found.labels - had
            rows.append((variant, had, fraction, *times, *ends))
    names = ["variant", "labels", "fraction", "pretraining", "hours", "alone"]
    names += ["worth", "low", "high", "start", "end", "saved"]
    same = {"method": method, "protocol": protocol}
    source = {name: frame[name].iloc[0] for name in ("data", "profile")}
    table = pd.DataFrame(rows, columns=names).assign(**source, **same)
    return table[[*source, *same, *names]]
