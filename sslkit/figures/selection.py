"""The figures of what validation images choose: a Figure from a table of ``study``.

One share of the labels and one profile a figure, image sets side by side; a table that
mixes them is a ValueError.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.forest import forest
from sslkit.figures.plots import GREY, PROTOCOL_LABELS, note
from sslkit.runs.arms import arm_of


def gaps(rows: pd.DataFrame, *, label: str) -> Figure:
    """Show differences as means with 95 % t-intervals, a line an arm, a panel a set.

    Args:
        rows: From ``selection.gaps``.
        label: Of the axis.

    Raises:
        ValueError: If there is no row.
    """
    where = _where(rows)
    values = rows.assign(
        panel=rows["data"],
        heading=rows["protocol"].map(PROTOCOL_LABELS),
        line=[arm_of(name).label for name in rows["method"]],
    )
    figure = forest(values, label=label)
    for axes in figure.axes:
        axes.axvline(0, color=GREY, lw=1, zorder=1)
    note(figure, where)
    return figure


def _where(rows: pd.DataFrame) -> str:
    """The one share of the labels and profile of a table, for a note."""
    sources = rows[["fraction", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one share and profile, not\n{sources}")
    share, profile = sources.iloc[0]
    return f"{100 * share:g} % of the labels, profile {profile}"
