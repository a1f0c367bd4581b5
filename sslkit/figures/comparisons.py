"""The figures of what methods are worth, by share of labels: a Figure from a table.

A ``summary`` is from ``tables.summarise``; one that mixes data sets or profiles is a
ValueError. Colours, labels and markers are those of ``plots``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.figures.plots import (
    PROTOCOL_LABELS,
    footnote,
    name_ends,
    new_figure,
)
from sslkit.runs.arms import arm_of, ordered
from sslkit.study.tables import at_fraction

_ACCURACY = "test accuracy (%)"


def label_curve(summary: pd.DataFrame, *, protocol: str = "finetune") -> Figure:
    """Show accuracy by share of labels, with 95 % bands, a curve a method.

    Args:
        summary: Of one data set and profile.
        protocol: How encoders were judged. What has no such score (supervised and
            self-training, a random encoder) stands beside them with its own.
    """
    figure, axes = new_figure(height=3.7)
    curves = [_of(summary, name, protocol) for name in ordered(summary["method"])]
    ends = [_curve(axes, rows) for rows in curves if not rows.empty]
    _label_shares(axes, summary)
    name_ends(axes, ends)
    footnote(figure, summary, f"{PROTOCOL_LABELS[protocol]}; bands: 95 % t-interval")
    return figure


def reversal(
    summary: pd.DataFrame, *, fraction: float = 0.05, study: pd.DataFrame | None = None
) -> Figure:
    """Show accuracy frozen and fine-tuned, a line a method.

    Without pretraining the frozen end is the encoder that training starts from, and the
    other end is supervised training, or self-training.

    Args:
        summary: Of one data set and profile.
        fraction: Share of the labels.
        study: The study's accuracies, drawn as crosses: columns fraction, method,
            protocol, mean.

    Raises:
        ValueError: If no method has both scores.
    """
    ends = ["linear", "finetune"]
    here = at_fraction(summary, fraction)
    figure, axes = new_figure(width=5.6, height=3.8)
    places: dict[str, float] = {}
    floor = "start" if "start" in set(here["method"]) else "random"
    known = [
        name for name in ordered(here["method"]) if name not in ("random", "start")
    ]
    for i, name in enumerate(known):
        baseline = arm_of(name).only is not None
        methods = (floor if baseline else name), name
        both = pd.concat([_of(here, *end) for end in zip(methods, ends, strict=True)])
        if len(both) != 2:
            continue
        x = np.array([0, 1]) + 0.025 * (i - 2)  # intervals beside each other,
        x[0] = -0.05 if baseline else x[0]  # and the baselines from one start
        y = 100 * both["mean"].to_numpy()
        line = ":" if baseline else "-"
        axes.plot(x, y, line, color=arm_of(name).colour, zorder=2)
        for end in (0, 1):
            _point(axes, both.iloc[end], x[end])
        if baseline and not places:
            _say(axes, arm_of(floor).label, x[0], y[0], (9, -14))
        places[name] = y[1]
    if not places:
        raise ValueError(f"no method has both protocols at fraction {fraction:g}")
    note = f"{100 * fraction:g} % of the labels; bars: 95 % t-interval"
    if study is not None:
        theirs = at_fraction(study[study["protocol"].isin(ends)], fraction)
        beside = theirs["protocol"].map({"linear": -0.09, "finetune": 1.09})
        colours = [arm_of(name).colour for name in theirs["method"]]
        axes.scatter(beside, 100 * theirs["mean"], s=55, c=colours, marker="x", lw=2)
        note += "; crosses: the study"
    low, high = axes.get_ylim()
    least = low
    for name in sorted(places, key=lambda name: places[name]):
        axes.text(1.18, max(places[name], least), arm_of(name).label, va="center")
        least = max(places[name], least) + 0.07 * (high - low)  # no label on another
    axes.set_xticks([0, 1], ["frozen,\nlinear probe", "fine-tuned"])
    axes.set(xlim=(-0.25, 1.75), ylabel=_ACCURACY)
    footnote(figure, summary, note)
    return figure


def _of(summary: pd.DataFrame, method: str, protocol: str) -> pd.DataFrame:
    """A method's rows by fraction; for a baseline without the protocol, its own."""
    rows = summary[summary["method"] == method].sort_values("fraction")
    return rows[rows["protocol"] == arm_of(method).judged(protocol)]


def _say(axes: Axes, text: str, x: float, y: float, off: tuple[float, float]) -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    axes.annotate(text, (x, y), off, textcoords="offset points", bbox=paper)


def _curve(axes: Axes, rows: pd.DataFrame) -> tuple[float, float, str, str]:
    """Means joined by a line in a band, or a lone one; where it ends, for its name."""
    arm, x = arm_of(rows["method"].iloc[0]), 100 * rows["fraction"]
    mean, low, high = (100 * rows[end] for end in ("mean", "low", "high"))
    if len(rows) < 2:
        _point(axes, rows.iloc[0], x.iloc[0], arm.label)
    else:
        axes.fill_between(x, low, high, color=arm.colour, alpha=0.15, lw=0)
        axes.plot(x, mean, f"{arm.marker}-", color=arm.colour, label=arm.label)
    return x.iloc[-1], mean.iloc[-1], arm.label, arm.colour


def _point(axes: Axes, row: pd.Series, x: float, label: str | None = None) -> None:
    """A mean with its interval."""
    mean, low, high = 100 * row[["mean", "low", "high"]]
    bar = [[mean - low], [high - mean]]
    look: Any = {"fmt": arm_of(row["method"]).marker, "zorder": 3, "label": label}
    colour = arm_of(row["method"]).colour
    axes.errorbar(x, mean, yerr=bar, color=colour, elinewidth=2, **look)


def _label_shares(axes: Axes, summary: pd.DataFrame) -> None:
    shares = sorted(100 * summary["fraction"].unique())
    named: list[float] = []
    for share in reversed(shares):
        if not named or named[-1] - share > 4:  # no number on another
            named.append(share)
    axes.set_xticks(shares, [f"{x:g}" if x in named else "" for x in shares])
    axes.set(xlim=(0, max(shares) + 3), xlabel="labels used (%)", ylabel=_ACCURACY)
