"""The figures that compare methods over many runs: a Figure from a table.

A ``summary`` is from ``tables.summarise``; one that mixes data sets or profiles is a
ValueError. Colours, labels and markers are those of ``plots``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sslkit.contrasts import equivalent
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

_SUPERVISED = ("supervised", "supervised-plain")  # no pretraining: no other protocol
_ACCURACY = "test accuracy (%)"


def label_curve(summary: pd.DataFrame, *, protocol: str = "finetune") -> Figure:
    """Show accuracy by share of labels, with 95 % bands, a curve a method.

    Args:
        summary: Of one data set and profile.
        protocol: How encoders were judged. Supervised training and, where a random
            encoder has no such score, its linear probe stand beside them.
    """
    figure, axes = new_figure(height=3.7)
    for method in METHOD_LABELS:
        _curve(axes, _of(summary, method, protocol))
    _label_shares(axes, summary)
    figure.legend(loc="outside upper left", ncols=3)
    footnote(figure, summary, f"{PROTOCOL_LABELS[protocol]}; bands: 95 % t-interval")
    return figure


def arrow(
    summary: pd.DataFrame,
    *,
    method: str = "simclr",
    protocol: str = "finetune",
    fraction: float = 0.05,
) -> Figure:
    """Show how many labels supervised training needs for what a method does with few.

    The arrow goes from the method's accuracy at ``fraction`` to where the supervised
    curve, straight between its points, first reaches it (see ``equivalent``).

    Args:
        summary: Of one data set and profile.
        method: Where the arrow starts.
        protocol: How the method was judged.
        fraction: Its share of the labels.

    Raises:
        ValueError: If the scores that it takes are not in the summary.
    """
    curve = _of(summary, "supervised", protocol)
    start = _of(at_fraction(summary, fraction), method, protocol)
    if len(curve) < 2 or len(start) != 1:
        raise ValueError(
            "an arrow takes supervised scores at two fractions or more, and one of "
            f"'{method}' by '{protocol}' at {fraction:g}"
        )
    few, level = 100 * fraction, 100 * start["mean"].item()
    share = 100 * equivalent(curve["fraction"], curve["mean"], level / 100)
    figure, axes = new_figure(height=3.7)
    axes.margins(y=0.15)
    _curve(axes, curve)
    _curve(axes, start)
    _label_shares(axes, summary)
    axes.set_ylim(axes.get_ylim())  # stays as it is
    name, colour = METHOD_LABELS[method], METHOD_COLOURS[method]
    if math.isfinite(share):
        axes.vlines(share, axes.get_ylim()[0], level, color=colour, ls=":")
        worth = f"as good as supervised with {share:.0f} %"
    elif share > 0:
        worth = f"beyond supervised with {100 * curve['fraction'].max():g} %"
    else:
        worth = f"below supervised with {100 * curve['fraction'].min():g} %"
    axes.set_title(f"{name} with {few:g} % of the labels:\n{worth}", loc="left")
    tip = float(np.clip(share, *axes.get_xlim()))
    look = {"arrowstyle": "-|>", "color": colour, "lw": 2.2, "mutation_scale": 16}
    look |= {"shrinkA": 5, "shrinkB": 0}
    axes.annotate("", (tip, level), (few, level), arrowprops=look, zorder=4)
    _say(axes, name, few, level, (8, 6))
    x, y = 100 * curve[["fraction", "mean"]].iloc[-2:].mean()
    _say(axes, METHOD_LABELS["supervised"], x, y, (6, -18))
    footnote(
        figure, summary, f"{PROTOCOL_LABELS[protocol]}; band, bar: 95 % t-interval"
    )
    return figure


def reversal(
    summary: pd.DataFrame, *, fraction: float = 0.05, study: pd.DataFrame | None = None
) -> Figure:
    """Show accuracy frozen and fine-tuned, a line a method.

    Without pretraining the frozen end is the encoder that training starts from, and the
    other end is supervised training.

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
    for i, name in enumerate(list(METHOD_LABELS)[2:]):
        baseline = name in _SUPERVISED
        methods = (floor if baseline else name), name
        both = pd.concat([_of(here, *end) for end in zip(methods, ends, strict=True)])
        if len(both) != 2:
            continue
        x = np.array([0, 1]) + 0.025 * (i - 2)  # intervals beside each other,
        x[0] = -0.05 if baseline else x[0]  # and both baselines from one start
        y = 100 * both["mean"].to_numpy()
        line = ":" if baseline else "-"
        axes.plot(x, y, line, color=METHOD_COLOURS[name], zorder=2)
        for end in (0, 1):
            _point(axes, both.iloc[end], x=x[end])
        if baseline and not places:
            _say(axes, METHOD_LABELS[floor], x[0], y[0], (9, -14))
        places[name] = y[1]
    if not places:
        raise ValueError(f"no method has both protocols at fraction {fraction:g}")
    note = f"{100 * fraction:g} % of the labels; bars: 95 % t-interval"
    if study is not None:
        theirs = at_fraction(study[study["protocol"].isin(ends)], fraction)
        beside = theirs["protocol"].map({"linear": -0.09, "finetune": 1.09})
        colours = theirs["method"].map(METHOD_COLOURS)
        axes.scatter(beside, 100 * theirs["mean"], s=55, c=colours, marker="x", lw=2)
        note += "; crosses: the study"
    low, high = axes.get_ylim()
    least = low
    for name in sorted(places, key=lambda name: places[name]):
        axes.text(1.18, max(places[name], least), METHOD_LABELS[name], va="center")
        least = max(places[name], least) + 0.07 * (high - low)  # no label on another
    axes.set_xticks([0, 1], ["frozen,\nlinear probe", "fine-tuned"])
    axes.set(xlim=(-0.25, 1.75), ylabel=_ACCURACY)
    footnote(figure, summary, note)
    return figure


