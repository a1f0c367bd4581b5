"""The figures and tables of what may be claimed: spread and single runs.

A ``frame`` is from ``tables.table``, of one data set, profile and variant; one that
mixes data sets or profiles is a ValueError. Where there are too few runs, the figure
says so. Colours, labels and markers are those of ``arms``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.forest import arms, name_arms
from sslkit.figures.plots import (
    GREY,
    PROTOCOL_LABELS,
    WIDTH,
    arm_name,
    footnote,
    new_figure,
    nothing,
    signed,
)
from sslkit.runs.arms import arm_of, ordered
from sslkit.study.contrasts import spread
from sslkit.study.luck import runs_needed
from sslkit.study.single_runs import orders, single_runs, wrong_order
from sslkit.study.tables import at_fraction

_LEAST = 3  # draws, for a spread to be told


def seeds_by_draw(frame: pd.DataFrame, *, protocol: str = "finetune") -> Figure:
    """Show single runs by draw of labels, a dot a seed, a panel a method.

    Args:
        frame: Arms run with several seeds a draw (variants ``"base"`` and ``"seeds"``).
            Draws with one seed are left out.
        protocol: How encoders were judged.
    """
    here = frame[frame["protocol"] == protocol]
    count = here.groupby(["method", "draw"])["seed"].transform("nunique")
    here = here[count > 1]
    methods = ordered(here["method"])
    if not methods:
        return nothing(f"no method has a draw with two seeds by '{protocol}'")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    draws = sorted(here["draw"].unique())
    for method, axes in zip(methods, panels, strict=True):
        runs = here[here["method"] == method]
        x = runs["draw"].map(draws.index)
        y, arm = 100 * runs["accuracy"], arm_of(method)
        axes.scatter(x, y, s=26, c=arm.colour, marker=arm.marker, alpha=0.7)
        means = y.groupby(x).mean()
        places = np.array(means.index)
        axes.hlines(means, places - 0.35, places + 0.35, color=arm.colour, lw=2)
        axes.axhline(means.mean(), color=GREY, ls=":", lw=1.2, zorder=1)
        axes.set_xticks(range(len(draws)), [str(draw) for draw in draws])
        axes.set(title=arm.label, xlabel="draw")
        axes.set_xlim(-0.6, len(draws) - 0.4)
    panels[0].set_ylabel("test accuracy (%)")
    text = "a mark a seed; bars: means of a draw; dotted: their mean"
    footnote(figure, frame, f"{PROTOCOL_LABELS[protocol]}; {text}")
    return figure


def spreads(frame: pd.DataFrame) -> Figure:
    """Show the standard deviation of draws and that of seeds, two marks an arm.

    Args:
        frame: As for ``contrasts.spread``, which computes them; one share of labels.

    Raises:
        ValueError: If there are several shares.
    """
    table = spread(frame)
    if table.empty:
        return nothing("no arm has two draws with two seeds each")
    if table["fraction"].nunique() != 1:
        raise ValueError("it takes one share of the labels")
    figure, axes = new_figure(height=1.6 + 0.24 * len(table))
    rows = arms(table)
    for y, row in enumerate(rows):
        colour, marker = arm_of(row.method).colour, arm_of(row.method).marker
        both = 100 * row.of_draws, 100 * row.of_seeds
        axes.plot(both, (y, y), color=colour, lw=1.2, alpha=0.5, zorder=1)
        mark: Any = {"marker": marker, "ms": 8, "ls": "", "mew": 1.5, "color": colour}
        axes.plot(both[1], y, **mark, mec=colour, mfc="white", label="seeds")
        axes.plot(both[0], y, **mark, mec=colour, label="draws")
    name_arms(axes, rows)
    axes.set(xlabel="standard deviation (points)", xlim=(0, None))
    text = "filled: between draws of labels; open: between seeds"
    footnote(figure, frame, f"{100 * rows[0].fraction:g} % of the labels; {text}")
    return figure


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


# ---------------------------------------------------------------------- tables


def chance_table(chances: pd.DataFrame) -> pd.DataFrame:
    """Write how often single runs come in the wrong order, an arm a row, in points.

    Args:
        chances: From ``luck.chances``.
    """
    rows = {
        f"{row.data}, {arm_name(row.method, row.protocol)}": {
            "points": signed(100 * row.mean),
            "unrelated": f"{100 * row.unrelated:.1f}",
            "paired": f"{100 * row.paired:.1f}",
            "wrong, unrelated": f"{row.wrong_unrelated:.0%}",
            "wrong, paired": f"{row.wrong_paired:.0%}",
            "seen": f"{row.contrary} of {row.pairs}",
        }
        for row in _rows(chances.sort_values(["method", "protocol"]))
    }
    return pd.DataFrame(rows).T


def price_table(chances: pd.DataFrame) -> pd.DataFrame:
    """Write how many runs an interval of two points to each side takes, an arm a row.

    Args:
        chances: From ``luck.chances``.
    """
    rows = {
        f"{row.data}, {arm_name(row.method, row.protocol)}": {
            "s (points)": f"{100 * row.alone:.1f}",
            "runs": runs_needed(row.alone),
            "s, paired": f"{100 * row.paired:.1f}",
            "pairs": runs_needed(row.paired),
        }
        for row in _rows(chances.sort_values(["method", "protocol"]))
    }
    return pd.DataFrame(rows).T


def interval_table(kinds: pd.DataFrame) -> pd.DataFrame:
    """Write the two kinds of intervals side by side, a data set a column, in points.

    Args:
        kinds: From ``luck.two_kinds``.
    """
    columns = {
        row.data: {
            "test images": f"{row.images:.0f}",
            "bootstrap, ±": f"{100 * row.bootstrap:.1f}",
            "formula, ±": f"{100 * row.formula:.1f}",
            "a single run, ±": f"{100 * row.single:.1f}",
        }
        for row in _rows(kinds)
    }
    return pd.DataFrame(columns)


def _rows(table: pd.DataFrame) -> list[Any]:
    return list(table.itertuples())
