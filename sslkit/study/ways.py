"""What depends on the way an encoder is judged: orders, stages, fine-tuning's worth.

A ``frame`` is from ``tables.table`` (or ``published.scores``) and has one share of the
labels; image sets stand in the order in which it has them first.
"""

from __future__ import annotations

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.study.crossed import verdict
from sslkit.study.selection import ENDS
from sslkit.study.tables import Difference, difference


def agreement(one: Difference, other: Difference) -> str:
    """Whether two differences point the same way.

    Returns:
        ``"same"`` or ``"opposite"`` if both are beyond noise, else ``"open"``.
    """
    sides = {verdict(each.low, each.high) for each in (one, other)}
    if sides == {"higher", "lower"}:
        return "opposite"
    return "same" if sides in ({"higher"}, {"lower"}) else "open"


def finetuning(frame: pd.DataFrame) -> pd.DataFrame:
    """What fine-tuning brings to pretrained encoders, in validation and in the test.

    Args:
        frame: One share of the labels.

    Returns:
        Columns data, ``validation`` and ``test`` (fine-tuned less frozen, mean of the
        methods, a value a draw) and their ``agreement``. Sets without accuracies of
        both in validation are left out.
    """
    rows = []
    own = frame[frame["protocol"].isin(ENDS)].astype({"val_accuracy": float})
    pretrained = [name for name in own["method"].unique() if arm_of(name).pretrained]
    own = own[own["method"].isin(pretrained)].dropna(subset="val_accuracy")
    for data, scores in own.groupby("data", sort=False):
        if scores["protocol"].nunique() < len(ENDS):
            continue
        wide = scores.pivot_table(
            index="draw", columns="protocol", values=["val_accuracy", "accuracy"]
        ).dropna()
        seen, tested = (
            difference(wide[column]["finetune"] - wide[column]["linear"])
            for column in ("val_accuracy", "accuracy")
        )
        rows.append((data, seen, tested, agreement(seen, tested)))
    return pd.DataFrame(rows, columns=["data", "validation", "test", "agreement"])