def differences(
    frame: pd.DataFrame,
    *,
    pairs: pd.DataFrame | None = None,
    against: str = "supervised",
) -> Figure:
    """Show paired differences to a baseline with 95 % t-intervals, a panel a fraction.

    Args:
        frame: From ``tables.differences``, of one data set and profile.
        pairs: The single differences, drawn as small dots: columns fraction, method,
            protocol, difference.
        against: The baseline that ``frame`` was made against.
    """
    note = f"percentage points to {METHOD_LABELS[against]}, paired; 95 % t-interval"
    figure, panels, rows = _panels(frame, label="points", note=note)
    for fraction, axes in panels.items():
        axes.axvline(0, color=METHOD_COLOURS[against], lw=1.4, zorder=1)
        if pairs is not None:
            here = at_fraction(pairs, fraction)
            marks = zip(here["method"], here["protocol"], strict=True)
            below = [rows[mark] + 0.32 for mark in marks]
            colours = here["method"].map(METHOD_COLOURS)
            axes.scatter(
                100 * here["difference"], below, s=9, c=colours, alpha=0.5, lw=0
            )
    return figure


def scores(summary: pd.DataFrame, *, majority: float | None = None) -> Figure:
    """Show accuracy by method and protocol with 95 % t-intervals, a panel a fraction.

    Args:
        summary: Of one data set and profile. Supervised training is a line with a band
            through its panel.
        majority: Accuracy of always answering the commonest class, in [0, 1].
    """
    is_supervised = summary["method"] == "supervised"
    supervised, others = summary[is_supervised], summary[~is_supervised]
    note = "on the test images; bars and band: 95 % t-interval"
    figure, panels, _ = _panels(others, label="accuracy (%)", note=note)
    colour = METHOD_COLOURS["supervised"]
    for fraction, axes in panels.items():
        for _, row in at_fraction(supervised, fraction).iterrows():
            mean, low, high = 100 * row[["mean", "low", "high"]]
            axes.axvspan(low, high, color=colour, alpha=0.13, lw=0)
            axes.axvline(mean, color=colour, lw=1.4, zorder=1, label="supervised")
        if majority is not None:
            text = "commonest class"
            axes.axvline(100 * majority, color=GREY, ls=":", zorder=1, label=text)
    entries = next(iter(panels.values())).get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper right", ncols=2)
    return figure


