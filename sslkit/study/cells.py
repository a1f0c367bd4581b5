"""Cells: one arm, judged in one way, with one share of the labels, in one variant."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from sslkit.runs.arms import ordered
from sslkit.study.tables import DRAW, at_fraction, interval, side

SHARES = (0.05, 0.25, 0.5, 1.0)
"""The study's shares of the labels."""
FEW = SHARES[0]
SIDES = ("higher", "lower", "within noise", "one pair")
"""What ``tables.side`` says, in the order of sentences."""
COMMONEST = "commonest"
"""In place of a method: always answering the commonest class."""


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

    It is that of ``tables.side``, a category in the order of ``SIDES``.
    """
    sides = [side(*ends) for ends in rows[["low", "high"]].itertuples(index=False)]
    return rows.assign(side=pd.Categorical(sides, SIDES, ordered=True))


def means(frame: pd.DataFrame, *, classes: int) -> pd.DataFrame:
    """What each arm reached at the study's shares of the labels, a row a cell.

    Args:
        frame: From ``tables.table``, of one data set and profile.
        classes: How many the images have.

    Returns:
        Columns method, variant, protocol, fraction, ``draws`` (of any arm with that
        share), ``loss`` and ``accuracy`` (means), ``loss_half`` and ``accuracy_half``
        (half of the 95 % t-interval, NaN for one run), ``recall`` (mean macro-recall);
        methods in their order. First what always answering the commonest class gets:
        its method is ``COMMONEST``, its protocol empty, its loss unknown.
    """
    here = frame[frame["fraction"].isin(SHARES)]
    by = ["method", "variant", "protocol", "fraction"]
    draws = here.groupby("fraction")["draw"].nunique().to_dict()
    top = here["majority"].max()
    rows: list[tuple] = [
        (COMMONEST, "", "", share, count, np.nan, np.nan, top, np.nan, 1 / classes)
        for share, count in draws.items()
    ]
    for names, group in here.groupby(by, sort=False):
        loss, low_loss, _ = interval(group["loss"])
        accuracy, low, _ = interval(group["accuracy"])
        both = loss, loss - low_loss, accuracy, accuracy - low
        recall = group["macro_recall"].mean()
        rows.append((*names, draws[names[-1]], *both, recall))
    numbers = ["loss", "loss_half", "accuracy", "accuracy_half", "recall"]
    table = pd.DataFrame(rows, columns=[*by, "draws", *numbers])
    ranks = {name: i for i, name in enumerate([COMMONEST, *ordered(here["method"])])}
    return table.sort_values(
        "method", key=lambda names: names.map(ranks), kind="stable", ignore_index=True
    )
