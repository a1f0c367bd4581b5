"""The figure of learning-rate regimes: accuracy by start, schedule and phase."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.forest import forest
from sslkit.figures.plots import PROTOCOL_LABELS, note


def by_regime(rows: pd.DataFrame) -> Figure:
    """Show accuracy by regime, fine-tuned and frozen, with 95 % t-intervals.

    Args:
        rows: From ``regimes.shown``, of one image set.

    Raises:
        ValueError: If it mixes image sets, profiles or shares of the labels.
    """
    sources = rows[["fraction", "data", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one image set and share, not\n{sources}")
    share, data, profile = sources.iloc[0]
    ordered = rows.sort_values("protocol", kind="stable")
    values = ordered.assign(
        panel=ordered["protocol"].map(PROTOCOL_LABELS),
        heading=ordered["start"],
        line=ordered["regime"],
        value=ordered["accuracy"],
    )
    figure = forest(values, label="test accuracy (%)")
    axes = figure.axes[0]
    low, high = axes.get_xlim()  # wide where there are two draws only
    axes.set_xlim(max(low, 10), min(high, 100))
    note(figure, f"{100 * share:g} % of the labels; {data}, {profile}")
    return figure
