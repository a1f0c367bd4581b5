"""Forest plots: means with 95 % intervals, a line each, in panels side by side."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.plots import (
    PROTOCOL_LABELS,
    WIDTH,
    footnote,
)
from sslkit.runs.arms import arm_of, ordered
from sslkit.study.tables import interval

_PLACE = ["panel", "heading", "line"]


def forest(values: pd.DataFrame, *, label: str) -> Figure:
    """Show means of single values with 95 % t-intervals, a line each, in panels.

    Panels, headings and lines stand in the order in which ``values`` has them first.
    Below a mean lie its values as small dots. Where a line has several methods, their
    means lie below each other instead, and a legend names them.

    Args:
        values: A value a row, one a draw and seed: columns panel, heading and line
            (text; no heading if it is empty), method, value (as a share of one; drawn
            in per cent).
        label: Of the axis.
    """
    values = values.astype(dict.fromkeys([*_PLACE, "method"], str))
    names, places = _lines(values)
    marks = values.groupby([*_PLACE, "method"], sort=False)["value"]
    methods = ordered(values["method"])
    several = (values.groupby(_PLACE)["method"].nunique() > 1).any()
    step = 0.8 / len(methods) if several else 0
    panels = list(values["panel"].unique())
    a_line = 0.12 + 0.08 * len(methods) if several else 0.19
    size = min(WIDTH, 2.6 + 1.6 * len(panels)), 1.3 + a_line * len(names)
    figure = Figure(figsize=size, layout="constrained")
    row = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    by_panel = dict(zip(panels, row, strict=True))
    entries: dict[str, Any] = {}
    for mark, own in marks:
        panel, heading, line, method = map(str, mark)
        axes, y, colour = by_panel[panel], places[heading, line], arm_of(method).colour
        if several:
            y += step * (methods.index(method) - (len(methods) - 1) / 2)
        else:
            under = [y + 0.32] * len(own)
            axes.scatter(100 * own, under, s=9, color=colour, alpha=0.5, lw=0)
        mean, low, high = (100 * x for x in interval(own))
        look: Any = {"fmt": arm_of(method).marker, "color": colour, "elinewidth": 2}
        bar = [[mean - low], [high - mean]]
        entries[method] = axes.errorbar(mean, y, xerr=bar, **look, zorder=3)
    for panel, axes in by_panel.items():
        axes.set(title=panel, xlabel=label)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        if several:
            for y in range(1, len(names)):
                axes.axhline(y - 0.5, color="#E6E6E6", lw=1, zorder=0)
    row[0].set_yticks(range(len(names)), names)
    row[0].set_ylim(len(names) - 0.4, -0.6)
    for i, tick in enumerate(row[0].get_yticklabels()):
        tick.set_fontweight("normal" if i in places.values() else "bold")
    if several:
        handles = [entries[method] for method in methods]
        texts = [arm_of(method).label for method in methods]
        figure.legend(handles, texts, loc="outside upper left", ncols=3)
    return figure


def _lines(values: pd.DataFrame) -> tuple[list[str], dict[tuple[str, str], float]]:
    """The names from top to bottom, headings among them, and where each line is."""
    names: list[str] = []
    places: dict[tuple[str, str], float] = {}
    for heading, lines in values.groupby("heading", sort=False)["line"]:
        names += [str(heading)] if heading else []
        for line in lines.unique():
            places[str(heading), line] = len(names)
            names.append(line)
    return names, places


def differences(pairs: pd.DataFrame, *, against: str = "supervised") -> Figure:
    """Show paired differences to a baseline with 95 % t-intervals, a panel a fraction.

    Args:
        pairs: From ``tables.pairs``, of one data set and profile.
        against: The baseline that they were made against.

    Raises:
        ValueError: If it mixes data sets or profiles.
    """
    order = {"method": ordered(pairs["method"]), "protocol": [*PROTOCOL_LABELS]}
    ranks = {name: pd.Categorical(pairs[name], known) for name, known in order.items()}
    lines = pairs.assign(**ranks).sort_values(["fraction", *order])
    lines = lines.astype(dict.fromkeys(order, str)).assign(
        panel=[f"{100 * share:g} % of labels" for share in lines["fraction"]],
        heading=lambda rows: [arm_of(name).label for name in rows["method"]],
        line=lambda rows: rows["protocol"].map(PROTOCOL_LABELS),
        value=lines["difference"],
    )
    figure = forest(lines, label="points")
    for axes in figure.axes:
        axes.axvline(0, color=arm_of(against).colour, lw=1.4, zorder=1)
    text = f"percentage points to {arm_of(against).label}, paired; 95 % t-interval"
    footnote(figure, pairs, text)
    return figure
