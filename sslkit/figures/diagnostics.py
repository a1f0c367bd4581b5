"""The figures of single runs.

Learning curves and confusion; *too good to be true* and *the hue dial*, two of the five
that a reader should remember.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from sslkit.figures.plots import (
    GREEN,
    GREY,
    SMALL,
    WIDTH,
    new_figure,
    pixels,
)
from sslkit.runs.arms import arm_of

if TYPE_CHECKING:
    from sslkit.judging.scores import Score


def curves(
    *histories: pd.DataFrame,
    phase: str | None = None,
    selected: Sequence[int] = (),
    method: str = "supervised",
) -> Figure:
    """Show loss, accuracy where measured, and learning rate by epoch.

    Of several runs each is a thin line, and their mean a thick one.

    Args:
        histories: Each ``Run.history``: columns phase, epoch, step, metric, value.
        phase: "pretrain" or a protocol; the only one if not given.
        selected: For each, the epoch whose weights were tested (``Score.epoch``). It is
            marked on the validation curve.
        method: Whose colour to take.

    Raises:
        ValueError: If the phase is not in a history, or there are several to choose.
    """
    tables = [_by_epoch(history, phase) for history in histories]
    labels = {"loss": "loss (nats)", "accuracy": "accuracy (%)"}
    known = tables[0].columns.str
    shown = [panel for panel in labels if known.endswith(panel).any()]
    layout: Any = [shown, ["lr"] * len(shown)]
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    panels = figure.subplot_mosaic(layout, height_ratios=[3, 1])
    colour, alone = arm_of(method).colour, len(tables) == 1
    thin: Any = {"color": colour, "lw": 0.8, "alpha": 0.25}
    mark: Any = {"color": GREEN, "s": 45 if alone else 22, "ec": "white", "zorder": 3}
    text = f"selected: epoch {selected[0]}" if alone and selected else "selected epoch"
    mean = pd.concat(tables).groupby(level="epoch").mean()
    for panel in shown:
        unit, axes = 100 if panel == "accuracy" else 1, panels[panel]
        for part, line in {"train": "-", "val": "--"}.items():
            if (metric := f"{part}_{panel}") not in mean:
                continue
            for table in () if alone else tables:
                axes.plot(unit * table[metric], line, **thin)
            name = {"train": "training", "val": "validation"}[part]
            axes.plot(unit * mean[metric], line, color=colour, label=name)
        for table, epoch in zip(tables, selected, strict=False):
            if (metric := f"val_{panel}") in table:
                axes.scatter(epoch, unit * table[metric][epoch], label=text, **mark)
        axes.set_ylabel(labels[panel])
    panels["lr"].plot(tables[0]["lr"], color=GREY)
    panels["lr"].set(ylabel="learning\nrate", ylim=(0, None))
    panels["lr"].yaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
    for axes in panels.values():
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10], integer=True))
    handles, texts = panels[shown[0]].get_legend_handles_labels()
    once = dict(zip(texts, handles, strict=True))
    figure.legend(once.values(), once, loc="outside upper left", ncols=3)
    return figure


def _by_epoch(history: pd.DataFrame, phase: str | None) -> pd.DataFrame:
    """One phase of a history, a column a metric."""
    phases = list(history["phase"].unique())
    if (phase not in phases) if phase else len(phases) != 1:
        raise ValueError(f"phase is {phase!r}; this history has {', '.join(phases)}")
    rows = history[history["phase"] == (phase or phases[0])]
    return rows.pivot(index="epoch", columns="metric", values="value")


def confusion(score: Score, classes: Sequence[str]) -> Figure:
    """Show test images by true class (rows) and predicted class (columns).

    Args:
        score: Whose ``confusion`` to show: counts, and shares of the true class.
        classes: Their names.
    """
    counts = np.asarray(score.confusion)
    share = 100 * counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    texts = [f"{n}\n{s:.0f} %" for n, s in zip(counts.flat, share.flat, strict=True)]
    side = 0.75 * len(classes)
    if side > 4.6:  # many classes: small cells, counts alone
        side, texts = 4.6, [str(n) for n in counts.flat]
    figure, axes = new_figure(width=side + 1.6, height=side + 0.6)
    axes.grid(visible=False)
    frame = pd.DataFrame(share, list(classes), list(classes))
    bar = {"label": "share of the true class (%)", "shrink": 0.8}
    look = {"cmap": "Blues", "vmin": 0, "vmax": 100, "square": True, "linewidths": 1.5}
    annot = {"annot": np.reshape(texts, counts.shape), "annot_kws": {"size": SMALL}}
    sns.heatmap(frame, ax=axes, fmt="", cbar_kws=bar, **look, **annot)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(length=0, labelrotation=0)
    if max(map(len, classes)) * 0.08 > side / len(classes):
        axes.tick_params(axis="x", labelrotation=90)
    return figure


def too_good(points: pd.DataFrame, *, jittered: pd.Series, floor: float) -> Figure:
    """Show downstream accuracy against rotation accuracy as the light comes on.

    An arrow leads from light to light. Where it goes right and down, the pretext task
    is solved better and better, and the encoder is worth less and less.

    Args:
        points: RotNets, one a light, which is the index: columns ``told``, the share of
            turns told apart in validation, and ``probed``, the accuracy of a linear
            probe in the test; in [0, 1].
        jittered: The same two of a RotNet + jitter.
        floor: Accuracy of a linear probe of a random encoder, in [0, 1].
    """
    figure, axes = new_figure(height=4.0)
    spots = [tuple(spot) for spot in 100 * points[["told", "probed"]].to_numpy()]
    colour = arm_of("rotnet").colour
    look: Any = {"arrowstyle": "-|>", "color": colour, "lw": 1.8}
    look |= {"shrinkA": 5, "shrinkB": 6, "mutation_scale": 14}
    for here, there in pairwise(spots):
        axes.annotate("", there, here, arrowprops=look)
    other = tuple(100 * jittered[["told", "probed"]])
    for method, where in {"rotnet": spots, "rotnet-jitter": [other]}.items():
        look = {"color": arm_of(method).colour, "label": arm_of(method).label}
        look |= {"marker": arm_of(method).marker, "ls": "", "ms": 9, "zorder": 3}
        axes.plot(*zip(*where, strict=True), **look)
    for light, spot in zip(points.index, spots, strict=True):
        text = f"light {light:g}" if light else "no light"
        axes.annotate(text, spot, (8, 6), textcoords="offset points", size=SMALL)
    axes.axhline(100 * floor, color=GREY, ls=":", label=arm_of("random").label)
    axes.set(xlabel="turns told apart in validation (%)")
    axes.set(ylabel="linear probe, test accuracy (%)")
    axes.margins(x=0.16, y=0.12)
    low = axes.get_xlim()[0]
    axes.set_xticks([x for x in axes.get_xticks() if low < x <= 100])
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def hue_dial(
    measured: pd.DataFrame,
    pictures: Mapping[tuple[float, int], Tensor],
    *,
    guess: float,
    size: float = 1.0,
    current: int | None = None,
) -> Figure:
    """Show what hue jitter does to hue and to class, and images below the curves.

    Args:
        measured: A row a hue jitter, which is the index: columns ``hue`` (R² of a
            read-out) and ``class`` (accuracy by neighbours), at most 1.
        pictures: Images ``(3, S, S)`` as ``pixels`` takes them, by column and row below
            the curves. Column 0 is below the first point; -1 is left of all points.
        guess: Accuracy of guessing the class, in [0, 1].
        size: Side of an image, in columns.
        current: Number of the point that the dial is at, if one is to be marked.
    """
    count = len(measured)
    unit = WIDTH / (count + 1)  # inches a column
    rows = size * (max(row for _, row in pictures) + 1)
    height = 2.9 + rows * unit
    figure = Figure((WIDTH, height))
    axes = figure.add_axes(
        (1 / (count + 1), 1 - 2.35 / height, count / (count + 1), 2 / height)
    )
    blue = arm_of("simclr").colour
    for column, line, text in (
        ("hue", "o--", "hue, read out (R²)"),
        ("class", "D-", "class, by ten neighbours (accuracy)"),
    ):
        values = 100 * measured[column].clip(lower=0)
        axes.plot(range(count), values, line, color=blue, markersize=8, label=text)
    if current is not None:
        axes.axvline(current, color=GREEN, lw=14, alpha=0.3, zorder=0)
    axes.axhline(100 * guess, color=GREY, lw=1, ls=":")
    axes.text(0.5, 100 * guess - 2, "class, guessed", va="top", size=SMALL)
    axes.set(xlim=(-0.5, count - 0.5), ylim=(-3, 106), ylabel="%")
    axes.set_xticks(range(count), [f"{jitter:g}" for jitter in measured.index])
    axes.set_xlabel("hue jitter (turns; 0.5 is any hue)")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, handlelength=3.5)
    below = figure.add_axes((0, 0, 1, rows * unit / height))
    for (at, row), image in pictures.items():
        edges = at - 0.46 * size, at + 0.46 * size
        box = (*edges, (row + 0.96) * size, (row + 0.04) * size)
        below.imshow(pixels(image), extent=box, interpolation="none")
    below.axvline(-0.5, color=GREY, lw=1)
    below.set(xlim=(-1.5, count - 0.5), ylim=(rows, 0), aspect="auto")
    below.set_axis_off()
    return figure
