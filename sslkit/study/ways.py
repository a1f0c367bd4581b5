"""What depends on the way an encoder is judged: orders, stages, fine-tuning's worth.

A ``frame`` is from ``tables.table`` (or ``published.scores``) and has one share of the
labels; image sets stand in the order in which it has them first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sslkit.runs.arms import arm_of
from sslkit.study.selection import ENDS
from sslkit.study.tables import Difference, difference, side

STAGES = ("layer1", "layer2", "layer3", "layer4")
PAIRS = (
    ("simclr", "rotnet"),
    ("simclr", "rotnet-jitter"),
    ("rotnet-jitter", "rotnet"),
)


def agreement(one: Difference, other: Difference) -> str:
    """Whether two differences point the same way.

    Returns:
        ``"same"`` or ``"opposite"`` if both are beyond noise, else ``"open"``.
    """
    sides = {side(each.low, each.high) for each in (one, other)}
    if sides == {"higher", "lower"}:
        return "opposite"
    return "same" if sides in ({"higher"}, {"lower"}) else "open"


def orders(
    frame: pd.DataFrame, pairs: Sequence[tuple[str, str]] = PAIRS
) -> pd.DataFrame:
    """Every two methods, with the same labels and seed, frozen and fine-tuned.

    Args:
        frame: One share of the labels.
        pairs: A method, and the one that is subtracted.

    Returns:
        Columns data, method, against, ``frozen``, ``finetuned``, ``moves`` (fine-tuned
        less frozen) and their ``agreement``; a row a pair that was run.
    """
    rows = []
    own = frame[frame["protocol"].isin(ENDS)]
    for data, scores in own.groupby("data", sort=False):
        wide = scores.pivot_table(
            index=["draw", "seed"], columns=["method", "protocol"], values="accuracy"
        )
        for method, against in pairs:
            if not {method, against} <= {*scores["method"]}:
                continue
            gap = (wide[method] - wide[against]).dropna()
            frozen, tuned = (difference(gap[end]) for end in ENDS)
            moves = difference(gap["finetune"] - gap["linear"])
            agree = agreement(frozen, tuned)
            rows.append((data, method, against, frozen, tuned, moves, agree))
    columns = ["data", "method", "against", "frozen", "finetuned", "moves", "agreement"]
    return pd.DataFrame(rows, columns=columns)


def best_stages(frame: pd.DataFrame) -> pd.DataFrame:
    """The stage of each frozen encoder that a linear probe reads best on average.

    Args:
        frame: One share of the labels; the protocols ``STAGES`` count.

    Returns:
        Columns data, method, ``stage`` (a protocol) and ``gap``, its accuracy less
        that of the last stage.
    """
    rows = []
    own = frame[frame["protocol"].isin(STAGES)]
    for names, scores in own.groupby(["data", "method"], sort=False):
        wide = scores.pivot(
            index=["draw", "seed"], columns="protocol", values="accuracy"
        )
        best = wide.mean().idxmax()
        rows.append((*names, best, difference(wide[best] - wide[STAGES[-1]])))
    return pd.DataFrame(rows, columns=["data", "method", "stage", "gap"])


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
