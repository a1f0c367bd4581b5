"""The figures of what single runs would have claimed: in which order, how wrongly.

A ``frame`` is from ``tables.table``, of one data set, profile and variant; one that
mixes data sets or profiles is a ValueError. Where there are too few runs, the figure
says so. Colours, labels and markers are those of ``runs.arms``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.plots import (
    GREY,
    PROTOCOL_LABELS,
    WIDTH,
    arm_name,
    footnote,
    new_figure,
    nothing,
)
from sslkit.runs.arms import arm_of
from sslkit.study.single_runs import orders, single_runs, wrong_order
from sslkit.study.tables import at_fraction

_LEAST = 3  # draws, for a spread to be told


def one_run_each(
    frame: pd.DataFrame,
    *,
    fraction: float = 0.05,
    protocol: str = "finetune",
    study: pd.DataFrame | None = None,
) -> Figure:
    """Show single runs as clouds and, below, every order that one run would have given.

    Args:
        frame: One data set, profile and variant.
        fraction: Share of the labels.
        protocol: How encoders were judged.
        study: Another study's single accuracies, drawn as crosses: columns fraction,
            method, protocol, mean.
    """
    single = single_runs(frame, fraction=fraction, protocol=protocol)
    if single.empty or single.shape[1] < 2:
        return nothing(f"no draw has two methods at {fraction:g} by '{protocol}'")
    rows = {method: y for y, method in enumerate(single.columns)}
    figure = Figure(figsize=(WIDTH, 1.6 + 0.5 * len(rows)), layout="constrained")
    clouds, below = figure.subplots(2, 1, height_ratios=[5, 4])
    for method, y in rows.items():
        x, colour = 100 * single[method], arm_of(method).colour
        beside = y + np.linspace(-0.22, 0.22, len(x))
        clouds.scatter(x, beside, s=22, c=colour, marker="o", alpha=0.6, lw=0)
        clouds.plot([x.mean()] * 2, [y - 0.4, y + 0.4], color=colour, lw=2.2)
    note = f"{100 * fraction:g} % of the labels, {PROTOCOL_LABELS[protocol]}; "
    note += "a dot a draw, a bar the mean"
    if study is not None:
        own = (study["protocol"] == protocol) | (study["method"] == "supervised")
        theirs = at_fraction(study[own & study["method"].isin(list(rows))], fraction)
        colours = [arm_of(method).colour for method in theirs["method"]]
        at = theirs["method"].map(rows)
        clouds.scatter(100 * theirs["mean"], at, s=55, c=colours, marker="x", lw=2)
        note += "; crosses: the study"
    clouds.set_yticks(list(rows.values()), [arm_of(name).label for name in rows])
    clouds.set(ylim=(len(rows) - 0.4, -0.6), xlabel="test accuracy (%)")
    clouds.grid(visible=True, axis="x")
    clouds.grid(visible=False, axis="y")
    _ranks(below, tuple(rows), orders(single))
    footnote(figure, frame, note)
    return figure


def _ranks(
    axes: Axes, means: tuple[str, ...], counts: dict[tuple[str, ...], int]
) -> None:
    """A column of marks an order, from best to worst; that of the means apart."""
    columns = [means, *counts]
    places = [0.0, *(i + 1.3 for i in range(len(counts)))]
    for method in means:
        y = [order.index(method) + 1 for order in columns]
        colour, marker = arm_of(method).colour, arm_of(method).marker
        axes.plot(places[1:], y[1:], color=colour, lw=1, alpha=0.5)
        axes.plot(places, y, marker, color=colour, ms=9)
    axes.axvspan(-0.5, 0.5, color="#EEEEEE", zorder=0)
    named = ["means", *(f"{n}×" for n in counts.values())]
    axes.set_xticks(places, named)
    for order, tick in zip(columns, axes.get_xticklabels(), strict=True):
        tick.set_fontweight("bold" if order == means else "normal")
    axes.set(ylim=(len(means) + 0.5, 0.5), ylabel="rank")
    axes.set_xlim(-0.6, max(places[-1], 6.3) + 0.6)
    axes.set_yticks(range(1, len(means) + 1))
    axes.set_title("orders that one draw would have printed, and how often", loc="left")
    axes.grid(visible=False)


def wrong_orders(chances: pd.DataFrame) -> Figure:
    """Show how often single pairs of runs contradict the mean, beside what is expected.

    Args:
        chances: From ``luck.chances``, of one baseline; an arm needs three pairs.
    """
    enough = (chances["pairs"] >= _LEAST) & (chances["paired"] > 0)
    here = chances[enough]
    if here.empty:
        return nothing("no arm has three pairs of runs")
    sizes = here["mean"].abs() / here["paired"]
    shares = 100 * (here["contrary"] / here["pairs"])
    figure, axes = new_figure(height=3.4)
    walk = np.linspace(0, max(3.0, 1.05 * sizes.max()), 200)
    chance = [100 * wrong_order(x, 1) for x in walk]
    axes.plot(walk, chance, color=GREY, label="normal formula", zorder=1)
    for row, size, share in zip(_rows(here), sizes, shares, strict=True):
        colour, frozen = arm_of(row.method).colour, row.protocol != "finetune"
        mark: Any = {"color": colour, "mec": colour, "ms": 8, "ls": "", "mew": 1.5}
        mark |= {"mfc": "white" if frozen else colour, "clip_on": False}
        label = arm_name(row.method, row.protocol)
        axes.plot(size, share, marker=arm_of(row.method).marker, label=label, **mark)
    axes.set(xlabel="size of the difference (standard deviations of a single one)")
    axes.set(ylabel="single runs in\nthe wrong order (%)")
    axes.set_ylim(0, max(55, shares.max() + 5))
    axes.set_xlim(0, None)
    figure.legend(loc="outside upper left", ncols=2)
    footnote(figure, chances, "a mark an arm; filled: fine-tuned, open: frozen")
    return figure


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())
