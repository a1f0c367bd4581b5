"""The figure of what was killed, and when."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.plots import new_figure
from sslkit.runs.arms import arm_of


def kills(table: pd.DataFrame) -> Figure:
    """Show when works were killed, a line a kind of work, and how each ended.

    Args:
        table: From ``study.trust.kills``.
    """
    names = list(table["work"].unique())
    figure, axes = new_figure(height=1.1 + 0.4 * len(names))
    well = table["same"] & (table["torn"] == 0)
    good, bad = arm_of("simclr").colour, arm_of("rotnet-jitter").colour
    for own, marker, colour, label in (
        (table[well], "|", good, "killed; ended as if undisturbed"),
        (table[~well], "X", bad, "killed; left something torn, or ended otherwise"),
    ):
        axes.plot(
            100 * own["moment"],
            own["work"].map(names.index),
            marker,
            color=colour,
            markersize=13,
            markeredgecolor=colour,
            markeredgewidth=1.5,
            label=f"{label}: {len(own)}",
        )
    axes.set_yticks(range(len(names)), names)
    axes.set(
        xlabel="moment, in % of the time that the work takes undisturbed",
        xlim=(-2, 102),
        ylim=(len(names) - 0.5, -0.5),
    )
    figure.legend(loc="outside upper left", ncols=1)
    return figure
