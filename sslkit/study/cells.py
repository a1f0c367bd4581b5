"""Cells: one arm, judged in one way, with one share of the labels, in one variant."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from sslkit.study.crossed import verdict
from sslkit.study.tables import DRAW, at_fraction

SHARES = (0.05, 0.25, 0.5, 1.0)
"""The study's shares of the labels."""
FEW = SHARES[0]
SIDES = ("higher", "lower", "open")
"""What ``crossed.verdict`` says, in the order of sentences."""


class Cell(NamedTuple):
    """What is run over draws and seeds: a place in the study's table.

    Attributes:
        method: The arm.
        protocol: How it was judged.
        fraction: Share of the labels.
        variant: As ``Recipe.variant``; None for frames of a single one.
    """

    method: str
    protocol: str = "finetune"
    fraction: float = FEW
    variant: str | None = "base"


def scores(frame: pd.DataFrame, cell: Cell, *, value: str = "accuracy") -> pd.Series:
    """A column of one cell, by draw and seed.

    Args:
        frame: From ``tables.table``, of one data set and profile.
        cell: Which; one without records gives no values.
        value: The column.
    """
    own = (frame["method"] == cell.method) & (frame["protocol"] == cell.protocol)
    if cell.variant is not None:
        own &= frame["variant"] == cell.variant
    return at_fraction(frame[own], cell.fraction).set_index(DRAW)[value]


def gaps(
    frame: pd.DataFrame, one: Cell, other: Cell, *, value: str = "accuracy"
) -> pd.Series:
    """One cell less another for each draw and seed that both have.

    Args:
        frame: From ``tables.table``, of one data set and profile.
        one: A cell.
        other: What is subtracted.
        value: The column.
    """
    first, second = (scores(frame, cell, value=value) for cell in (one, other))
    return (first - second).dropna()


def with_side(rows: pd.DataFrame) -> pd.DataFrame:
    """Add to differences (columns low, high) the ``side`` on which each lies.

    It is that of ``crossed.verdict``, a category in the order of ``SIDES``.
    """
    sides = [verdict(*ends) for ends in rows[["low", "high"]].itertuples(index=False)]
    return rows.assign(side=pd.Categorical(sides, SIDES, ordered=True))
