"""The figures of leaks: turns told apart, and one image set divided in three ways."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sslkit.figures.plots import GREY, PROTOCOL_LABELS, WIDTH, new_figure, note
from sslkit.runs.arms import arm_of

_ARMS = ("rotnet", "rotnet-jitter")


def turns_by_share(rotations: pd.DataFrame) -> Figure:
    """Show the rotation accuracy of single pretrainings by share, a panel a set.

    Args:
        rotations: A row a pretraining: columns data, method (``"rotnet"`` or
            ``"rotnet-jitter"``), fraction and ``told``, the share of turns told apart,
            in [0, 1].
    """
    names = list(rotations["data"].unique())
    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    shares = sorted(rotations["fraction"].unique())
    for axes, name in zip(panels, names, strict=True):
        for shift, method in enumerate(_ARMS):
            here = (rotations["data"] == name) & (rotations["method"] == method)
            own, arm = rotations[here], arm_of(method)
            x = own["fraction"].map(shares.index) + 0.2 * shift - 0.1
            style: Any = {"color": arm.colour, "alpha": 0.8, "label": arm.label}
            axes.plot(x, 100 * own["told"], arm.marker, **style)
        axes.axhline(25, color=GREY, ls=":", label="guessing")
        axes.set_xticks(range(len(shares)), [f"{100 * share:g}" for share in shares])
        axes.set(title=name, xlim=(-0.5, len(shares) - 0.5), ylim=(0, 102))
        axes.set(xlabel="images used (%)")
    panels[0].set_ylabel("turns told apart (%)")
    entries = panels[0].get_legend_handles_labels()
    figure.legend(*entries, loc="outside upper left", ncols=3)
    return figure


def leaps(means: pd.DataFrame, *, source: str) -> Figure:
    """Show the accuracies of arms in three divisions, joined by a line, an arm a line.

    Args:
        means: From ``study.leaks.leaps``.
        source: What is written below: the data and the profile.
    """
    figure, axes = new_figure(height=1.2 + 0.24 * len(means))
    rows: list[Any] = list(means.itertuples())
    for y, row in enumerate(rows):
        arm = arm_of(row.method)
        group, given, image = 100 * row.group, 100 * row.given, 100 * row.image
        axes.plot([group, image], [y, y], color=arm.colour)
        axes.plot(image, y, arm.marker, color=arm.colour, ms=7)
        axes.plot(given, y, arm.marker, color=arm.colour, ms=5, mew=0.5)
        hollow: Any = {"mfc": "white", "mec": arm.colour, "mew": 1.5, "ms": 7}
        axes.plot(group, y, arm.marker, **hollow)
    names = [
        f"{100 * row.fraction:g} %, {arm_of(row.method).label}, "
        f"{PROTOCOL_LABELS[row.protocol]}"
        for row in rows
    ]
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="test accuracy (%)")
    note(figure, f"hollow: by group; small: mixed; filled: by image\n{source}")
    return figure
