"""The figures of what may be claimed: spread, single runs, label equivalents.

A ``frame`` is from ``tables.table``, of one data set, profile and variant; one that
mixes data sets or profiles is a ValueError. Colours, labels and markers are those of
``plots``.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from sslkit.comparisons import at_fraction, footnote
from sslkit.contrasts import spread
from sslkit.plots import (
    GREY,
    METHOD_COLOURS,
    METHOD_LABELS,
    METHOD_MARKERS,
    PROTOCOL_LABELS,
    SMALL,
    WIDTH,
    new_figure,
)

_LEAST = 3  # draws, for a spread to be told


def seeds_by_draw(frame: pd.DataFrame, *, protocol: str = "finetune") -> Figure:
    """Show single runs by draw of labels, a dot a seed, a panel a method.

    Args:
        frame: Arms run with several seeds a draw (variants ``"base"`` and ``"seeds"``).
            Draws with one seed are left out.
        protocol: How encoders were judged.

    Raises:
        ValueError: If no method has a draw with two seeds.
    """
    here = frame[frame["protocol"] == protocol]
    count = here.groupby(["method", "draw"])["seed"].transform("nunique")
    here = here[count > 1]
    methods = [m for m in METHOD_LABELS if m in set(here["method"])]
    if not methods:
        raise ValueError(f"no method has a draw with two seeds by '{protocol}'")
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    draws = sorted(here["draw"].unique())
    for method, axes in zip(methods, panels, strict=True):
        runs = here[here["method"] == method]
        x = runs["draw"].map(draws.index)
        y, colour = 100 * runs["accuracy"], METHOD_COLOURS[method]
        axes.scatter(x, y, s=26, c=colour, marker=METHOD_MARKERS[method], alpha=0.7)
        means = y.groupby(x).mean()
        places = np.array(means.index)
        axes.hlines(means, places - 0.35, places + 0.35, color=colour, lw=2)
        axes.axhline(means.mean(), color=GREY, ls=":", lw=1.2, zorder=1)
        axes.set_xticks(range(len(draws)), [str(draw) for draw in draws])
        axes.set(title=METHOD_LABELS[method], xlabel="draw")
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
        ValueError: If no arm has two draws with two seeds each, or there are several
            shares.
    """
    table = spread(frame)
    if table.empty or table["fraction"].nunique() != 1:
        raise ValueError("it takes one share, and two draws with two seeds each")
    figure, axes = new_figure(height=1.6 + 0.24 * len(table))
    rows = _rows(table)
    for y, row in enumerate(rows):
        colour, marker = METHOD_COLOURS[row.method], METHOD_MARKERS[row.method]
        both = 100 * row.of_draws, 100 * row.of_seeds
        axes.plot(both, (y, y), color=colour, lw=1.2, alpha=0.5, zorder=1)
        look: Any = {"marker": marker, "ms": 8, "ls": "", "mew": 1.5, "color": colour}
        axes.plot(both[1], y, **look, mec=colour, mfc="white", label="seeds")
        axes.plot(both[0], y, **look, mec=colour, label="draws")
    _name(axes, rows)
    axes.set(xlabel="standard deviation (points)", xlim=(0, None))
    text = "filled: between draws of labels; open: between seeds"
    footnote(figure, frame, f"{100 * rows[0].fraction:g} % of the labels; {text}")
    return figure


def _rows(table: pd.DataFrame) -> list[Any]:
    """The rows in the order of methods and protocols."""
    return [
        row
        for method in METHOD_LABELS
        for protocol in PROTOCOL_LABELS
        for row in table.itertuples()
        if (row.method, row.protocol) == (method, protocol)
    ]


def _name(axes: Axes, rows: list[Any]) -> None:
    """The arms beside their rows, the first on top."""
    names = [f"{METHOD_LABELS[r.method]}, {PROTOCOL_LABELS[r.protocol]}" for r in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=True, axis="x")


def single_runs(
    frame: pd.DataFrame, *, fraction: float = 0.05, protocol: str = "finetune"
) -> pd.DataFrame:
    """The accuracies that studies with one run an arm would have printed.

    Args:
        frame: One data set, profile and variant.
        fraction: Share of the labels.
        protocol: How encoders were judged; supervised training stands beside them.

    Returns:
        A row a draw and seed that has every method, a column a method, the best mean
        first.

    Raises:
        ValueError: If an arm was run twice for one draw and seed.
    """
    own = frame["protocol"] == protocol
    own |= frame["method"] == "supervised"
    here = at_fraction(frame[own], fraction)
    wide = here.pivot(index=["draw", "seed"], columns="method", values="accuracy")
    known = [method for method in METHOD_LABELS if method in wide]
    whole = wide[known].dropna()
    return whole[whole.mean().sort_values(ascending=False, kind="stable").index]