def at_fraction(frame: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The rows of one share of the labels."""
    return frame[np.isclose(frame["fraction"], fraction)]


def _of(summary: pd.DataFrame, method: str, protocol: str) -> pd.DataFrame:
    """A method's rows by fraction; for a baseline without the protocol, its own."""
    rows = summary[summary["method"] == method].sort_values("fraction")
    if method in _SUPERVISED:
        protocol = "finetune"
    elif method == "random" and protocol not in set(rows["protocol"]):
        protocol = "linear"
    return rows[rows["protocol"] == protocol]


def footnote(figure: Figure, frame: pd.DataFrame, text: str) -> None:
    """Say below what the marks are, and from which one data set and profile."""
    sources = frame[["data", "profile"]].drop_duplicates()
    if len(sources) != 1:
        raise ValueError(f"a figure takes one data set and profile, not\n{sources}")
    data, profile = sources.iloc[0]
    figure.supxlabel(f"{text}\n{data}, profile {profile}", size=SMALL, color=GREY)


def _say(axes: Axes, text: str, x: float, y: float, off: tuple[float, float]) -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
    axes.annotate(text, (x, y), off, textcoords="offset points", bbox=paper)


def _curve(axes: Axes, rows: pd.DataFrame) -> None:
    """Means joined by a line in a band; a lone mean with its interval."""
    if len(rows) < 2:
        for _, row in rows.iterrows():
            label = METHOD_LABELS[row["method"]]
            _point(axes, row, x=100 * row["fraction"], label=label)
        return
    method, x = rows["method"].iloc[0], 100 * rows["fraction"]
    colour, line = METHOD_COLOURS[method], METHOD_MARKERS[method] + "-"
    low, high = 100 * rows["low"], 100 * rows["high"]
    axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axes.plot(x, 100 * rows["mean"], line, color=colour, label=METHOD_LABELS[method])


def _point(
    axes: Axes,
    row: pd.Series,
    *,
    x: float | None = None,
    y: float = 0,
    label: str | None = None,
) -> None:
    """A mean with its interval: upright at ``x``, or lying at ``y``."""
    mean, low, high = 100 * row[["mean", "low", "high"]]
    bar = [[mean - low], [high - mean]]
    look: Any = {"x": mean, "y": y, "xerr": bar}
    if x is not None:
        look = {"x": x, "y": mean, "yerr": bar}
    look |= {"fmt": METHOD_MARKERS[row["method"]], "zorder": 3, "label": label}
    axes.errorbar(**look, color=METHOD_COLOURS[row["method"]], elinewidth=2)


def _label_shares(axes: Axes, summary: pd.DataFrame) -> None:
    shares = sorted(100 * summary["fraction"].unique())
    named: list[float] = []
    for share in reversed(shares):
        if not named or named[-1] - share > 4:  # no number on another
            named.append(share)
    axes.set_xticks(shares, [f"{x:g}" if x in named else "" for x in shares])
    axes.set(xlim=(0, max(shares) + 3), xlabel="labels used (%)", ylabel=_ACCURACY)


def _panels(
    frame: pd.DataFrame, *, label: str, note: str
) -> tuple[Figure, dict[float, Axes], dict[tuple[str, str], int]]:
    """A panel a fraction, with a row a protocol below the name of each method."""
    names: list[str] = []
    rows: dict[tuple[str, str], int] = {}
    for method in METHOD_LABELS:
        own = set(frame.loc[frame["method"] == method, "protocol"])
        names += [METHOD_LABELS[method]] if own else []
        for protocol in (p for p in PROTOCOL_LABELS if p in own):
            rows[method, protocol] = len(names)
            names.append(PROTOCOL_LABELS[protocol])
    fractions = sorted(frame["fraction"].unique())
    size = min(WIDTH, 2.6 + 1.6 * len(fractions)), min(4.2, 1.3 + 0.19 * len(names))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(fractions), sharex=True, sharey=True, squeeze=False)
    for fraction, axes in zip(fractions, panels[0], strict=True):
        for _, row in at_fraction(frame, fraction).iterrows():
            _point(axes, row, y=rows[row["method"], row["protocol"]])
        axes.set(title=f"{100 * fraction:g} % of labels", xlabel=label)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for i, tick in enumerate(panels[0, 0].get_yticklabels()):
        tick.set_fontweight("normal" if i in rows.values() else "bold")
    footnote(figure, frame, note)
    return figure, dict(zip(fractions, panels[0], strict=True)), rows
