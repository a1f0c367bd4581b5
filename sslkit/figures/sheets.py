"""Tables of a page: what a long table says, a cell each, under the book's names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from sslkit.figures.plots import PROTOCOL_LABELS
from sslkit.runs.arms import ARMS, ordered

NAMES = PROTOCOL_LABELS | {arm.name: arm.label for arm in ARMS.values()}
"""Labels of arms and protocols; self-training is both."""


def wide(
    cells: pd.DataFrame,
    *,
    rows: str | Sequence[str],
    columns: str = "method",
    order: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Lay a long table out; arms and protocols get their labels.

    Args:
        cells: A cell a row: the columns named below, and ``text``.
        rows: The column or columns that tell the rows apart. They stand in the order
            in which the table has them first.
        columns: The column that tells the columns apart.
        order: Which of these to show, in which order; if not given, all of them in the
            order of arms.

    Returns:
        Text; empty where the table has nothing.
    """
    keys = [rows] if isinstance(rows, str) else list(rows)
    shown = list(order) if order else ordered(map(str, cells[columns]))
    own = cells[cells[columns].isin(shown)]
    table = own.set_index([*keys, columns])["text"].unstack(columns)
    places = own.drop_duplicates(keys).set_index(keys).index
    table = table.reindex(index=places, columns=[x for x in shown if x in table])
    table.index.names = [None] * len(keys)
    named = table.rename(index=NAMES, columns=NAMES)
    return named.fillna("").rename_axis(columns=None)


def accuracies(
    summary: pd.DataFrame,
    *,
    rows: str | Sequence[str],
    columns: str = "method",
    order: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Mean accuracies in per cent, ± half of their intervals.

    Args:
        summary: From ``tables.summarise``.
        rows: The column or columns that tell the rows apart, as for ``wide``.
        columns: The column that tells the columns apart.
        order: Which of these to show, in which order.

    Returns:
        Text, as ``wide`` lays it out; a single run has no interval.
    """
    half = (50 * (summary["high"] - summary["low"])).map(" ± {:.1f}".format)
    text = (100 * summary["mean"]).map("{:.1f}".format)
    text += half.where(summary["runs"] > 1, "")
    return wide(summary.assign(text=text), rows=rows, columns=columns, order=order)
