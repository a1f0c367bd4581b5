"""The figures of few labels: the curve with its arrow, and what hours replace.

Colours, labels and markers are those of ``runs.arms``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from sslkit.figures.plots import (
    PROTOCOL_LABELS,
    arm_name,
    footnote,
    name_ends,
    new_figure,
)
from sslkit.runs.arms import arm_of
from sslkit.runs.durations import in_time
from sslkit.study.exchange import Worth, worth
from sslkit.study.gains import curve

ARMS = (
    ("histogram", "linear"),
    ("supervised", "finetune"),
    ("simclr", "finetune"),
    ("simclr", "linear"),
)
"""Of the label curve, each with how it was judged."""

_APART = 0.45  # decades between two numbers on an axis, so that none lies on another


def label_curve(
    frame: pd.DataFrame,
    *,
    arms: Sequence[tuple[str, str]] = ARMS,
    arrow: tuple[str, str, int] | None = ("simclr", "linear", 100),
    classes: int | None = None,
) -> Figure:
    """Show accuracy over labels, and with how many labels alone an arm is matched.

    The arrow goes from the arm to where the supervised curve gets as far, and ends in
    the interval of that number.

    Args:
        frame: From ``tables.table``, as ``study.gains`` describes it.
        arms: Which curves: method and protocol; what is missing is left out.
        arrow: Method, protocol and number of labels (images) where the arrow starts;
            None for no arrow.
        classes: How many the images have, to say how many labels a class these are.

    Raises:
        ValueError: If none of the arms is there, or what the arrow takes.
    """
    base = frame[frame["variant"] == "base"]
    judged = set(zip(base["method"], base["protocol"], strict=True))
    curves = [
        curve(frame, method, protocol)
        for method, protocol in arms
        if (method, arm_of(method).judged(protocol)) in judged
    ]
    if not curves:
        raise ValueError(f"no scores of {[*arms]}")
    figure, axes = new_figure(height=4.1)
    axes.set_xscale("log")
    ends = [_line(axes, rows) for rows in curves]
    every = pd.concat(curves)
    _count_labels(axes, every["labels"].unique(), classes)
    axes.set(ylabel="test accuracy (%)")
    axes.set_ylim(axes.get_ylim())  # stays as it is
    axes.set_xlim(every["labels"].min() / 1.3, every["labels"].max() * 1.1)
    if arrow is not None:
        method, protocol, labels = arrow
        found = worth(frame, method, protocol, labels=labels)
        here = curve(frame, method, protocol).set_index("labels")["mean"]
        _arrow(axes, found, float(here[labels]), method)
        axes.set_title(
            f"{arm_name(method, protocol)}, with {labels:,} labels:\n"
            + as_good(*found[:3], start=found.start, end=found.end),
            loc="left",
        )
    name_ends(axes, ends)
    footnote(figure, every, "bands: 95 % interval over draws and encoders")
    return figure


def _line(axes: Axes, rows: pd.DataFrame) -> tuple[float, float, str, str]:
    """A curve in its band; where it ends, what it is called, and its colour."""
    arm, protocol = arm_of(rows["method"].iloc[0]), rows["protocol"].iloc[0]
    tuned = arm.pretrained and protocol == "finetune"
    name = arm.label if arm.only else f"{arm.label},\n{PROTOCOL_LABELS[protocol]}"
    look: Any = {"color": arm.colour, "marker": arm.marker, "ms": 5.5}
    if tuned:
        look |= {"ls": (0, (3, 1.5)), "mfc": "white", "mec": arm.colour, "mew": 1.4}
    axes.fill_between(
        rows["labels"], rows["low"], rows["high"], color=arm.colour, alpha=0.14, lw=0
    )
    axes.plot(rows["labels"], rows["mean"], label=name.replace("\n", " "), **look)
    x, y = rows[["labels", "mean"]].iloc[-1]
    return float(x), float(y), name, arm.colour


def _count_labels(axes: Axes, labels: Iterable[float], classes: int | None) -> None:
    """A tick a budget, and its number where there is room."""
    ticks = sorted(labels)
    named: list[float] = []
    for tick in reversed(ticks):
        if not named or math.log10(named[-1] / tick) >= _APART:
            named.append(tick)
    texts = [_labels(tick, classes) if tick in named else "" for tick in ticks]
    axes.set_xticks(ticks, texts)
    axes.minorticks_off()
    below = "labels used" if classes is None else "labels used (below: a class)"
    axes.set_xlabel(below)


def _labels(count: float, classes: int | None) -> str:
    text = f"{count:,.0f}"
    if classes is None:
        return text
    each = count / classes
    return f"{text}\n{each:,.0f}" if each >= 1 else text


def as_good(labels: float, low: float, high: float, *, start: int, end: int) -> str:
    """With how many labels alone one does as well, as a title says it.

    Args:
        labels: That it is worth, as in ``study.exchange.Worth``.
        low: Lower end of their interval.
        high: Its upper end.
        start: Of the supervised curve.
        end: Of that curve.
    """
    alone = arm_of("supervised").label
    if labels == math.inf:
        said = f"better than {alone} with {end:,}"
        sure = math.isnan(low) or low == math.inf
        return said if sure else f"{said} (95 %: from {rounded(low)})"
    if labels == -math.inf:
        return f"worse than {alone} with {start:,}"
    text = f"as good as {alone} with {rounded(labels)}"
    if math.isnan(low):
        return text
    least = rounded(low) if low > 0 else f"below {start:,}"
    most = rounded(high) if high < math.inf else f"beyond {end:,}"
    return f"{text} (95 %: {least} to {most})"


def rounded(labels: float) -> str:
    """A number of labels to two digits, as nobody knows more."""
    digits = 1 - math.floor(math.log10(labels))
    return f"{round(labels, digits):,.0f}"


def _arrow(axes: Axes, found: Worth, level: float, method: str) -> None:
    """From an arm to the supervised curve, with the interval at its tip."""
    colour = arm_of(method).colour
    ends = axes.get_xlim()
    tip, low, high = (
        float(np.clip(value, *ends)) for value in (found.labels, found.low, found.high)
    )
    if not math.isnan(low):
        axes.plot(
            (low, high),
            (level, level),
            color=colour,
            lw=7,
            alpha=0.3,
            solid_capstyle="butt",
            label="interval",
        )
    if math.isfinite(found.labels):
        bottom = axes.get_ylim()[0]
        axes.vlines(tip, bottom, level, color=colour, ls=":", lw=1.4)
    look = {"arrowstyle": "-|>", "color": colour, "lw": 2.2, "mutation_scale": 15}
    look |= {"shrinkA": 5, "shrinkB": 0}
    axes.annotate("", (tip, level), (found.had, level), arrowprops=look, zorder=4)


def hours(bill: pd.DataFrame) -> Figure:
    """Show what an arm's hours of computing replace, on an axis of labels.

    A line a budget and variant: from the labels that the arm had, a square, an arrow to
    those that it is worth, with their interval and the time it took. What leaves the
    supervised curve is a triangle at its end.

    Args:
        bill: From ``study.label_efficiency.bill``, of one arm, with a few budgets.

    Raises:
        ValueError: If it mixes arms, data sets or profiles.
    """
    arms = bill[["method", "protocol"]].drop_duplicates()
    if len(arms) != 1:
        raise ValueError(f"a bill takes one arm, not\n{arms}")
    method, protocol = arms.iloc[0]
    rows = bill.sort_values(["labels", "hours"])
    figure, axes = new_figure(height=1.5 + 0.36 * len(rows))
    axes.set_xscale("log")
    groups: dict[int, list[float]] = {}
    y = 0.0
    for row in rows.itertuples():
        had = int(str(row.labels))
        y += 0.0 if not groups else 1.0 if had in groups else 1.5
        groups.setdefault(had, []).append(y)
        _replaced(axes, row, y, method)
    axes.set_yticks(
        [float(np.mean(ys)) for ys in groups.values()],
        [f"{had:,} labels" for had in groups],
    )
    axes.tick_params(axis="y", length=0)
    start, end = bill["start"].min(), bill["end"].max()
    farthest = bill[["labels", "worth", "high"]].max(axis=None)
    left, right = start / 1.8, end * (100 if farthest > end / 5 else 2)  # for the text
    axes.set(xlim=(left, right), ylim=(y + 0.7, -0.7))
    axes.axvspan(end, right, color="#F4F4F4", zorder=0)
    axes.axvspan(left, start, color="#F4F4F4", zorder=0)
    powers = 10.0 ** np.arange(math.ceil(math.log10(start)), 9)
    axes.set_xticks(powers[powers <= end])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    alone = arm_of("supervised").label
    axes.set_xlabel(f"labels with which {alone} training does as well")
    name = arm_name(method, protocol)
    text = f"square: labels had; mark: {name}; bar: 95 % interval"
    footnote(figure, bill, f"{text}; time of all computing")
    return figure


def _replaced(axes: Axes, row: Any, y: float, method: str) -> None:
    """A line of a bill."""
    arm, alone = arm_of(method), arm_of("supervised")
    ends = row.start / 1.4, row.end * 1.4
    low, at, high = (
        float(np.clip(value, *ends)) for value in (row.low, row.worth, row.high)
    )
    look = {"arrowstyle": "-|>", "color": arm.colour, "lw": 1.2, "mutation_scale": 10}
    look |= {"shrinkA": 0, "shrinkB": 6}
    if abs(math.log10(at / row.labels)) > 0.1:  # there is room
        axes.annotate("", (at, y), (row.labels, y), arrowprops=look)
    axes.plot((low, high), (y, y), color=arm.colour, lw=5, alpha=0.3, label="interval")
    marker = arm.marker if math.isfinite(row.worth) else ">" if row.worth > 0 else "<"
    axes.plot(at, y, marker, color=arm.colour, ms=8, zorder=4, label="worth")
    axes.plot(row.labels, y, alone.marker, color=alone.colour, ms=6, zorder=3)
    right = max(x for x in (row.labels, at, high) if not math.isnan(x))
    number = f"{row.end:,}" if row.worth > 0 else f"{row.start:,}"
    said = f"{marker} {number}" if marker in "<>" else rounded(row.worth)
    took = in_time(60 * round(60 * row.hours))  # nobody knows it to the second
    text, off = f"{said} in {took}", (9, 0)
    axes.annotate(text, (right, y), off, textcoords="offset points", va="center")
