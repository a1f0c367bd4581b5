"""The figure of collapses: what becomes of embeddings when an ingredient is missing."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.plots import GREY, SMALL, WIDTH
from sslkit.runs.arms import arm_of, ordered

_LINES = ("--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))
_PANELS = {"deviation": "spread", "rank": "effective rank"}


def collapses(curves: pd.DataFrame) -> Figure:
    """Show how far embeddings spread and how many directions they use, over steps.

    A column a method. Its first case, the method as it is, is a thick line in the
    method's colour; each broken one is a grey line of its own kind.

    Args:
        curves: Columns method, case, step, ``deviation`` (in [0, 1]) and ``rank``; at
            most five cases a method.
    """
    methods = ordered(curves["method"])
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    grid = figure.subplots(2, len(methods), sharex=True, sharey="row", squeeze=False)
    for method, column in zip(methods, grid.T, strict=True):
        own = curves[curves["method"] == method]
        for axes, value in zip(column, _PANELS, strict=True):
            _lines(axes, own, method, value)
        column[0].set_title(arm_of(method).label)
        column[1].set_xlabel("step")
        handles, names = column[1].get_legend_handles_labels()
        place: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.35)}
        column[1].legend(handles[::-1], names[::-1], fontsize=SMALL, **place)
    for row, (value, label) in zip(grid, _PANELS.items(), strict=True):
        row[0].set_ylabel(label)
        row[0].set_ylim(0, 1.05 if value == "deviation" else None)
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, method: str, value: str) -> None:
    healthy, *broken = rows["case"].unique()
    for case, line in zip(reversed(broken), _LINES, strict=False):
        own = rows[rows["case"] == case]
        axes.plot(own["step"], own[value], ls=line, color=GREY, lw=1.5, label=case)
    own = rows[rows["case"] == healthy]
    colour = arm_of(method).colour
    axes.plot(own["step"], own[value], color=colour, lw=2.6, label=healthy)
