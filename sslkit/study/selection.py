"""What validation images choose: the epoch, the arm, how to judge; and by how much.

A ``frame`` is from ``tables.table`` (or ``published.scores``) and has one share of the
labels; image sets stand in the order in which it has them first.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sslkit.study.tables import difference

WITH_EPOCHS = ("linear", "mlp", "finetune")  # of which one is chosen
ENDS = ("linear", "finetune")


# ---------------------------------------------------------------------- gaps


def gaps(
    frame: pd.DataFrame,
    value: str,
    less: str,
    *,
    protocols: Sequence[str] = WITH_EPOCHS,
) -> pd.DataFrame:
    """One column of every score less another, as ``value``.

    Args:
        frame: One share of the labels.
        value: The column.
        less: What is subtracted.
        protocols: Those to keep, in the order in which they shall stand.

    Returns:
        The rows that have both, with a column ``value``.
    """
    rows = frame[frame["protocol"].isin(protocols)]
    rows = rows.assign(value=rows[value].astype(float) - rows[less].astype(float))
    return in_order(rows, protocols).dropna(subset="value")


def in_order(frame: pd.DataFrame, protocols: Sequence[str]) -> pd.DataFrame:
    """The rows by image set and then by protocol; what is equal stays as it was."""
    sets = list(frame["data"].unique())
    ranks = frame["data"].map(sets.index) * len(protocols)
    ranks += frame["protocol"].map(list(protocols).index)
    return frame.loc[ranks.sort_values(kind="stable").index]


def picked(frame: pd.DataFrame) -> pd.DataFrame:
    """What it brings to choose among fine-tuned arms by their validation loss.

    Args:
        frame: One share of the labels.

    Returns:
        Columns data, ``gain``: test accuracy of the chosen arm less the mean of all
        (a blind pick), a value a draw and seed; and ``hindsight``, the mean of the
        best arm less that of all. Sets without losses in validation are left out.
    """
    rows = []
    own = frame[frame["protocol"] == "finetune"].dropna(subset="val_loss")
    for data, scores in own.astype({"val_loss": float}).groupby("data", sort=False):
        by_draw = scores.groupby(["draw", "seed"])
        blind = by_draw["accuracy"].mean().to_numpy()
        lowest = scores.loc[by_draw["val_loss"].idxmin(), "accuracy"].to_numpy()
        best = by_draw["accuracy"].max().to_numpy()
        rows.append((data, difference(lowest - blind), (best - blind).mean()))
    return pd.DataFrame(rows, columns=["data", "gain", "hindsight"])