def orders(single: pd.DataFrame) -> dict[tuple[str, ...], int]:
    """How many runs order the methods in which way, the most frequent first.

    Args:
        single: From ``single_runs``.

    Returns:
        Number of rows by order, methods from best to worst; equal ones stand as in the
        columns.
    """
    names = np.array(single.columns)
    ranks = np.argsort(-single.to_numpy(), axis=1, kind="stable")
    return dict(Counter(map(tuple, names[ranks].tolist())).most_common())


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

    Raises:
        ValueError: If no draw has two methods.
    """
    single = single_runs(frame, fraction=fraction, protocol=protocol)
    if single.empty or single.shape[1] < 2:
        raise ValueError(f"no draw has two methods at {fraction:g} by '{protocol}'")
    rows = {method: y for y, method in enumerate(single.columns)}
    figure = Figure(figsize=(WIDTH, 1.6 + 0.5 * len(rows)), layout="constrained")
    clouds, below = figure.subplots(2, 1, height_ratios=[5, 4])
    for method, y in rows.items():
        x, colour = 100 * single[method], METHOD_COLOURS[method]
        beside = y + np.linspace(-0.22, 0.22, len(x))
        clouds.scatter(x, beside, s=22, c=colour, marker="o", alpha=0.6, lw=0)
        clouds.plot([x.mean()] * 2, [y - 0.4, y + 0.4], color=colour, lw=2.2)
    note = f"{100 * fraction:g} % of the labels, {PROTOCOL_LABELS[protocol]}; "
    note += "a dot a draw, a bar the mean"
    if study is not None:
        own = (study["protocol"] == protocol) | (study["method"] == "supervised")
        theirs = at_fraction(study[own & study["method"].isin(list(rows))], fraction)
        colours, at = theirs["method"].map(METHOD_COLOURS), theirs["method"].map(rows)
        clouds.scatter(100 * theirs["mean"], at, s=55, c=colours, marker="x", lw=2)
        note += "; crosses: the study"
    clouds.set_yticks(list(rows.values()), [METHOD_LABELS[name] for name in rows])
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
        colour, marker = METHOD_COLOURS[method], METHOD_MARKERS[method]
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


def wrong_order(difference: float, deviation: float) -> float:
    """How probably a single pair of runs prints the wrong order of two arms.

    Args:
        difference: Between the true means.
        deviation: Standard deviation of the difference between two single runs: for
            independent runs √2 times that of one.

    Returns:
        The probability, if differences are normal.
    """
    return float(stats.norm.cdf(-abs(difference) / deviation))


def wrong_orders(pairs: pd.DataFrame) -> Figure:
    """Show how often single pairs of runs contradict the mean, beside what is expected.

    Args:
        pairs: From ``tables.pairs``, of one baseline; an arm needs three pairs.

    Raises:
        ValueError: If no arm has three pairs.
    """
    found: list[Any] = []
    by = ["fraction", "method", "protocol"]
    for (_, method, protocol), group in pairs.groupby(by, sort=False):
        values = group["difference"]
        if len(values) >= _LEAST and values.std() > 0:
            against = (np.sign(values) == -np.sign(values.mean())).mean()
            size = abs(values.mean()) / values.std()
            found.append((method, protocol, size, 100 * against))
    if not found:
        raise ValueError("no arm has three pairs")
    figure, axes = new_figure(height=3.4)
    walk = np.linspace(0, max(3.0, 1.05 * max(size for *_, size, _ in found)), 200)
    chance = [100 * wrong_order(x, 1) for x in walk]
    axes.plot(walk, chance, color=GREY, label="normal formula", zorder=1)
    for method, protocol, size, share in found:
        colour, frozen = METHOD_COLOURS[method], protocol != "finetune"
        look: Any = {"color": colour, "mec": colour, "ms": 8, "ls": "", "mew": 1.5}
        look |= {"mfc": "white" if frozen else colour, "clip_on": False}
        label = f"{METHOD_LABELS[method]}, {PROTOCOL_LABELS[protocol]}"
        axes.plot(size, share, marker=METHOD_MARKERS[method], label=label, **look)
    axes.set(xlabel="size of the difference (standard deviations of a single one)")
    top = max(55, *(share + 5 for *_, share in found))
    axes.set(ylabel="single runs in\nthe wrong order (%)", ylim=(0, top))
    axes.set_xlim(0, None)
    figure.legend(loc="outside upper left", ncols=2)
    footnote(figure, pairs, "a mark an arm; filled: fine-tuned, open: frozen")
    return figure


def equivalents(
    worth: pd.DataFrame, curve: pd.DataFrame, *, fraction: float = 0.05
) -> Figure:
    """Show each arm's label equivalent with its interval, on an axis of labels.

    What leaves the supervised curve is an arrow at its end.

    Args:
        worth: From ``contrasts.label_equivalents``.
        curve: The summary of the supervised recipe that they were read from, by
            ``tables.summarise``.
        fraction: Share of the labels that the arms had.

    Raises:
        ValueError: If no arm has an equivalent at that share.
    """
    here = at_fraction(worth, fraction)
    rows = _rows(here)
    if not rows:
        raise ValueError(f"no label equivalents at {fraction:g}")
    start, end = 100 * curve["fraction"].min(), 100 * curve["fraction"].max()
    edges = start / 1.25, end * 1.25  # where the arrows stand
    censored = (
        (-math.inf, "<", "right", f"< {start:g} %"),
        (math.inf, ">", "left", f"> {end:g} %"),
    )
    figure, axes = new_figure(height=1.7 + 0.24 * len(rows))
    for y, row in enumerate(rows):
        colour, marker = METHOD_COLOURS[row.method], METHOD_MARKERS[row.method]
        low, share, high = (
            float(np.clip(100 * value, *edges))
            for value in (row.low, row.share, row.high)
        )
        axes.plot((low, high), (y, y), color=colour, lw=2, label="interval")
        if math.isfinite(row.share):
            axes.plot(share, y, marker, color=colour, ms=8, label="share")
        for at, tip, side, text in censored:
            if at in (row.low, row.share, row.high):
                x = edges[at > 0]
                axes.plot(x, y, tip, color=colour, ms=9, label="censored")
                place = x * 1.13 if at > 0 else x / 1.13
                axes.text(place, y, text, va="center", ha=side, size=SMALL)
    _name(axes, rows)
    axes.set(xscale="log", xlim=(edges[0] / 2.8, edges[1] * 2.8))
    axes.set(xlabel="labels that supervised training needs (%)")
    ticks: list[float] = []
    for share in sorted(100 * curve["fraction"], reverse=True):
        if not ticks or share < ticks[-1] / 1.35:  # no number on another
            ticks.append(share)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.axvspan(end, axes.get_xlim()[1], color="#F4F4F4", zorder=0)
    axes.axvspan(axes.get_xlim()[0], start, color="#F4F4F4", zorder=0)
    axes.axvline(100 * fraction, color=GREY, ls=":", zorder=1)
    base = METHOD_LABELS[curve["method"].iloc[0]]
    text = f"dotted: the {100 * fraction:g} % that the arms had; 95 % bootstrap"
    footnote(figure, curve, f"against {base}; {text}")
    return figure


def gains(
    differences: pd.DataFrame,
    *,
    protocol: str = "finetune",
    against: str = "supervised",
) -> Figure:
    """Show what each method adds to a baseline by share of labels, with 95 % bars.

    Args:
        differences: From ``tables.differences``, of one data set and profile.
        protocol: How encoders were judged.
        against: The baseline that they were made against.

    Raises:
        ValueError: If nothing was judged so.
    """
    here = differences[differences["protocol"] == protocol]
    if here.empty:
        raise ValueError(f"no differences by '{protocol}'")
    shares = sorted(here["fraction"].unique())
    figure, axes = new_figure(height=3.5)
    methods = [m for m in METHOD_LABELS if m in set(here["method"])]
    for i, method in enumerate(methods):
        rows = here[here["method"] == method].sort_values("fraction")
        # Side by side, so that bars do not hide each other.
        x = rows["fraction"].map(shares.index) + 0.06 * (i - (len(methods) - 1) / 2)
        mean, low, high = (100 * rows[end] for end in ("mean", "low", "high"))
        line, colour = f"{METHOD_MARKERS[method]}-", METHOD_COLOURS[method]
        bars: Any = {"yerr": (mean - low, high - mean), "elinewidth": 2}
        label = METHOD_LABELS[method]
        axes.errorbar(x, mean, **bars, fmt=line, color=colour, label=label)
    axes.axhline(0, color=METHOD_COLOURS[against], lw=1.4, zorder=1)
    axes.set_xticks(range(len(shares)), [f"{100 * share:g}" for share in shares])
    axes.set(xlabel="labels used (%)", ylabel=f"points to {METHOD_LABELS[against]}")
    axes.set_xlim(-0.4, len(shares) - 0.6)
    figure.legend(loc="outside upper left", ncols=3)
    footnote(
        figure, differences, f"{PROTOCOL_LABELS[protocol]}; paired; 95 % t-interval"
    )
    return figure
