"""What arms are worth in labels, against supervised training that is fair to each.

A ``frame`` is from ``tables.table``, of one data set and profile, with all variants of
``grids.study``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from sslkit.study.cells import FEW
from sslkit.study.contrasts import label_equivalents
from sslkit.study.crossed import verdict
from sslkit.study.tables import at_fraction, summarise

Seen = Literal["budget", "all"]
"""Which images pretraining saw: those of the label budget, or all of the pool."""

BASELINES = ("supervised", "supervised-plain")
LEAST = 5  # draws: of fewer there is no verdict
FEW_DRAWS = "few draws"


@dataclass(frozen=True)
class Worth:
    """Label equivalents, and what they were read from.

    Attributes:
        arms: Scores of all arms and of supervised training, of one variant.
        against: The supervised recipe that the arms are compared with.
        curve: Its summary, by ``tables.summarise``.
        equivalents: From ``contrasts.label_equivalents``, with ``claim``: the
            ``crossed.verdict`` of the interval less the share that the arm had, or
            ``"few draws"``.
    """

    arms: pd.DataFrame
    against: str
    curve: pd.DataFrame
    equivalents: pd.DataFrame


def baselines(frame: pd.DataFrame) -> pd.Series:
    """Mean accuracy of each supervised recipe of the base over the shares of them all.

    Returns:
        By method; empty if there is none.
    """
    own = frame[(frame["variant"] == "base") & frame["method"].isin(BASELINES)]
    if own.empty:
        return pd.Series(dtype=float)
    by_share = own.pivot_table(index="fraction", columns="method", values="accuracy")
    return by_share.dropna().mean()


def better(frame: pd.DataFrame) -> str:
    """The supervised recipe with the higher mean; views with jitter if none has one."""
    means = baselines(frame).dropna()
    return str(means.idxmax()) if len(means) else BASELINES[0]


def compared(frame: pd.DataFrame, *, seen: Seen) -> tuple[pd.DataFrame, str]:
    """The scores of the arms by the images that they saw, and their supervised recipe.

    The arms that saw all images stand beside supervised training of as many steps,
    which with all labels is what it was anyway.

    Returns:
        Scores, frozen with a linear probe and fine-tuned, of one variant; and the
        method to compare with.
    """
    rows = frame[frame["protocol"].isin(["linear", "finetune"])]
    if seen == "budget":
        return rows[rows["variant"] == "base"], better(frame)
    rows = rows.query(
        "variant == 'all' or method == 'supervised' and (variant == "
        "'budget, many steps' or variant == 'base' and fraction == 1)"
    )
    return rows.assign(variant="base"), BASELINES[0]


def enough(
    frame: pd.DataFrame, *, seen: Seen, method: str = "simclr", fraction: float = FEW
) -> bool:
    """Whether records suffice for a curve and for a method that is held against it.

    Args:
        frame: As the module describes.
        seen: Which images pretraining saw.
        method: The method, which takes scores frozen and fine-tuned.
        fraction: Its share of the labels, which is one of the curve's.
    """
    rows, against = compared(frame, seen=seen)
    curve = rows[rows["method"] == against]
    here = at_fraction(rows[rows["method"] == method], fraction)
    return (
        curve["fraction"].nunique() > 1
        and len(at_fraction(curve, fraction)) > 0
        and here["protocol"].nunique() == 2
        and rows["test"].nunique() == 1  # or arms would stand there twice
    )


def worth(frame: pd.DataFrame, *, seen: Seen) -> Worth:
    """What each arm is worth in labels.

    Raises:
        ValueError: If the supervised curve has fewer than two shares.
    """
    arms, against = compared(frame, seen=seen)
    found = label_equivalents(arms, against=against)
    rows: list[Any] = list(found.itertuples())
    claims = [
        FEW_DRAWS
        if 1 < row.draws < LEAST
        else verdict(row.low - row.fraction, row.high - row.fraction)
        for row in rows
    ]
    curve = summarise(arms[arms["method"] == against])
    return Worth(arms, against, curve, found.assign(claim=claims))
